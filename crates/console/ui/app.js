// The beginning: finds out who is signed in and shows the view that the address names.

import { sessionEvents } from "./api.js";
import { problem } from "./dialog.js";
import { fill, h } from "./dom.js";
import { signInPage } from "./pages/sign_in.js";
import { forget, load, who } from "./session.js";
import { applyTheme, shell } from "./shell.js";

const app = document.getElementById("app");
let stopShell = null;

function show(notice = null) {
  stopShell?.();
  stopShell = null;
  if (who().signedIn) stopShell = shell(app, { onSignedOut: () => show("You are signed out.") });
  else signInPage(app, { notice, onSignedIn: () => show() });
}

sessionEvents.addEventListener("over", () => {
  if (!who().signedIn) return;
  forget();
  show("Your session has ended. Sign in again to go on where you were.");
});

applyTheme();
async function start() {
  try {
    await load();
    show();
  } catch (error) {
    fill(app, h("main", { class: "sign-in" }, h("h1", {}, "Triggerfish"), problem(error),
      h("button", { type: "button", class: "primary", onclick: start }, "Try again")));
  }
}
start();
