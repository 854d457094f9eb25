/** Settings of a subscription whose calls are made so often at most, without long pauses. */
export const attempts = (maxAttempts) => ({
  delivery: { retry: { maxAttempts, initialDelayMs: 5, maxDelayMs: 10 } },
});

/** The HTTP API, as the tests prepare with it what the console shows. */
export class Api {
  #token;

  constructor(request, url, id, secret) {
    Object.assign(this, { request, url, id, secret });
  }

  /** Any call; an answer that is no 2xx is an error. */
  async call(method, path, data) {
    this.#token ??= await this.#signIn();
    const answer = await this.request.fetch(this.url + path, {
      method,
      data,
      headers: { authorization: `Bearer ${this.#token}` },
    });
    if (!answer.ok()) {
      throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
    }
    return answer.status() === 204 ? null : answer.json();
  }

  async #signIn() {
    const answer = await this.request.post(`${this.url}/oauth/token`, {
      form: { grant_type: "client_credentials", client_id: this.id, client_secret: this.secret },
    });
    return (await answer.json()).access_token;
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, data) {
    return this.call("POST", path, data);
  }

  /** Declares a trigger that takes any object. */
  trigger(id, type = "FIRE_AND_FORGET", extra = {}) {
    const answered = type === "REQUEST_RESPONSE";
    return this.call("PUT", `/triggers/v1/${id}`, {
      name: id,
      type,
      inputSchema: { type: "object" },
      exampleInput: { example: true },
      ...(answered ? { outputSchema: { type: "object" }, exampleOutput: { right: true } } : {}),
      ...extra,
    });
  }

  /** Subscribes `url` to a trigger. */
  subscribe(triggerId, url, extra = {}) {
    const { httpDispatchMode = "SYNC", ...rest } = extra;
    return this.post("/trigger-subscriptions/v1", {
      name: `Subscriber of ${triggerId}`,
      triggerId,
      type: "HTTP",
      httpConfig: { url, httpDispatchMode },
      ...rest,
    });
  }

  /** Starts the invocations of one event. */
  start(triggerId, input = {}, contentJson = {}) {
    return this.post("/trigger-invocations/v1/start", { triggerId, input, contentJson });
  }

  /** Starts the invocations of one event, if any, and waits until all have an outcome. */
  async run(triggerId, input) {
    const started = (await this.start(triggerId, input)) ?? [];
    return Promise.all(started.map(({ id }) => this.closed(id)));
  }

  /** Waits until an invocation has an outcome. */
  closed(id) {
    return this.#inPhase(id, "CLOSED");
  }

  /** Waits until an invocation waits for its callback. */
  waiting(id) {
    return this.#inPhase(id, "WAITING");
  }

  async #inPhase(id, phase) {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const found = await this.get(`/trigger-invocations/v1/${id}`);
      if (found.phase === phase) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`invocation ${id} is not ${phase}`);
  }

  /** Posts a result without a token, as subscribers do; the status of the answer. */
  async complete(id, result) {
    const url = `${this.url}/beta/trigger-invocations/${id}/complete`;
    return (await this.request.post(url, { data: result })).status();
  }
}
