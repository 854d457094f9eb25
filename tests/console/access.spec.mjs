import { expectAccessible, expectNoSidewaysScrolling } from "./accessibility.mjs";
import { expect, heading, open, said, test } from "./fixtures.mjs";
import { sample } from "./sample.mjs";

/** Pages, each with the heading that shows that it is there. */
const PAGES = [
  ["", "Overview"],
  ["triggers", "Triggers"],
  ["triggers/idn%3Aaccess-request-dynamic-approver", "Access Request Dynamic Approval"],
  ["subscriptions", "Subscriptions"],
  ["subscriptions/new", "New subscription"],
  ["activity", "Activity log"],
  ["callbacks", "Callbacks"],
  ["callbacks/new", "New callback"],
  ["object-types", "Object types"],
  ["object-types/new", "New object type"],
  ["dead-letters", "Dead letters"],
  ["workers", "Workers"],
  ["nowhere", "There is no such page"],
];

test.beforeAll(async ({ api, subscriber }) => {
  await sample(api, subscriber);
});

for (const [place, name] of PAGES) {
  test(`${name} is accessible, in light and dark, wide and narrow`, async ({ page }) => {
    await open(page, place);
    await expect(heading(page, name)).toBeVisible();
    await expectAccessible(page);
  });
}

test.describe("signed out", () => {
  test.use({ person: null });

  test("signing in is accessible, a refusal too", async ({ page, complaints }) => {
    complaints.expectStatus(401);
    await page.goto("/console/");
    await expect(heading(page, "Sign in")).toBeVisible();
    await expectAccessible(page);
    await page.getByLabel("Password", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "wrong" })).toBeVisible();
    await expectAccessible(page);
  });
});

test("one subscription and its form are accessible", async ({ page }) => {
  await open(page, "subscriptions");
  await page.getByRole("link", { name: "Billing", exact: true }).click();
  await expect(heading(page, "Billing")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Edit" }).click();
  await expect(heading(page, "Edit Billing")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("This is needed.")).toBeVisible();
  await expectAccessible(page);
});

test("an invocation with its timeline is accessible", async ({ page }) => {
  await open(page, "activity");
  await page.getByRole("row", { name: /Approvals/ }).filter({ hasText: "Completed" }).getByRole("link").first().click();
  await expect(page.getByText("Changed nothing")).toBeVisible();
  await expectAccessible(page);
});

test("a callback with its history is accessible", async ({ page }) => {
  await open(page, "callbacks");
  await page.getByRole("link", { name: "Naming rules", exact: true }).click();
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await expectAccessible(page);
  await page.getByRole("rowheader").getByRole("button").first().click();
  await expect(page.getByRole("dialog", { name: "Activation" })).toBeVisible();
  await expectAccessible(page);
});

test("a question before deleting is accessible", async ({ page }) => {
  await open(page, "subscriptions");
  await page.getByRole("button", { name: "Delete Billing" }).click();
  await expect(page.getByRole("dialog", { name: "Delete Billing?" })).toBeVisible();
  await expectAccessible(page);
});

test("on a phone a menu leads everywhere, and what a row can do is in reach", async ({ page }) => {
  await page.setViewportSize({ width: 400, height: 800 });
  await open(page, "");
  const menu = page.getByRole("button", { name: "Menu" });
  const pages = page.getByRole("navigation", { name: "Pages" });
  await expect(pages).toBeHidden();
  for (const name of ["Triggers", "Activity log", "Callbacks", "Dead letters", "Workers", "Subscriptions"]) {
    await menu.click();
    await pages.getByRole("link", { name }).click();
    await expect(heading(page, name)).toBeVisible();
    await expect(pages).toBeHidden();
    await expectNoSidewaysScrolling(page);
  }
  await page.getByRole("button", { name: "Delete Billing" }).click();
  await expect(page.getByRole("dialog").getByRole("button", { name: "Delete" })).toBeInViewport();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("switch", { name: "Enabled: Warehouse" }).click();
  await expect(said(page, "Warehouse is enabled")).toBeInViewport();
});

test("a theme that one chooses wins over the system's, and stays", async ({ page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  await open(page, "workers");
  const light = await background();
  await page.getByRole("combobox", { name: "Theme" }).selectOption("Dark");
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.reload();
  expect(await background()).toBe(dark);
  await page.getByRole("combobox", { name: "Theme" }).selectOption("System");
  expect(await background()).toBe(light);
});
