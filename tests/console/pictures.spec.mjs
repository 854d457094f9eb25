import { join } from "node:path";

import { expect, heading, open, test } from "./fixtures.mjs";
import { sample } from "./sample.mjs";

test.beforeAll(async ({ api, subscriber }) => {
  await sample(api, subscriber);
});

/** Takes a picture: for the documentation where that was asked for, else to see that it can be. */
async function picture(page, name) {
  const folder = process.env.PICTURES ?? test.info().outputDir;
  // The other ways to hide the caret and to stop what moves are styles, which the page's
  // policy forbids.
  await page.screenshot({ path: join(folder, `${name}.png`), caret: "initial", animations: "allow" });
}

test("triggers", async ({ page }) => {
  await open(page, "triggers/idn%3Aaccess-request-pre-approval");
  await expect(page.getByRole("region", { name: "Example of the event" })).toBeVisible();
  await picture(page, "trigger");
});

test("subscriptions", async ({ page }) => {
  await open(page, "subscriptions");
  await expect(page.getByRole("switch", { name: "Enabled: Warehouse" })).toBeVisible();
  await picture(page, "subscriptions");
});

test("a subscription", async ({ page }) => {
  await open(page, "subscriptions");
  await page.getByRole("link", { name: "Billing", exact: true }).click();
  const form = page.getByRole("form", { name: "Try the filter" });
  await form.getByRole("button", { name: "Use the last real event" }).click();
  await expect(form.getByText("The last real event, of")).toBeVisible();
  await form.getByRole("button", { name: "Try the filter" }).click();
  await form.getByText("This event passes the filter.").scrollIntoViewIfNeeded();
  await picture(page, "subscription");
});

test("activity log", async ({ page }) => {
  await open(page, "activity");
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
  await picture(page, "activity-log");
});

test("an invocation, in the dark", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open(page, "activity?subscription=&state=COMPLETED&trigger=idn%3Aaccess-request-pre-approval");
  await page.getByRole("rowheader").getByRole("link").first().click();
  const refused = page.getByText("Changed nothing");
  await expect(refused).toBeVisible();
  await page.getByRole("heading", { name: "Timeline" }).scrollIntoViewIfNeeded();
  await refused.scrollIntoViewIfNeeded();
  await picture(page, "invocation-dark");
});

test("callbacks", async ({ page }) => {
  await open(page, "callbacks");
  await page.getByRole("link", { name: "Naming rules", exact: true }).click();
  await expect(heading(page, "Naming rules")).toBeVisible();
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await picture(page, "callback");
});

test("workers", async ({ page }) => {
  await open(page, "workers");
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
  await picture(page, "workers");
});

test("subscriptions on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 400, height: 800 });
  await open(page, "subscriptions");
  await expect(page.getByRole("switch", { name: "Enabled: Warehouse" })).toBeVisible();
  await picture(page, "subscriptions-narrow");
});

// The last one: it fills the activity log.
test("overview", async ({ page, api }) => {
  await open(page, "");
  const plot = page.getByRole("img", { name: /^Invocations per second\. .*now/ });
  // A plot with something in it takes a while; without need it is not waited for.
  const samples = process.env.PICTURES ? 10 : 2;
  const line = plot.locator("polyline").first();
  const drawn = async () => (await line.getAttribute("points")).split(" ").length;
  await expect(plot).toBeVisible();
  for (let round = 1; (await drawn()) < samples; round += 1) {
    for (let event = 0; event < 15 + (round % 4) * 10; event += 1) {
      await api.start("acme:order-cancelled", { order: event, customer: "c-1", total: 3 * event });
    }
    await page.waitForResponse("**/overview/v1");
  }
  await picture(page, "overview");
});
