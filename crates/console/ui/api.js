// Asks the HTTP API. The session is in a cookie that no script sees; the header says
// that it is a page of ours that asks, and whether a person or a timer made it.

const ROOT = new URL("../", import.meta.url);
const MARK = "triggerfish-console";
/** A connection that died silently must not hold a page up. */
const ANSWER_WITHIN = 20_000;

/** What the server says when it does not do what was asked. */
export class ApiError extends Error {
  constructor(status, message, causes = [], retryAfter = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.causes = causes;
    this.retryAfter = retryAfter;
  }
}

/** Hears of it when the session is over. */
export const sessionEvents = new EventTarget();

let personWasActive = true;
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => { personWasActive = true; }, { capture: true, passive: true });
}

/**
 * One call. `query` are parameters of the address, `body` is sent as JSON unless it is
 * text of kind `type`. Gives the answer's data, the number of all rows where it was
 * asked for, and the headers.
 */
export async function call(method, path, { query, body, type, headers, signal, timer = false } = {}) {
  const url = new URL(path.replace(/^\//, ""), ROOT);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const cause = timer && !personWasActive ? "timer" : "person";
  personWasActive = false;
  const sent = { [MARK]: cause, accept: "application/json", ...headers };
  if (body !== undefined) sent["content-type"] = type ?? "application/json";
  const inTime = AbortSignal.timeout(ANSWER_WITHIN);
  let response;
  let data;
  try {
    response = await fetch(url, {
      method, headers: sent, signal: signal ? AbortSignal.any([signal, inTime]) : inTime, cache: "no-store", credentials: "same-origin", redirect: "error",
      body: body === undefined ? undefined : type ? body : JSON.stringify(body),
    });
    data = await read(response);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, inTime.aborted
      ? "The service did not answer in time. What was asked may have been done all the same."
      : "The service can't be reached. Check that it runs and that the network is there.");
  }
  if (!response.ok) throw failed(response, data);
  const total = response.headers.get("x-total-count");
  return { data, total: total === null ? null : Number(total), headers: response.headers };
}

async function read(response) {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function failed(response, data) {
  if (response.status === 401 && !response.url.endsWith("/console/session")) {
    sessionEvents.dispatchEvent(new Event("over"));
  }
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  const causes = (data?.causes ?? []).map((cause) => cause.text).filter(Boolean);
  return new ApiError(response.status, words(response.status, data), causes, retryAfter);
}

function words(status, data) {
  const said = data?.messages?.[0]?.text ?? data?.error_description ?? data?.error ?? data?.message;
  if (typeof said === "string" && said.trim() !== "") return said.trim();
  return `The service answered with status ${status}.`;
}

const get = (path, options) => call("GET", path, options);
export const api = {
  get,
  post: (path, body, options) => call("POST", path, { ...options, body }),
  put: (path, body, options) => call("PUT", path, { ...options, body }),
  patch: (path, operations, options) =>
    call("PATCH", path, { ...options, body: JSON.stringify(operations), type: "application/json-patch+json" }),
  remove: (path, options) => call("DELETE", path, options),

  /** All rows of a list, page after page. */
  async all(path, { query, ...options } = {}) {
    const rows = [];
    for (;;) {
      const { data } = await get(path, { ...options, query: { ...query, limit: 250, offset: rows.length } });
      rows.push(...data);
      if (data.length < 250) return rows;
    }
  },
};

/** A text as it stands in a filter of a list. */
export function quoted(text) {
  return `"${String(text).replace(/[\\"]/g, (sign) => `\\${sign}`)}"`;
}
