// One subscription: how it stands, its filter on trial, a test invocation.

import { api } from "../api.js";
import { confirm, panel, say, warn } from "../dialog.js";
import { lastRealInput, subscription as load, trigger as loadTrigger } from "../data.js";
import { fill, h } from "../dom.js";
import { duration, plural, time } from "../format.js";
import { field, form, input, jsonField } from "../forms.js";
import { go, link } from "../routes.js";
import { can } from "../session.js";
import { mode, remove, throwSwitch } from "./subscriptions.js";

export async function subscriptionPage(context) {
  const { main, title, parts, signal } = context;
  const row = await load(parts[0], { signal });
  const trigger = await loadTrigger(row.triggerId, { signal });
  const again = () => subscriptionPage(context);
  const manages = can.manageSubscriptions();
  fill(main,
    h("div", { class: "title-row" }, h("div", {}, title(row.name), h("p", { class: "mono" }, row.id)),
      h("div", { class: "actions" },
        h("a", { class: "button", href: link("activity", { subscription: row.id }) }, "Activity"),
        manages ? buttons(row, again) : null)),
    row.description ? h("p", { class: "lead" }, row.description) : null,
    standing(row, manages, again),
    h("section", { class: "card" }, h("h2", {}, "Settings"), settings(row, trigger)),
    manages ? h("section", { class: "card" }, h("h2", {}, "Try the filter"), filterTester({ trigger: () => trigger, filter: row.filter ?? "", signal }).element) : null,
    can.startTests() ? h("section", { class: "card" }, h("h2", {}, "Send a test"), tester(row, trigger)) : null);
}

function buttons(row, again) {
  return [
    row.enabled ? h("button", { type: "button", onclick: async () => { if (await throwSwitch(row, false)) again(); } }, "Pause") : null,
    h("a", { class: "button primary", href: link(["subscriptions", row.id, "edit"]) }, "Edit"),
    h("button", { type: "button", class: "danger", onclick: async () => { if (await remove(row)) go("subscriptions"); } }, "Delete"),
  ];
}

function standing(row, manages, again) {
  if (row.enabled) return h("p", { class: "notice good" }, "Enabled: real events that pass the filter are sent.");
  const enable = manages ? h("button", { type: "button", class: "primary", onclick: async () => { if (await throwSwitch(row, true)) again(); } }, "Enable again") : null;
  if (!row.disabledReason) return h("div", { class: "notice" }, h("p", {}, "Paused: real events do not reach it."), enable);
  return h("div", { class: "problem" }, h("p", {}, `Disabled by the service: ${row.disabledReason}`),
    h("p", {}, "See to the subscriber first; a test below shows whether it answers."), enable);
}

const AUTHENTICATION = { NO_AUTH: "None", BASIC_AUTH: "User name and password", BEARER_TOKEN: "Bearer token" };

