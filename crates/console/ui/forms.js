// Fields and forms, with what is wrong said beside the field it is about.

import { busy, problem } from "./dialog.js";
import { fill, freshId, h } from "./dom.js";
import { pretty } from "./format.js";

export const input = (props) => h("input", { type: "text", ...props });
export const area = (props) => h("textarea", { spellcheck: "false", ...props });

/** `options`: texts, or [value, label]. */
export function select(options, chosen, props) {
  const all = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  return h("select", props, all.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
}

/** A control with its label. `name` is what the API calls the field. */
export function field(label, control, { hint, name } = {}) {
  const wrong = h("p", { class: "wrong", id: freshId("wrong"), hidden: true });
  const help = hint ? h("p", { class: "hint", id: freshId("hint") }, hint) : null;
  control.id ||= freshId("field");
  control.setAttribute("aria-describedby", [help?.id, wrong.id].filter(Boolean).join(" "));
  const element = h("div", { class: "field", "data-name": name ?? "" }, h("label", { for: control.id }, label), control, help, wrong);
  control.addEventListener("input", () => mark(element, null));
  return element;
}

/** A box to tick. */
export function check(label, checked, props) {
  const box = h("input", { type: "checkbox", checked, ...props });
  return { box, element: h("label", { class: "check" }, box, label) };
}

/** Says at a field what is wrong with it, or that nothing is. */
export function mark(element, text) {
  const control = element.querySelector("input, select, textarea");
  const wrong = element.querySelector(".wrong");
  wrong.textContent = text ?? "";
  wrong.hidden = !text;
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** What a person wrote can't be used. */
class FieldError extends Error {
  constructor(element, message) {
    super(message);
    this.element = element;
  }
}

/** A field for JSON. `read()` gives the value; what is no JSON is said at the field. */
export function jsonField(label, value, { hint, name, isOptional = false, rows = 10, onlyObject = true } = {}) {
  const control = area({ rows, value: value === undefined || value === null ? "" : pretty(value) });
  const element = field(label, control, { hint, name });
  const read = () => {
    const text = control.value.trim();
    if (text === "" && isOptional) return undefined;
    const parsed = parse(element, text);
    const isObject = parsed !== null && typeof parsed === "object" && !Array.isArray(parsed);
    if (onlyObject && !isObject) throw new FieldError(element, "Write a JSON object: { … }");
    return parsed;
  };
  return { element, control, read, set: (next) => { control.value = pretty(next); mark(element, null); } };
}

function parse(element, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FieldError(element, `This is not JSON: ${error.message}`);
  }
}

/**
 * A form. `onSubmit` may throw: what is wrong is said above the buttons, and at the field
 * where it is about one.
 */
export function form({ label, fields, action, cancel, onSubmit }) {
  const said = h("div");
  const button = h("button", { type: "submit", class: "primary" }, action);
  const back = cancel ? h("a", { class: "button", href: cancel }, "Cancel") : null;
  const element = h("form", { "aria-label": label, novalidate: true }, fields, said, h("div", { class: "actions" }, button, back));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(said);
    for (const one of element.querySelectorAll(".field[data-name]")) mark(one, null);
    const missing = [...element.querySelectorAll("[required]")].find((control) => control.value.trim() === "");
    busy(button, true);
    try {
      if (missing) throw new FieldError(missing.closest(".field"), "This is needed.");
      await onSubmit();
    } catch (error) {
      show(element, said, error);
    } finally {
      busy(button, false);
    }
  });
  return element;
}

function show(element, said, error) {
  const about = error.element ?? fieldNamed(element, [error.message, ...(error.causes ?? [])].join(" "));
  if (about) {
    mark(about, error.message);
    about.querySelector("input, select, textarea").focus();
  }
  if (!error.element) fill(said, problem(error));
}

/** The field whose name the API's message begins with or quotes. */
function fieldNamed(element, message) {
  const named = [...element.querySelectorAll(".field[data-name]")].filter((one) => one.dataset.name !== "" && !one.closest("[hidden]"));
  const found = named.filter((one) => message.match(new RegExp(`(^|[^A-Za-z.])${one.dataset.name}([^A-Za-z]|$)`)));
  return found.sort((one, other) => other.dataset.name.length - one.dataset.name.length)[0] ?? null;
}

/** A switch that is thrown at once. `throwIt(on)` may fail; then it goes back. */
export function toggle(label, isOn, throwIt, { disabled = false } = {}) {
  const button = h("button", { type: "button", role: "switch", class: "switch", "aria-checked": String(isOn), "aria-label": label, disabled });
  button.addEventListener("click", async () => {
    const next = button.getAttribute("aria-checked") !== "true";
    button.setAttribute("aria-busy", "true");
    try {
      if (await throwIt(next)) button.setAttribute("aria-checked", String(next));
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}
