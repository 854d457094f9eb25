// Signing in, by API client or by password.

import { busy, problem } from "../dialog.js";
import { fill, h } from "../dom.js";
import { load, signIn, who } from "../session.js";

const CLIENT = "client";
const PASSWORD = "password";

export function signInPage(app, { notice, onSignedIn }) {
  document.title = "Sign in · Triggerfish";
  const said = h("div");
  const fields = h("div");
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  let way = null;
  const choose = (kind) => {
    way = kind === PASSWORD ? byPassword() : byClient();
    fill(fields, way.fields.map((field) => field.element));
  };
  const form = h("form", { "aria-label": "Sign in" }, who().hasPassword ? choice(choose) : null, said, fields, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(way.credentials(), button, said, onSignedIn);
  });
  choose(who().hasPassword ? PASSWORD : CLIENT);
  fill(app, h("main", { class: "sign-in" }, h("div", { class: "card" },
    h("img", { src: "icon.svg", alt: "", width: 48, height: 48 }),
    h("h1", {}, "Sign in"), h("p", { class: "lead" }, "to the console of Triggerfish"),
    notice ? h("p", { class: "notice", role: "status" }, notice) : null, form)));
  fields.querySelector("input").focus();
}

async function attempt(credentials, button, said, onSignedIn) {
  busy(button, true);
  fill(said);
  try {
    await signIn(credentials);
    const session = await load();
    if (!session.signedIn) {
      throw new Error("The browser did not keep the session cookie. Come by the address in api.public_url, and allow cookies.");
    }
    onSignedIn();
  } catch (error) {
    fill(said, problem(error));
  } finally {
    busy(button, false);
  }
}

function choice(choose) {
  const option = (kind, label) => h("label", { class: "check" },
    h("input", { type: "radio", name: "way", value: kind, checked: kind === PASSWORD, onchange: () => choose(kind) }), label);
  return h("fieldset", {}, h("legend", {}, "Sign in with"),
    option(PASSWORD, "Console password"), option(CLIENT, "API client"));
}

function byPassword() {
  const password = field("Password", { type: "password", autocomplete: "current-password" });
  return { fields: [password], credentials: () => ({ password: password.input.value }) };
}

function byClient() {
  const id = field("Client ID", { autocomplete: "username", spellcheck: "false" });
  const secret = field("Client secret", { type: "password", autocomplete: "current-password" });
  return {
    fields: [id, secret],
    credentials: () => ({ clientId: id.input.value.trim(), clientSecret: secret.input.value }),
  };
}

function field(label, attributes) {
  const input = h("input", { type: "text", required: true, autocapitalize: "none", ...attributes });
  return { input, element: h("label", { class: "field" }, h("span", {}, label), input) };
}
