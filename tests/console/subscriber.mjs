import { createServer } from "node:http";
import { once } from "node:events";

/** A subscriber that answers as it is told, 200 with `{}` at first, and keeps every call. */
export class Subscriber {
  calls = [];
  #answers = new Map();
  #server;

  static async start() {
    const subscriber = new Subscriber();
    const server = createServer((request, response) => subscriber.#take(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    subscriber.#server = server;
    return subscriber;
  }

  /** The address of a path. */
  at(path) {
    return `http://127.0.0.1:${this.#server.address().port}${path}`;
  }

  /** What is answered at a path from now on. */
  answer(path, status, body) {
    this.#answers.set(path, { status, body });
  }

  /** The calls of a path, in their order. */
  callsOf(path) {
    return this.calls.filter((call) => call.path === path);
  }

  async #take(request, response) {
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks).toString();
    if (request.method !== "POST") {
      // A browser may look in, for a page of another origin.
      response.writeHead(200, { "content-type": "text/html" }).end("<title>Subscriber</title>");
      return;
    }
    this.calls.push({ path: request.url, headers: request.headers, body: JSON.parse(body) });
    const { status, body: answer } = this.#answers.get(request.url) ?? { status: 200, body: {} };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(answer === undefined ? "" : JSON.stringify(answer));
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
