/** Errors and warnings of the browser, errors of scripts, and violations of the policy. */
export class Complaints {
  #all = [];
  #expected = [];

  static async of(page) {
    const complaints = new Complaints();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.#all.push(message.text());
    });
    page.on("pageerror", (error) => complaints.#all.push(String(error.stack ?? error)));
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    return complaints;
  }

  /** What a test causes on purpose, by a part of its text. */
  expect(...texts) {
    this.#expected.push(...texts);
  }

  /** A refused request is logged by the browser itself; tests that make one say so. */
  expectStatus(...codes) {
    this.expect(...codes.map((code) => `the server responded with a status of ${code}`));
  }

  left() {
    return this.#all.filter((text) => !this.#expected.some((known) => text.includes(known)));
  }
}
