// Makes a subscription, or changes one.

import { api } from "../api.js";
import { say } from "../dialog.js";
import { subscription as load, triggers } from "../data.js";
import { fill, h } from "../dom.js";
import { area, check, field, form, input, select } from "../forms.js";
import { go, link } from "../routes.js";
import { filterTester } from "./subscription.js";

const MODES = [
  ["SYNC", "SYNC: answers in the call"],
  ["ASYNC", "ASYNC: takes it, answers by callback"],
  ["DYNAMIC", "DYNAMIC: chooses for each call"],
];
const AUTHENTICATION = [["NO_AUTH", "None"], ["BASIC_AUTH", "User name and password"], ["BEARER_TOKEN", "Bearer token"]];

export async function subscriptionFormPage({ main, title, parts, query, signal }) {
  const isNew = parts[0] === "new";
  const [old, all] = await Promise.all([isNew ? null : load(parts[0], { signal }), triggers({ signal })]);
  const fields = makeFields(old, all, query.get("trigger"));
  const tester = filterTester({ trigger: fields.trigger, filter: "", readFilter: fields.filter, signal });
  fields.onTrigger(tester.showExample);
  const back = isNew ? link("subscriptions", { trigger: query.get("trigger") }) : link(["subscriptions", old.id]);
  const element = form({
    label: isNew ? "New subscription" : "Edit the subscription", fields: fields.elements, cancel: back,
    action: isNew ? "Create" : "Save",
    onSubmit: async () => {
      const body = fields.read();
      const { data } = isNew
        ? await api.post("/trigger-subscriptions/v1", body)
        : await api.put(`/trigger-subscriptions/v1/${old.id}`, body);
      say(isNew ? `${data.name} is created.` : `${data.name} is saved.`);
      go(["subscriptions", data.id]);
    },
  });
  fill(main, title(isNew ? "New subscription" : `Edit ${old.name}`), h("div", { class: "card" }, element),
    h("details", { class: "card" }, h("summary", {}, "Try the filter"),
      tester.element));
}

function makeFields(old, all, wanted) {
  const http = old?.httpConfig;
  const name = input({ value: old?.name ?? "", required: true });
  const description = input({ value: old?.description ?? "" });
  const trigger = select(all.map((one) => [one.id, `${one.name} (${one.id})`]), old?.triggerId ?? wanted ?? all[0]?.id, { disabled: old !== null });
  const url = input({ type: "url", value: http?.url ?? "", required: true, placeholder: "https://subscriber.example.com/events" });
  const dispatch = select(MODES, http?.httpDispatchMode ?? "SYNC");
  const deadline = input({ value: old?.responseDeadline ?? "PT1H" });
  const filter = input({ value: old?.filter ?? "", class: "mono", spellcheck: "false" });
  const enabled = check("Enabled: real events are sent", old?.enabled ?? true);
  const authentication = authenticationFields(http?.httpAuthenticationType ?? "NO_AUTH", {
    userName: http?.basicAuthConfig?.userName ?? "", isKept: old !== null, prefix: "httpConfig.",
  });
  const delivery = deliveryFields(old?.delivery ?? {});
  const chosen = () => all.find((one) => one.id === trigger.value);
  const dispatchField = field("How the subscriber answers", dispatch, { name: "httpDispatchMode" });
  const adapt = () => { dispatchField.hidden = chosen()?.type !== "REQUEST_RESPONSE"; };
  trigger.addEventListener("change", adapt);
  adapt();
  const isHttp = !old || old.type === "HTTP";
  const elements = [
    h("div", { class: "grid" },
      field("Name", name, { name: "name" }), field("Description", description, { name: "description" }),
      field("Trigger", trigger, { name: "triggerId", hint: old ? "Can't be changed; make another subscription instead." : null })),
    isHttp ? h("fieldset", {}, h("legend", {}, "Subscriber"),
      field("Address", url, { name: "url", hint: "Where events are posted to." }), dispatchField, authentication.elements) : null,
    h("div", { class: "grid" },
      field("Deadline", deadline, { name: "responseDeadline", hint: "How long an invocation may stay open; ISO 8601, such as PT1H or P1D." }),
      field("Filter", filter, { name: "filter", hint: "A JSONPath expression; empty for all events." })),
    delivery.element, enabled.element,
  ];
  const read = () => ({
    ...(old ? {} : { triggerId: trigger.value }),
    name: name.value.trim(), description: description.value.trim() || undefined, type: old?.type ?? "HTTP",
    responseDeadline: deadline.value.trim() || undefined, filter: filter.value.trim() || undefined, enabled: enabled.box.checked,
    eventBridgeConfig: old?.eventBridgeConfig, delivery: delivery.read(),
    httpConfig: isHttp ? {
      url: url.value.trim(), httpDispatchMode: dispatchField.hidden ? undefined : dispatch.value, ...httpAuthentication(authentication.read()),
    } : undefined,
  });
  return {
    elements, read, trigger: chosen, filter: () => filter.value,
    onTrigger: (changed) => trigger.addEventListener("change", changed),
  };
}

