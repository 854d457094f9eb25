// What several pages ask the API for.

import { api } from "./api.js";

export const triggers = (options) => api.all("/triggers/v1", options);
export const subscriptions = (options) => api.all("/trigger-subscriptions/v1", options);
export const subscription = async (id, options) => (await api.get(`/trigger-subscriptions/v1/${encodeURIComponent(id)}`, options)).data;
export const trigger = async (id, options) => (await api.get(`/triggers/v1/${encodeURIComponent(id)}`, options)).data;

/** Switches a subscription on or off. */
export const setEnabled = (id, enabled) =>
  api.patch(`/trigger-subscriptions/v1/${id}`, [{ op: "replace", path: "/enabled", value: enabled }]);

/** The newest real event of a trigger, or none. */
export async function lastRealInput(triggerId, options) {
  const query = { triggerId, type: "REAL_TIME", limit: 1 };
  const [newest] = (await api.get("/activity/v1", { ...options, query })).data.rows;
  if (!newest) return null;
  const { data } = await api.get(`/trigger-invocations/v1/${newest.id}`, options);
  return { input: data.startInvocationInput.input, created: data.created };
}
