// Questions before what can't be undone, and words about what was done.

import { fill, freshId, h } from "./dom.js";

const SHOWN_FOR = 8_000;

/** Says that something was done; a screen reader reads it. */
export function say(text) {
  toast(document.getElementById("said"), text);
}

/** Says that something failed. */
export function warn(text) {
  toast(document.getElementById("warned"), text);
}

function toast(region, text) {
  const close = h("button", { type: "button", class: "plain", "aria-label": "Dismiss message", onclick: () => box.remove() }, "✕");
  const box = h("div", { class: "toast" }, h("p", {}, text), close);
  region.append(box);
  while (region.children.length > 3) region.firstChild.remove();
  if (region.id === "said") setTimeout(() => box.remove(), SHOWN_FOR);
}

/** An error in words, with every single cause. */
export function problem(error) {
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, error.message),
    error.causes?.length ? h("ul", {}, error.causes.map((cause) => h("li", {}, cause))) : null);
}

/**
 * Asks for a confirmation, then does it: the dialog stays open while `act` runs and shows
 * what went wrong. Gives whether it was done.
 */
export function confirm({ title, text, action, danger = true, act }) {
  return new Promise((resolve) => {
    let isDone = false;
    const said = h("div");
    const heading = freshId("dialog");
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
    const form = h("form", { method: "dialog" },
      h("h2", { id: heading }, title), h("p", {}, text), said,
      h("div", { class: "actions" }, cancel, button));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      busy(button, true);
      try {
        await act();
        isDone = true;
        dialog.close();
      } catch (error) {
        fill(said, problem(error));
      } finally {
        busy(button, false);
      }
    });
    const dialog = h("dialog", { "aria-labelledby": heading }, form);
    show(dialog, () => resolve(isDone));
    cancel.focus();
  });
}

/** A dialog with `content` and a button to close it. */
export function panel(title, content) {
  const heading = freshId("dialog");
  const dialog = h("dialog", { "aria-labelledby": heading, class: "wide" },
    h("div", { class: "dialog-head" }, h("h2", { id: heading }, title),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    content);
  show(dialog, () => {});
  return dialog;
}

function show(dialog, onClosed) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
    onClosed();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Shows on a button that what it does is under way. */
export function busy(button, isBusy) {
  button.disabled = isBusy;
  button.setAttribute("aria-busy", String(isBusy));
}
