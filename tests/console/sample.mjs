import { attempts } from "./api.mjs";

/** What an installation looks like that has been at work for a while. */

const DECISION = { approved: true, comment: "No conflict of duties.", approver: "chloe.marchetti" };

/** Subscriptions in every state, and invocations with every outcome. */
export async function sample(api, subscriber) {
  // After a failure the runner begins anew, on the same service.
  if ((await api.get("/trigger-subscriptions/v1")).length > 0) return;
  const at = (path) => subscriber.at(path);
  subscriber.answer("/approvals", 200, {});
  subscriber.answer("/approvers", 200, { id: "57c6b61d", name: "Finance Data Owners", type: "GOVERNANCE_GROUP" });
  subscriber.answer("/joiners", 204);
  subscriber.answer("/audit", 503, { error: "busy, try again" });
  await api.trigger("acme:order-cancelled", "FIRE_AND_FORGET", {
    name: "Order cancelled",
    description: "An order was cancelled by its customer.",
    inputSchema: {
      type: "object",
      required: ["order", "customer", "total"],
      properties: {
        order: { type: "integer" },
        customer: { type: "string" },
        total: { type: "number" },
      },
    },
    exampleInput: { order: 4711, customer: "c-17", total: 99.5 },
  });
  await api.subscribe("idn:access-request-pre-approval", at("/approvals"), {
    name: "Approvals",
    description: "Decides about access requests.",
    responseDeadline: "PT1H",
    httpDispatchMode: "ASYNC",
  });
  await api.subscribe("idn:access-request-dynamic-approver", at("/approvers"), { name: "Approvers" });
  await api.subscribe("idn:identity-created", at("/joiners"), { name: "Joiners" });
  await api.subscribe("acme:order-cancelled", at("/joiners"), {
    name: "Billing",
    filter: "$[?(@.total > 50)]",
  });
  await api.subscribe("acme:order-cancelled", at("/audit"), {
    name: "Audit trail",
    // Few enough failures in a row that its calls are not paused.
    filter: "$[?(@.total > 100)]",
    ...attempts(2),
  });
  await api.subscribe("acme:order-cancelled", at("/joiners"), { name: "Warehouse", enabled: false });
  await callbacks(api, subscriber);
  await events(api);
}

/** Two that are asked before an app changes, and one that is told after. */
async function callbacks(api, subscriber) {
  const at = (path) => subscriber.at(path);
  subscriber.answer("/quota", 200, { left: 3 });
  subscriber.answer("/naming", 403, { why: "the name is taken" });
  const before = { timing: "BEFORE", objectType: "app", expectedStatus: 200 };
  await api.post("/callbacks/v1", { ...before, name: "Quota", url: at("/quota") });
  const naming = { ...before, name: "Naming rules", url: at("/naming"), failurePolicy: "AUDIT" };
  await api.post("/callbacks/v1", { ...naming, requestHeaders: { action: "CREATED,UPDATED" } });
  await api.post("/callbacks/v1", { name: "Portal", timing: "AFTER", objectType: "app", url: at("/portal") });
  for (const action of ["CREATED", "UPDATED", "DELETED"]) {
    for (const timing of ["before", "after"]) {
      const entity = { id: "app-17", name: "Warehouse client" };
      await api.post(`/object-events/v1/${timing}`, { objectType: "app", action, entity, user: "amara.okafor" });
    }
  }
}

async function events(api) {
  const person = await example(api, "idn:identity-created");
  const request = await example(api, "idn:access-request-pre-approval");
  const approver = await example(api, "idn:access-request-dynamic-approver");
  for (let order = 1; order <= 12; order += 1) {
    await api.run("acme:order-cancelled", { order, customer: `c-${order % 5}`, total: order * 11.5 });
    if (order % 2 === 0) await api.run("idn:identity-created", person);
    if (order % 3 === 0) await approval(api, request, order !== 9);
    if (order % 5 === 0) await api.run("idn:access-request-dynamic-approver", approver);
  }
}

/** Asks for an access request's approval; one that is not decided stays open. */
async function approval(api, request, isDecided) {
  const started = await api.start("idn:access-request-pre-approval", request, { ticket: "CHG-4711" });
  const [{ id, secret }] = started;
  if (!isDecided) return;
  await api.waiting(id);
  await api.complete(id, { secret, output: DECISION });
  // Comes too late: the log keeps it, with the reason.
  await api.complete(id, { secret, error: "changed my mind" });
}

async function example(api, trigger) {
  return (await api.get(`/triggers/v1/${trigger}`)).exampleInput;
}
