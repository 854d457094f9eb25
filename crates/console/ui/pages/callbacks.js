// Callbacks: who is asked before an action, and told after it.

import { api } from "../api.js";
import { confirm, say, warn } from "../dialog.js";
import { fill, h } from "../dom.js";
import { ago } from "../format.js";
import { input, select, toggle } from "../forms.js";
import { keepAsking } from "../live.js";
import { link, note } from "../routes.js";
import { can } from "../session.js";
import { table } from "../table.js";
import { keepSame } from "./subscriptions.js";

const EVERY = 3_000;
export const PATH = "/callbacks/v1";
const LOOKS = { ALLOWED: "good", SUCCEEDED: "good", DENIED: "bad", FAILED: "bad", STOPPED: "warn", PENDING: "" };

/** What came of an activation, to be seen at once. */
export function outcomeBadge(outcome) {
  if (!outcome) return "–";
  return h("span", { class: `badge ${LOOKS[outcome] ?? ""}` }, outcome[0] + outcome.slice(1).toLowerCase());
}

export const timingWord = (timing) => (timing === "BEFORE" ? "Before" : "After");

/** Asks before a callback is deleted, and deletes it. */
export function remove(row) {
  return confirm({
    title: `Delete ${row.name}?`, action: "Delete",
    text: row.timing === "BEFORE"
      ? "It is not asked any more: what it would have denied is allowed if no other callback denies it. This can't be undone."
      : "It is not told any more. This can't be undone.",
    act: async () => {
      await api.remove(`${PATH}/${row.id}`);
      say(`${row.name} is deleted.`);
    },
  });
}

/** Switches a callback, and says what came of it. */
export async function throwSwitch(row, enabled) {
  try {
    await api.patch(`${PATH}/${row.id}`, [{ op: "replace", path: "/enabled", value: enabled }]);
    say(enabled ? `${row.name} is enabled.` : `${row.name} is disabled.`);
    return true;
  } catch (error) {
    warn(`${row.name} was not changed: ${error.message}`);
    return false;
  }
}

/** The object types by id. */
export async function objectTypes(options) {
  const { data } = await api.get("/object-types/v1", options);
  return new Map(data.map((type) => [type.id, type]));
}

export async function callbacksPage({ main, title, query, signal, onState }) {
  let [all, types] = await Promise.all([api.all(PATH, { signal }), objectTypes({ signal })]);
  let refresh = () => {};
  const text = input({ type: "search", value: query.get("q") ?? "" });
  const type = select([["", "All"], ...[...types.values()].map((one) => [one.id, one.name])], query.get("type") ?? "");
  const list = table({
    label: "Callbacks", key: (row) => row.id, columns: columns(types, () => refresh()),
    empty: [h("p", {}, "There is no callback here."), can.manageSubscriptions()
      ? h("p", {}, h("a", { href: link(["callbacks", "new"]) }, "Make a callback"), " to let an application allow or deny actions, or hear of them.") : null],
  });
  const show = () => {
    const part = text.value.trim().toLowerCase();
    list.set(all.filter((row) => (!type.value || row.objectType === type.value)
      && [row.name, row.url, row.description].join(" ").toLowerCase().includes(part)));
  };
  const changed = () => {
    note("callbacks", { q: text.value.trim(), type: type.value });
    show();
  };
  text.addEventListener("input", changed);
  type.addEventListener("change", changed);
  fill(main,
    h("div", { class: "title-row" }, title("Callbacks"),
      h("div", { class: "actions" }, h("a", { class: "button", href: link("object-types") }, "Object types"),
        can.manageSubscriptions() ? h("a", { class: "button primary", href: link(["callbacks", "new"]) }, "New callback") : null)),
    h("p", { class: "lead" }, "Before-callbacks are asked before an action of the platform and can deny it; after-callbacks are told when it is done."),
    h("div", { class: "filters" }, h("label", {}, "Search", text), h("label", {}, "Object type", type)), list.element);
  show();
  refresh = keepAsking(async (asked, timer) => {
    const fresh = await api.all(PATH, { signal: asked, timer });
    all = keepSame(all, fresh);
    show();
  }, { every: EVERY, signal, onState });
}

function columns(types, refresh) {
  const manages = can.manageSubscriptions();
  return [
    { title: "Name", cell: (row) => h("a", { href: link(["callbacks", row.id]) }, row.name) },
    { title: "Enabled", cell: (row) => toggle(`Enabled: ${row.name}`, row.enabled, async (next) => {
      const isDone = await throwSwitch(row, next);
      if (isDone) refresh();
      return isDone;
    }, { disabled: !manages }) },
    { title: "When", wide: true, cell: (row) => timingWord(row.timing) },
    { title: "Object type", cell: (row) => types.get(row.objectType)?.name ?? row.objectType },
    { title: "Last triggered on", cell: (row) => (row.lastTriggeredOn
      ? h("a", { href: link(["callbacks", row.id]) }, ago(row.lastTriggeredOn), h("span", { class: "unseen" }, `, history of ${row.name}`)) : "Never") },
    { title: "Outcome", wide: true, cell: (row) => outcomeBadge(row.lastOutcome) },
    { title: "Address", wide: true, class: "mono", cell: (row) => h("span", { title: row.url }, row.url) },
    manages && { title: "Actions", class: "row-actions", cell: (row) => [
      h("a", { class: "button small", href: link(["callbacks", row.id, "edit"]), "aria-label": `Edit ${row.name}` }, "Edit"), " ",
      h("button", { type: "button", class: "small danger", "aria-label": `Delete ${row.name}`, onclick: async () => {
        if (await remove(row)) refresh();
      } }, "Delete"),
    ] },
  ].filter(Boolean);
}
