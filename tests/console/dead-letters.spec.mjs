import { expect, open, rowOf, said, test } from "./fixtures.mjs";

// Two records were put on the topic of events before: "no \xff event", and an event of the
// trigger acme:later, which is not there yet.

test("a dead letter is looked at, byte for byte, with the reason", async ({ page }) => {
  await open(page, "dead-letters");
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await expect(rowOf(page, "acme:later")).toContainText("trigger-events");
  await page.getByRole("link", { name: "0@0" }).click();
  const dialog = page.getByRole("dialog", { name: "Dead letter 0@0" });
  await expect(dialog).toContainText("no \ufffd event");
  await expect(dialog).toContainText("nonsense");
  await expect(page, "a letter has a link").toHaveURL(/#\/dead-letters\/0(@|%40)0$/);
  await page.reload();
  await expect(dialog).toContainText("no \ufffd event");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/#\/dead-letters$/);
});

test("once its reason is gone a letter is redriven, and starts what it should", async ({ page, api, subscriber }) => {
  await api.trigger("acme:later");
  await api.subscribe("acme:later", subscriber.at("/later"));
  await open(page, "dead-letters");
  await page.getByRole("checkbox", { name: "Select 0@1" }).check();
  await expect(page.getByText("2 dead letters, 1 selected.")).toBeVisible();
  await page.getByRole("button", { name: "Redrive selected" }).click();
  const dialog = page.getByRole("dialog", { name: "Redrive 0@1?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toBeHidden();
  expect(subscriber.calls).toEqual([]);
  await page.getByRole("button", { name: "Redrive selected" }).click();
  await dialog.getByRole("button", { name: "Redrive" }).click();
  await expect(said(page, "1 dead letter redriven")).toBeVisible();
  await expect.poll(() => subscriber.callsOf("/later").map(({ body }) => body)).toEqual([{ order: 7 }]);
});

test("a letter whose reason is still there comes back, without a reload", async ({ page }) => {
  await open(page, "dead-letters");
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  await page.getByRole("link", { name: "0@0" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
  await page.getByRole("dialog", { name: "Redrive 0@0?" }).getByRole("button", { name: "Redrive" }).click();
  await expect(page.getByRole("rowheader")).toHaveCount(3);
  await expect(rowOf(page, "0@2")).toBeVisible();
});
