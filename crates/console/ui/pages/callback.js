// One callback: its settings, and every time it was called.

import { api, quoted } from "../api.js";
import { panel, problem } from "../dialog.js";
import { fill, h } from "../dom.js";
import { duration, number, plural, pretty, time } from "../format.js";
import { input, select } from "../forms.js";
import { keepAsking } from "../live.js";
import { go, link, note } from "../routes.js";
import { can } from "../session.js";
import { table } from "../table.js";
import { PATH, objectTypes, outcomeBadge, remove, throwSwitch, timingWord } from "./callbacks.js";

const EVERY = 3_000;
const PAGE = 250;
const OUTCOMES = ["ALLOWED", "DENIED", "SUCCEEDED", "FAILED", "PENDING", "STOPPED"];
const ACTIONS = ["CREATED", "UPDATED", "DELETED"];
const POLICIES = {
  DENY: "DENY: a failure denies the action", ALLOW: "ALLOW: a failure is passed over", AUDIT: "AUDIT: it is recorded, and decides nothing",
};

export async function callbackPage(context) {
  const { main, title, parts, query, signal, onState } = context;
  const path = `${PATH}/${encodeURIComponent(parts[0])}`;
  const [{ data: row }, types] = await Promise.all([api.get(path, { signal }), objectTypes({ signal })]);
  const again = () => callbackPage(context);
  const manages = can.manageSubscriptions();
  const history = makeHistory(path, row, query, signal);
  fill(main,
    h("div", { class: "title-row" }, h("div", {}, title(row.name), h("p", { class: "mono" }, row.id)),
      manages ? h("div", { class: "actions" },
        h("button", { type: "button", onclick: async () => { if (await throwSwitch(row, !row.enabled)) again(); } }, row.enabled ? "Disable" : "Enable"),
        h("a", { class: "button primary", href: link(["callbacks", row.id, "edit"]) }, "Edit"),
        h("button", { type: "button", class: "danger", onclick: async () => { if (await remove(row)) go("callbacks"); } }, "Delete")) : null),
    row.description ? h("p", { class: "lead" }, row.description) : null,
    row.enabled ? null : h("p", { class: "notice" }, "Disabled: it is not called."),
    h("section", { class: "card" }, h("h2", {}, "Settings"), settings(row, types)),
    h("section", {}, h("h2", {}, "History"), history.element));
  await history.begin();
  keepAsking(history.refresh, { every: EVERY, signal, onState });
}