function settings(row, trigger) {
  const http = row.httpConfig;
  const entries = [
    ["Trigger", h("a", { href: link(["triggers", row.triggerId]) }, row.triggerName)],
    ["Address", http ? h("code", {}, http.url) : `${row.eventBridgeConfig?.awsAccount} in ${row.eventBridgeConfig?.awsRegion}`],
    ["Answers", mode(row, trigger.type)],
    ["Authentication", http ? AUTHENTICATION[http.httpAuthenticationType] : "–"],
    ["Deadline", h("code", {}, row.responseDeadline)],
    ["Filter", row.filter ? h("code", {}, row.filter) : "None: all events are sent."],
    ["Delivery", delivery(row.delivery ?? {})],
    ["Signing secret", can.manageSubscriptions() ? h("button", { type: "button", class: "small", onclick: () => rotate(row) }, "Rotate the signing secret") : "–"],
  ];
  return h("dl", {}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function delivery({ ordering, maxInFlight, retry }) {
  const said = [
    ordering === "key" ? "one at a time per ordering key" : "in no order",
    maxInFlight ? `${plural(maxInFlight, "call")} in flight at most` : null,
    retry ? `${plural(retry.maxAttempts, "call")} in all, the second after ${duration(retry.initialDelayMs)}, then up to ${duration(retry.maxDelayMs)} apart` : null,
  ].filter(Boolean).join("; ");
  return `${said[0].toUpperCase()}${said.slice(1)}.`;
}

async function rotate(row) {
  let made = null;
  await confirm({
    title: "Rotate the signing secret?", danger: false, action: "Rotate",
    text: "A new secret is made and shown once. For a while calls are signed with the old one too.",
    act: async () => { made = (await api.post(`/trigger-subscriptions/v1/${row.id}/rotate-signing-secret`)).data; },
  });
  if (!made) return;
  panel("The new signing secret", h("div", {},
    h("p", {}, "Copy it now; it is not shown again."), h("pre", { tabindex: 0 }, made.secret),
    made.previousValidUntil ? h("p", {}, "The old one is good until ", time(made.previousValidUntil), ".") : null));
}

/**
 * Tries a filter on a payload. `readFilter` is given where the filter stands elsewhere;
 * `showExample()` is for when the trigger is another one.
 */
export function filterTester({ trigger, filter, readFilter, signal }) {
  const payload = jsonField("Payload", trigger()?.exampleInput ?? {}, { name: "input" });
  const expression = input({ value: filter, class: "mono", spellcheck: "false", placeholder: '$[?($.identityId == "7")]' });
  const verdict = h("div", { role: "status" });
  const source = h("p", { class: "hint" }, "The trigger's example.");
  const showExample = () => {
    payload.set(trigger()?.exampleInput ?? {});
    source.textContent = "The trigger's example.";
  };
  const useExample = h("button", { type: "button", onclick: showExample }, "Use the example");
  const useLast = h("button", { type: "button", onclick: async () => {
    try {
      const last = await lastRealInput(trigger().id, { signal });
      if (!last) {
        source.textContent = "There is no real event of this trigger among the newest invocations; this is the example.";
        return;
      }
      payload.set(last.input);
      fill(source, "The last real event, of ", time(last.created), ".");
    } catch (error) {
      warn(`The last event can't be read: ${error.message}`);
    }
  } }, "Use the last real event");
  const element = form({
    label: "Try the filter", action: "Try the filter",
    fields: [readFilter ? null : field("Filter", expression, { hint: "A JSONPath expression; without one, every event passes." }),
      h("div", { class: "actions tight" }, useLast, useExample), source, payload.element, verdict],
    onSubmit: async () => {
      fill(verdict);
      const text = (readFilter ? readFilter() : expression.value).trim();
      if (text === "") {
        fill(verdict, h("p", { class: "notice good" }, "There is no filter: this event passes."));
        return;
      }
      const { data } = await api.post("/trigger-subscriptions/v1/validate-filter", { input: payload.read(), filter: text });
      fill(verdict, judgement(data));
    },
  });
  return { element, showExample };
}

function judgement(data) {
  if (!data.isValidJSONPath) return h("p", { class: "problem" }, "The filter is not a JSONPath expression. Check brackets and quotes.");
  if (data.isValid) return h("p", { class: "notice good" }, "This event passes the filter.");
  if (!data.isPathExist) return h("p", { class: "notice" }, "This event does not pass: the path leads to nothing in it.");
  return h("p", { class: "notice" }, "This event does not pass the filter.");
}

function tester(row, trigger) {
  const payload = jsonField("Input", trigger.exampleInput, { name: "input", hint: "What the subscriber gets, beside _metadata." });
  const content = jsonField("contentJson", {}, { name: "contentJson", rows: 3, hint: "Metadata that travels to the completion." });
  const result = h("div", { role: "status" });
  return form({
    label: "Send a test", action: "Send the test",
    fields: [payload.element, content.element, result],
    onSubmit: async () => {
      fill(result);
      const body = { triggerId: row.triggerId, input: payload.read(), contentJson: content.read(), subscriptionIds: [row.id] };
      const { data } = await api.post("/trigger-invocations/v1/test", body);
      if (!data?.length) {
        fill(result, h("p", { class: "notice" }, "Nothing was sent: the event does not pass the subscription's filter."));
        return;
      }
      say("The test is sent.");
      fill(result, h("p", { class: "notice good" }, "The test is sent. ", h("a", { href: link(["activity", data[0].id]) }, "See what becomes of it")));
    },
  });
}
