// What is around every page: head, navigation, theme, signing out, the state of updates.

import { fill, h } from "./dom.js";
import { problem, warn } from "./dialog.js";
import { duration } from "./format.js";
import { pages } from "./pages.js";
import { current, link } from "./routes.js";
import { signOut, who } from "./session.js";

const THEMES = ["system", "light", "dark"];

export function applyTheme(theme = chosenTheme()) {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
}

function chosenTheme() {
  const theme = localStorage.getItem("theme");
  return THEMES.includes(theme) ? theme : "system";
}

/** Shows the pages in `app`, until the function that it returns is called. */
export function shell(app, { onSignedOut }) {
  const stop = new AbortController();
  const main = h("main", { id: "main", tabindex: -1 });
  const state = h("p", { class: "state" });
  const links = pages.filter((page) => page.title).map((page) =>
    h("a", { href: link(page.name === "overview" ? [] : page.name), "data-page": page.name }, page.title));
  const nav = h("nav", { id: "nav", "aria-label": "Pages" }, h("ul", {}, links.map((one) => h("li", {}, one))));
  fill(app,
    h("button", { type: "button", class: "skip", onclick: () => main.focus() }, "Skip to content"),
    header(nav, onSignedOut), h("div", { class: "body" }, nav, h("div", { class: "page" }, main, state)));

  let leave = null;
  function show() {
    leave?.abort();
    leave = new AbortController();
    const { parts, query } = current();
    const name = parts[0] ?? "overview";
    const page = pages.find((one) => one.name === name);
    for (const one of links) {
      if (one.dataset.page === (page?.under ?? name)) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
    closeMenu(app);
    fill(state);
    render(page, main, { parts: parts.slice(1), query, signal: leave.signal, onState: (...said) => showState(state, ...said) });
    scrollTo(0, 0);
  }
  addEventListener("hashchange", show, { signal: stop.signal });
  show();
  return () => {
    stop.abort();
    leave?.abort();
  };
}

function render(page, main, context) {
  const title = (text) => {
    document.title = `${text} · Triggerfish`;
    const heading = h("h1", { tabindex: -1 }, text);
    queueMicrotask(() => heading.focus({ preventScroll: true }));
    return heading;
  };
  if (!page) {
    fill(main, title("There is no such page"), h("p", {}, "Choose a page from the list, or go back."));
    return;
  }
  fill(main, h("p", { class: "loading", role: "status" }, "Loading…"));
  const shown = page.show({ ...context, main, title });
  Promise.resolve(shown).catch((error) => {
    if (context.signal.aborted) return;
    fill(main, title(page.title ?? "This page can't be shown"), problem(error),
      h("button", { type: "button", onclick: () => render(page, main, context) }, "Try again"));
  });
}

function showState(element, kind, error, pause) {
  const texts = {
    live: "Live: updated by itself.",
    held: "Live updates are switched off.",
    paused: "Paused while the page is not visible.",
    failed: `Not up to date: ${error?.message} Next try in ${duration(pause)}.`,
  };
  element.className = `state ${kind}`;
  if (element.textContent !== texts[kind]) element.textContent = texts[kind];
}

function header(nav, onSignedOut) {
  const { name, role } = who();
  const menu = h("button", {
    type: "button", class: "menu", "aria-expanded": "false", "aria-controls": "nav",
    onclick: () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("open"))),
  }, "Menu");
  const theme = h("select", { "aria-label": "Theme", onchange: () => {
    localStorage.setItem("theme", theme.value);
    applyTheme(theme.value);
  } }, THEMES.map((one) => h("option", { value: one, selected: one === chosenTheme() }, one[0].toUpperCase() + one.slice(1))));
  const leave = h("button", { type: "button", onclick: async () => {
    try {
      await signOut();
      onSignedOut();
    } catch (error) {
      warn(`You are not signed out: ${error.message}`);
    }
  } }, "Sign out");
  return h("header", { class: "top" }, menu,
    h("a", { class: "brand", href: link([]), "aria-label": "Triggerfish" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), h("span", {}, "Triggerfish")),
    h("p", { class: "who" }, h("span", {}, name), h("span", { class: "badge" }, role)), theme, leave);
}

function closeMenu(app) {
  app.querySelector("#nav")?.classList.remove("open");
  app.querySelector(".menu")?.setAttribute("aria-expanded", "false");
}
