// What actions can be about: the types that are built in, and one's own.

import { api } from "../api.js";
import { confirm, say } from "../dialog.js";
import { fill, h } from "../dom.js";
import { pretty } from "../format.js";
import { field, form, input, jsonField } from "../forms.js";
import { go, link } from "../routes.js";
import { can } from "../session.js";
import { table } from "../table.js";

const PATH = "/object-types/v1";

export async function objectTypesPage(context) {
  const { main, title, signal } = context;
  const { data } = await api.get(PATH, { signal });
  const manages = can.manageSubscriptions();
  const list = table({
    label: "Object types", key: (row) => row.id, columns: columns(manages, () => objectTypesPage(context)),
    empty: h("p", {}, "There are no object types."),
  });
  fill(main,
    h("div", { class: "title-row" }, title("Object types"),
      h("div", { class: "actions" }, h("a", { class: "button", href: link("callbacks") }, "Callbacks"),
        manages ? h("a", { class: "button primary", href: link(["object-types", "new"]) }, "New object type") : null)),
    h("p", { class: "lead" }, "What a platform asks and tells about. The entity key is the name that the object has in the body that receivers get."),
    list.element);
  list.set(data);
}

function columns(manages, again) {
  return [
    { title: "Name", cell: (row) => h("a", { href: link(["object-types", row.id]) }, row.name) },
    { title: "Id", class: "mono", cell: (row) => row.id },
    { title: "Entity key", class: "mono", cell: (row) => row.entity },
    { title: "From", wide: true, cell: (row) => (row.builtIn ? "Built in" : "Own") },
    manages && { title: "Actions", class: "row-actions", cell: (row) => (row.builtIn ? "" : h("button", {
      type: "button", class: "small danger", "aria-label": `Delete ${row.name}`, onclick: async () => { if (await remove(row)) again(); },
    }, "Delete")) },
  ].filter(Boolean);
}

function remove(row) {
  return confirm({
    title: `Delete ${row.name}?`, action: "Delete", text: "Nobody can ask about it any more. Delete its callbacks first.",
    act: async () => {
      await api.remove(`${PATH}/${encodeURIComponent(row.id)}`);
      say(`${row.name} is deleted.`);
    },
  });
}

export async function objectTypeFormPage({ main, title, parts, signal }) {
  const isNew = parts[0] === "new";
  const all = (await api.get(PATH, { signal })).data;
  const old = all.find((row) => row.id === parts[0]);
  if (!isNew && !old) throw new Error("There is no object type with this id.");
  const isFixed = !isNew && (old.builtIn || !can.manageSubscriptions());
  if (isFixed) {
    fill(main, title(old.name), h("p", { class: "mono" }, old.id), old.description ? h("p", { class: "lead" }, old.description) : null,
      h("p", {}, "Entity key: ", h("code", {}, old.entity)),
      h("section", { class: "card" }, h("h2", {}, "Example"), h("pre", { tabindex: 0, role: "region", "aria-label": "Example" }, pretty(old.example))));
    return;
  }
  const id = input({ value: old?.id ?? "", required: true, disabled: !isNew, spellcheck: "false" });
  const name = input({ value: old?.name ?? "", required: true });
  const entity = input({ value: old?.entity ?? "", required: true, spellcheck: "false" });
  const description = input({ value: old?.description ?? "" });
  const example = jsonField("Example", old?.example ?? { id: "1" }, { name: "example", hint: "An object of this type, as the platform gives it." });
  fill(main, title(isNew ? "New object type" : `Edit ${old.name}`), h("div", { class: "card" }, form({
    label: isNew ? "New object type" : "Edit the object type", action: isNew ? "Create" : "Save", cancel: link("object-types"),
    fields: [h("div", { class: "grid" },
      field("Id", id, { name: "id", hint: isNew ? "What platforms call it in their questions, such as invoice." : "Can't be changed." }),
      field("Name", name, { name: "name" }), field("Entity key", entity, { name: "entity", hint: "Such as Invoice." }),
      field("Description", description, { name: "description" })), example.element],
    onSubmit: async () => {
      const where = id.value.trim();
      if (isNew && all.some((row) => row.id === where)) throw new Error("id: there is an object type with this id already");
      const body = { name: name.value.trim(), entity: entity.value.trim(), description: description.value.trim() || undefined, example: example.read() };
      await api.put(`${PATH}/${encodeURIComponent(where)}`, body);
      say(`${body.name} is saved.`);
      go("object-types");
    },
  })));
}
