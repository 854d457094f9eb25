// Makes a callback, or changes one.

import { api } from "../api.js";
import { say } from "../dialog.js";
import { fill, h } from "../dom.js";
import { pretty } from "../format.js";
import { area, check, field, form, input, select } from "../forms.js";
import { go, link } from "../routes.js";
import { PATH, objectTypes } from "./callbacks.js";
import { authenticationFields } from "./subscription_form.js";

const TIMINGS = [["BEFORE", "Before the action: may deny it"], ["AFTER", "After the action: is told"]];
const POLICIES = [
  ["DENY", "DENY: a failure denies the action"],
  ["ALLOW", "ALLOW: a failure is passed over"],
  ["AUDIT", "AUDIT: is recorded, and decides nothing"],
];
const ACTIONS = ["CREATED", "UPDATED", "DELETED"];

export async function callbackFormPage({ main, title, parts, signal }) {
  const isNew = parts[0] === "new";
  const path = `${PATH}/${encodeURIComponent(parts[0])}`;
  const [old, types] = await Promise.all([isNew ? null : api.get(path, { signal }).then((answer) => answer.data), objectTypes({ signal })]);
  const fields = makeFields(old, types);
  const element = form({
    label: isNew ? "New callback" : "Edit the callback", fields: fields.elements, action: isNew ? "Create" : "Save",
    cancel: isNew ? link("callbacks") : link(["callbacks", old.id]),
    onSubmit: async () => {
      const body = fields.read();
      const { data } = isNew ? await api.post(PATH, body) : await api.put(path, body);
      say(isNew ? `${data.name} is created.` : `${data.name} is saved.`);
      go(["callbacks", data.id]);
    },
  });
  fill(main, title(isNew ? "New callback" : `Edit ${old.name}`), h("div", { class: "card" }, element), fields.example);
}

function makeFields(old, types) {
  const name = input({ value: old?.name ?? "", required: true });
  const description = input({ value: old?.description ?? "" });
  const timing = select(TIMINGS, old?.timing ?? "BEFORE", { disabled: old !== null });
  const type = select([...types.values()].map((one) => [one.id, one.name]), old?.objectType, { disabled: old !== null });
  const url = input({ type: "url", value: old?.url ?? "", required: true, placeholder: "https://receiver.example.com/before" });
  const status = input({ type: "number", min: 100, max: 599, value: old?.expectedStatus ?? 200 });
  const policy = select(POLICIES, old?.failurePolicy ?? "DENY");
  const timeout = input({ type: "number", min: 1, max: 10000, value: old?.timeoutMs ?? "" });
  const enabled = check("Enabled", old?.enabled ?? true);
  const headers = Object.entries(old?.requestHeaders ?? {});
  const restriction = headers.find(([header]) => header.toLowerCase() === "action")?.[1] ?? "";
  const restricted = restriction.split(",").map((action) => action.trim());
  const actions = ACTIONS.map((action) => check(action, restricted.includes(action), { value: action }));
  const others = area({ rows: 4, value: headers.filter(([header]) => header.toLowerCase() !== "action").map(([header, value]) => `${header}: ${value}`).join("\n") });
  const authentication = authenticationFields(old?.authentication?.type ?? "NO_AUTH", { userName: old?.authentication?.userName ?? "", isKept: old !== null });
  const before = h("div", { class: "grid" },
    field("Expected status", status, { name: "expectedStatus", hint: "Exactly this status allows the action." }),
    field("Failure policy", policy, { name: "failurePolicy", hint: "Where there is no answer, or another one than expected." }));
  const example = h("section", { class: "card" });
  const adapt = () => {
    before.hidden = timing.value !== "BEFORE";
    const chosen = types.get(type.value);
    if (chosen) {
      const body = { [chosen.entity]: chosen.example, action: "CREATED", user: "login" };
      fill(example, h("h2", {}, "What the receiver gets"), h("pre", { tabindex: 0, role: "region", "aria-label": "Example body" }, pretty(body)));
    }
  };
  for (const one of [timing, type]) one.addEventListener("change", adapt);
  adapt();
  const fixed = old ? "Can't be changed; make another callback instead." : null;
  const elements = [
    h("div", { class: "grid" }, field("Name", name, { name: "name" }), field("Description", description, { name: "description" }),
      field("When", timing, { name: "timing", hint: fixed }), field("Object type", type, { name: "objectType", hint: fixed })),
    field("Address", url, { name: "url", hint: "Where the action is posted to." }), before,
    h("fieldset", {}, h("legend", {}, "Only these actions"), h("div", { class: "filters tight" }, actions.map((one) => one.element)),
      h("p", { class: "hint" }, "None ticked: all actions.")),
    field("Request headers", others, { name: "requestHeaders", hint: "One a line, as Name: value." }),
    h("fieldset", {}, h("legend", {}, "Credentials"), authentication.elements),
    field("Timeout in milliseconds", timeout, { name: "timeoutMs", hint: "1 to 10000; empty: as the service is set." }), enabled.element,
  ];
  const read = () => {
    const chosen = actions.filter((one) => one.box.checked).map((one) => one.box.value);
    return {
      name: name.value.trim(), description: description.value.trim() || undefined, timing: timing.value, objectType: type.value,
      url: url.value.trim(), authentication: credentials(authentication.read()), enabled: enabled.box.checked,
      requestHeaders: { ...headerLines(others.value), ...(chosen.length ? { action: chosen.join(",") } : {}) },
      ...(timing.value === "BEFORE" ? { expectedStatus: Number(status.value), failurePolicy: policy.value } : {}),
      ...(timeout.value ? { timeoutMs: Number(timeout.value) } : {}),
    };
  };
  return { elements, example, read };
}

function credentials({ type, userName, password, bearerToken }) {
  if (type === "BASIC_AUTH") return { type, userName, password };
  if (type === "BEARER_TOKEN") return { type, bearerToken };
  return { type };
}

function headerLines(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(":");
    if (at < 1) throw new Error(`requestHeaders: write "${line}" as Name: value`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}
