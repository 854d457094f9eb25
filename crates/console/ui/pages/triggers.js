// What can be subscribed to: each trigger with its schemas and examples.

import { can } from "../session.js";
import { triggers, subscriptions, trigger as load } from "../data.js";
import { fill, h } from "../dom.js";
import { plural, pretty } from "../format.js";
import { input } from "../forms.js";
import { link, note } from "../routes.js";
import { table } from "../table.js";

export const KINDS = { REQUEST_RESPONSE: "Request and response", FIRE_AND_FORGET: "Fire and forget" };

export async function triggersPage({ main, title, query, signal }) {
  const [all, subscribed] = await Promise.all([triggers({ signal }), subscriptions({ signal })]);
  const counts = new Map();
  for (const one of subscribed) counts.set(one.triggerId, (counts.get(one.triggerId) ?? 0) + 1);
  const list = table({
    label: "Triggers", key: (row) => row.id,
    empty: h("p", {}, "No trigger has this text in its name or id."),
    columns: [
      { title: "Name", cell: (row) => h("a", { href: link(["triggers", row.id]) }, row.name) },
      { title: "Id", class: "mono", cell: (row) => row.id },
      { title: "Type", wide: true, cell: (row) => KINDS[row.type] ?? row.type },
      { title: "Subscriptions", class: "number", cell: (row) => count(row, counts.get(row.id) ?? 0) },
    ],
  });
  const search = input({ type: "search", value: query.get("q") ?? "" });
  const show = () => {
    const text = search.value.trim().toLowerCase();
    note("triggers", { q: search.value.trim() });
    list.set(all.filter((row) => `${row.name} ${row.id}`.toLowerCase().includes(text)));
  };
  search.addEventListener("input", show);
  fill(main, title("Triggers"),
    h("p", { class: "lead" }, "Kinds of events that applications can subscribe to, with what they get and what they answer."),
    h("div", { class: "filters" }, h("label", {}, "Search", search)), list.element);
  show();
}

function count(row, number) {
  if (number === 0) return "0";
  return h("a", { href: link("subscriptions", { trigger: row.id }), "aria-label": `${plural(number, "subscription")} of ${row.name}` }, number);
}

export async function triggerPage({ main, title, parts, signal }) {
  const trigger = await load(parts[0], { signal });
  const owesAnswer = trigger.type === "REQUEST_RESPONSE";
  const json = (label, value) => h("section", { class: "card" }, h("h2", {}, label),
    value === null || value === undefined ? h("p", {}, "None.") : h("pre", { tabindex: 0, role: "region", "aria-label": label }, pretty(value)));
  fill(main,
    h("div", { class: "title-row" }, h("div", {}, title(trigger.name), h("p", { class: "mono" }, trigger.id)),
      h("div", { class: "actions" },
        h("a", { class: "button", href: link("subscriptions", { trigger: trigger.id }) }, "Subscriptions"),
        can.manageSubscriptions() ? h("a", { class: "button primary", href: link(["subscriptions", "new"], { trigger: trigger.id }) }, "Subscribe") : null)),
    h("p", { class: "lead" }, trigger.description ?? ""),
    h("p", {}, h("span", { class: "badge" }, KINDS[trigger.type] ?? trigger.type)),
    h("div", { class: "columns" },
      json("Example of the event", trigger.exampleInput), json("Schema of the event", trigger.inputSchema),
      owesAnswer ? json("Example of the answer", trigger.exampleOutput) : null,
      owesAnswer ? json("Schema of the answer", trigger.outputSchema) : null));
}