function httpAuthentication({ type, userName, password, bearerToken }) {
  return {
    httpAuthenticationType: type,
    basicAuthConfig: type === "BASIC_AUTH" ? { userName, password } : undefined,
    bearerTokenAuthConfig: type === "BEARER_TOKEN" ? { bearerToken } : undefined,
  };
}

/** How the service authenticates; credentials that are left empty are kept. */
export function authenticationFields(type, { userName, isKept, prefix = "" }) {
  const kept = isKept ? "Leave it empty to keep the one that is set." : null;
  const kind = select(AUTHENTICATION, type);
  const user = input({ value: userName, autocomplete: "off" });
  const password = input({ type: "password", autocomplete: "new-password" });
  const token = input({ type: "password", autocomplete: "new-password" });
  const basic = h("div", { class: "grid" }, field("User name", user, { name: `${prefix}userName` }), field("Password", password, { name: `${prefix}password`, hint: kept }));
  const bearer = field("Token", token, { name: `${prefix}bearerToken`, hint: kept });
  const adapt = () => {
    basic.hidden = kind.value !== "BASIC_AUTH";
    bearer.hidden = kind.value !== "BEARER_TOKEN";
  };
  kind.addEventListener("change", adapt);
  adapt();
  return {
    elements: [field("Authentication", kind, { name: `${prefix}authentication` }), basic, bearer],
    read: () => ({ type: kind.value, userName: user.value, password: password.value || null, bearerToken: token.value || null }),
  };
}

function deliveryFields(delivery) {
  const ordering = select([["", "As the service is set"], ["none", "None"], ["key", "One at a time per ordering key"]], delivery.ordering ?? "");
  const inFlight = input({ type: "number", min: 1, value: delivery.maxInFlight ?? "" });
  const retry = area({ rows: 4, value: delivery.retry ? JSON.stringify(delivery.retry, null, 2) : "" });
  const isSet = Object.values(delivery).some((value) => value !== null && value !== undefined);
  const element = h("details", { open: isSet }, h("summary", {}, "Delivery"),
    h("div", { class: "grid" },
      field("Order", ordering, { name: "ordering" }),
      field("Calls in flight at most", inFlight, { name: "maxInFlight", hint: "Empty: as the service is set." }),
      field("Retries", retry, { name: "retry", hint: 'JSON such as { "maxAttempts": 5, "initialDelayMs": 1000, "maxDelayMs": 60000 }; empty: as the service is set.' })));
  return {
    element,
    read: () => ({
      ...(ordering.value ? { ordering: ordering.value } : {}),
      ...(inFlight.value ? { maxInFlight: Number(inFlight.value) } : {}),
      ...(retry.value.trim() ? { retry: parsedRetry(retry.value) } : {}),
    }),
  };
}

function parsedRetry(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("retry: write JSON, or leave it empty");
  }
}
