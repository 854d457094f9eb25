import { test as base, expect } from "@playwright/test";

import { Api } from "./api.mjs";
import { Subscriber } from "./subscriber.mjs";
import { Complaints } from "./complaints.mjs";

const { SERVICE_URL, CLIENT_ID, CLIENT_SECRET, ADMIN_PASSWORD, VIEWER_PASSWORD } = process.env;

/** Who can sign in, and with what. */
export const PEOPLE = {
  client: { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
  admin: { password: ADMIN_PASSWORD },
  viewer: { password: VIEWER_PASSWORD },
};

export const test = base.extend({
  /** Who is signed in when a test begins: one of PEOPLE, or nobody. */
  person: ["client", { option: true }],

  page: async ({ page, person }, use) => {
    if (person) {
      const answer = await page.context().request.post("/console/session", {
        headers: { "triggerfish-console": "person" },
        data: PEOPLE[person],
      });
      expect(answer.status()).toBe(200);
    }
    await use(page);
  },

  /** What the browser holds against the page; a test fails if anything is left of it. */
  complaints: [
    async ({ page }, use) => {
      const complaints = await Complaints.of(page);
      await use(complaints);
      expect(complaints.left()).toEqual([]);
    },
    { auto: true },
  ],

  /** The HTTP API, beside the page. */
  api: [
    async ({ playwright }, use) => {
      const request = await playwright.request.newContext();
      await use(new Api(request, SERVICE_URL, CLIENT_ID, CLIENT_SECRET));
      await request.dispose();
    },
    { scope: "worker" },
  ],

  /** A subscriber that lives as long as the tests of the file. */
  subscriber: [
    async ({}, use) => {
      const subscriber = await Subscriber.start();
      await use(subscriber);
      await subscriber.stop();
    },
    { scope: "worker" },
  ],
});

export { expect };

/** The heading that says which page one is on. */
export function heading(page, name) {
  return page.getByRole("heading", { level: 1, name, exact: true });
}

/** Opens the page at this place of the console. */
export async function open(page, place) {
  await page.goto(`/console/#/${place}`);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
}

/** The row of a table that has this text in it. */
export function rowOf(page, text) {
  return page.getByRole("row").filter({ hasText: text });
}

/** What the page says was done. */
export function said(page, text) {
  return page.getByRole("status").filter({ hasText: text });
}