function settings(row, types) {
  const headers = Object.entries(row.requestHeaders ?? {});
  const entries = [
    ["When", timingWord(row.timing)],
    ["Object type", types.get(row.objectType)?.name ?? row.objectType],
    ["Address", h("code", {}, row.url)],
    row.timing === "BEFORE" ? ["Expected status", String(row.expectedStatus)] : null,
    row.timing === "BEFORE" ? ["Failure policy", POLICIES[row.failurePolicy] ?? row.failurePolicy] : null,
    ["Request headers", headers.length ? h("code", {}, headers.map(([name, value]) => `${name}: ${value}`).join("; ")) : "None"],
    ["Authentication", row.authentication?.type ?? "NO_AUTH"],
    ["Timeout", row.timeoutMs ? duration(row.timeoutMs) : "As the service is set."],
    ["Last triggered on", time(row.lastTriggeredOn, "Never")],
  ].filter(Boolean);
  return h("dl", {}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function makeHistory(path, row, query, signal) {
  let rows = [];
  let isAll = false;
  let isLoading = false;
  const outcome = select([["", "All"], ...OUTCOMES], query.get("outcome") ?? "");
  const action = select([["", "All"], ...ACTIONS], query.get("action") ?? "");
  const object = input({ type: "search", value: query.get("object") ?? "" });
  const said = h("div");
  const count = h("p", { class: "hint", role: "status" });
  const list = table({
    label: `History of ${row.name}`, key: (one) => one.id, columns: columns(),
    empty: h("p", {}, "It has not been called, or nothing fits. It is called when the platform asks about an action of its object type."),
    onEnd: () => more(),
  });
  const filters = () => [
    outcome.value && `outcome eq ${quoted(outcome.value)}`, action.value && `action eq ${quoted(action.value)}`,
    object.value.trim() && `objectId eq ${quoted(object.value.trim())}`,
  ].filter(Boolean).join(" and ");
  const ask = async (offset, options) =>
    (await api.get(`${path}/activations`, { signal, ...options, query: { limit: PAGE, offset, filters: filters() } })).data;
  const show = () => {
    list.set(rows);
    count.textContent = `${plural(rows.length, "activation")}${isAll ? "" : "; older ones come as you scroll"}.`;
  };
  async function begin() {
    rows = await ask(0);
    isAll = rows.length < PAGE;
    show();
  }
  async function more() {
    if (isAll || isLoading) return;
    isLoading = true;
    try {
      const older = await ask(rows.length);
      isAll = older.length < PAGE;
      rows = united(rows, older);
      show();
    } catch (error) {
      if (!signal.aborted) fill(said, problem(error));
    } finally {
      isLoading = false;
    }
  }
  const changed = async () => {
    note(["callbacks", row.id], { outcome: outcome.value, action: action.value, object: object.value.trim() });
    fill(said);
    await begin().catch((error) => fill(said, problem(error)));
  };
  for (const one of [outcome, action, object]) one.addEventListener("change", changed);
  const refresh = async (asked, timer) => {
    const asOf = filters();
    const fresh = await ask(0, { signal: asked, timer });
    if (asOf !== filters()) return;
    rows = united(fresh, rows);
    show();
  };
  const element = h("div", {}, h("div", { class: "filters", role: "search", "aria-label": "Filters" },
    h("label", {}, "Outcome", outcome), h("label", {}, "Action", action), h("label", {}, "Object id", object)), said, count, list.element);
  return { element, begin, refresh };
}

/** Both lists without repetition, newest first; what did not change stays the same. */
function united(first, second) {
  const all = new Map(second.map((one) => [one.id, one]));
  for (const one of first) {
    const old = all.get(one.id);
    if (!old || JSON.stringify(old) !== JSON.stringify(one)) all.set(one.id, one);
  }
  return [...all.values()].sort((one, other) => (one.triggeredOn < other.triggeredOn ? 1 : one.triggeredOn > other.triggeredOn ? -1 : 0));
}

function columns() {
  return [
    { title: "When", cell: (row) => h("button", { type: "button", class: "plain link", onclick: () => look(row) }, time(row.triggeredOn)) },
    { title: "Outcome", cell: (row) => [outcomeBadge(row.outcome), row.test ? h("span", { class: "badge beside" }, "Test") : null] },
    { title: "Action", cell: (row) => row.action },
    { title: "Object", class: "mono", cell: (row) => row.objectId ?? "–" },
    { title: "User", wide: true, cell: (row) => row.user ?? "–" },
    { title: "Status", class: "number", cell: (row) => number(row.httpStatus) },
    { title: "Took", class: "number", wide: true, cell: (row) => duration(row.durationMs) },
    { title: "Error", wide: true, cell: (row) => h("span", { title: row.error }, row.error ?? "") },
  ];
}

function look(row) {
  const entries = [
    ["Outcome", outcomeBadge(row.outcome)], ["When", time(row.triggeredOn)], ["Action", row.action],
    ["Object", row.objectId ?? "–"], ["User", row.user ?? "–"],
    ["Status", `${row.httpStatus ?? "none"}${row.expectedStatus ? `, expected ${row.expectedStatus}` : ""}`],
    ["Took", duration(row.durationMs)],
    ["Invocation", h("a", { href: link(["activity", row.id]), onclick: () => dialog.close() }, row.id)],
  ];
  const body = (label, text) => [h("h3", {}, label), text === null || text === undefined || text === ""
    ? h("p", {}, "None.") : h("pre", { tabindex: 0, role: "region", "aria-label": label }, pretty(text))];
  const dialog = panel("Activation", h("div", {},
    row.error ? h("p", { class: "problem" }, row.error) : null,
    h("dl", {}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    body("Request body", row.requestBody), body("Response body", row.responseBody),
    row.truncated ? h("p", { class: "hint" }, "Bodies are cut where they are long.") : null));
}
