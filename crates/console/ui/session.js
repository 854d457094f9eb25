// Who is signed in.

import { api } from "./api.js";

let session = { signedIn: false };

/** What the server said last. */
export const who = () => session;

/** Whether the one who is signed in has any of these scopes. */
export function may(...scopes) {
  return scopes.some((scope) => session.scopes?.includes(scope));
}

const SUBSCRIPTIONS = "sp:trigger-service-subscriptions";
const STATUS = "sp:trigger-service-invocation-status";

/** What the pages let one do; the server decides the same for itself. */
export const can = {
  manageSubscriptions: () => may(`${SUBSCRIPTIONS}:manage`),
  startTests: () => may(`${STATUS}:manage`),
  startInvocations: () => may("triggerfish:invocations:start"),
  redrive: () => may("triggerfish:dead-letters:redrive"),
};

export async function load() {
  session = (await api.get("/console/session")).data;
  return session;
}

export async function signIn(credentials) {
  session = (await api.post("/console/session", credentials)).data;
  return session;
}

export async function signOut() {
  await api.remove("/console/session");
  session = { signedIn: false, hasPassword: session.hasPassword };
}

/** The server does not know the session any more. */
export function forget() {
  session = { signedIn: false, hasPassword: session.hasPassword };
}
