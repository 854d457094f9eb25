// Who is told: the list, switched on and off where it stands.

import { confirm, say, warn } from "../dialog.js";
import { api } from "../api.js";
import { setEnabled, subscriptions, triggers } from "../data.js";
import { fill, h } from "../dom.js";
import { input, toggle } from "../forms.js";
import { keepAsking } from "../live.js";
import { link, note } from "../routes.js";
import { can } from "../session.js";
import { table } from "../table.js";

const EVERY = 5_000;

/** How a subscriber answers, in a word; `type` is its trigger's. */
export function mode(row, type) {
  if (type === "FIRE_AND_FORGET") return "Not at all";
  return row.httpConfig?.httpDispatchMode ?? row.type;
}

/** Asks before a subscription is deleted, and deletes it. */
export function remove(row) {
  return confirm({
    title: `Delete ${row.name}?`,
    text: "Its events are not sent any more. Calls that are due fail; results of calls already made are still taken. This can't be undone.",
    action: "Delete",
    act: async () => {
      await api.remove(`/trigger-subscriptions/v1/${row.id}`);
      say(`${row.name} is deleted.`);
    },
  });
}

/** Switches a subscription, and says what came of it. */
export async function throwSwitch(row, enabled) {
  try {
    await setEnabled(row.id, enabled);
    say(enabled ? `${row.name} is enabled.` : `${row.name} is paused: real events do not reach it.`);
    return true;
  } catch (error) {
    warn(`${row.name} was not changed: ${error.message}`);
    return false;
  }
}

export async function subscriptionsPage({ main, title, query, signal, onState }) {
  let all = [];
  let refresh = () => {};
  const types = new Map((await triggers({ signal })).map((one) => [one.id, one.type]));
  const filters = { q: input({ type: "search", value: query.get("q") ?? "" }), trigger: query.get("trigger") };
  const list = table({
    label: "Subscriptions", key: (row) => row.id, empty: nothing(filters), columns: columns(types, () => refresh()),
  });
  const show = () => {
    const text = filters.q.value.trim().toLowerCase();
    const fits = (row) => (!filters.trigger || row.triggerId === filters.trigger)
      && [row.name, row.triggerName, row.triggerId, row.httpConfig?.url].join(" ").toLowerCase().includes(text);
    list.set(all.filter(fits));
  };
  filters.q.addEventListener("input", () => {
    note("subscriptions", { trigger: filters.trigger, q: filters.q.value.trim() });
    show();
  });
  all = await subscriptions({ signal });
  fill(main,
    h("div", { class: "title-row" }, title("Subscriptions"),
      can.manageSubscriptions() ? h("a", { class: "button primary", href: link(["subscriptions", "new"], { trigger: filters.trigger }) }, "New subscription") : null),
    h("p", { class: "lead" }, "Applications that are told of events. A subscription that is switched off gets no real events; tests still reach it."),
    h("div", { class: "filters" }, h("label", {}, "Search", filters.q),
      filters.trigger ? h("p", {}, "Only of ", h("code", {}, filters.trigger), ". ", h("a", { href: link("subscriptions") }, "Show all")) : null),
    list.element);
  show();
  refresh = keepAsking(async (asked, timer) => {
    const fresh = await subscriptions({ signal: asked, timer });
    if (JSON.stringify(fresh) === JSON.stringify(all)) return;
    all = keepSame(all, fresh);
    show();
  }, { every: EVERY, signal, onState });
}

/** Rows that did not change stay the same object, so that they are not drawn anew. */
export function keepSame(before, after) {
  const known = new Map(before.map((row) => [row.id, row]));
  return after.map((row) => {
    const old = known.get(row.id);
    return old && JSON.stringify(old) === JSON.stringify(row) ? old : row;
  });
}

function columns(types, refresh) {
  const manages = can.manageSubscriptions();
  return [
    { title: "Name", cell: (row) => h("a", { href: link(["subscriptions", row.id]) }, row.name) },
    { title: "Enabled", cell: (row) => [
      toggle(`Enabled: ${row.name}`, row.enabled, async (next) => {
        const isDone = await throwSwitch(row, next);
        if (isDone) refresh();
        return isDone;
      }, { disabled: !manages }),
      row.disabledReason ? h("span", { class: "badge bad beside", title: row.disabledReason }, "Disabled by the service") : null,
    ] },
    { title: "Trigger", cell: (row) => h("a", { href: link(["triggers", row.triggerId]), title: row.triggerId }, row.triggerName) },
    { title: "Answers", wide: true, cell: (row) => mode(row, types.get(row.triggerId)) },
    { title: "Address", wide: true, cell: (row) => h("span", { class: "mono", title: row.httpConfig?.url }, row.httpConfig?.url ?? "–") },
    manages && { title: "Actions", class: "row-actions", cell: (row) => [
      h("a", { class: "button small", href: link(["subscriptions", row.id, "edit"]), "aria-label": `Edit ${row.name}` }, "Edit"), " ",
      h("button", { type: "button", class: "small danger", "aria-label": `Delete ${row.name}`, onclick: async () => {
        if (await remove(row)) refresh();
      } }, "Delete"),
    ] },
  ].filter(Boolean);
}

function nothing(filters) {
  return [
    h("p", {}, filters.trigger || filters.q.value ? "No subscription fits." : "Nobody is subscribed yet."),
    can.manageSubscriptions() ? h("p", {}, h("a", { href: link(["subscriptions", "new"], { trigger: filters.trigger }) }, "Make a subscription"),
      " to send events to an application, or look at the ", h("a", { href: link("triggers") }, "triggers"), " first.") : null,
  ];
}
