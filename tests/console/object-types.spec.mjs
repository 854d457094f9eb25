import { expect, heading, open, rowOf, said, test } from "./fixtures.mjs";

test("the types that are built in are there, with examples, and stay", async ({ page }) => {
  await open(page, "callbacks");
  await page.getByRole("link", { name: "Object types" }).click();
  await expect(heading(page, "Object types")).toBeVisible();
  await expect(page.getByRole("rowheader")).toHaveText(["Access token", "API", "App", "Developer", "Plan", "System configuration"]);
  await expect(page.getByRole("button", { name: /^Delete/ })).toHaveCount(0);
  await page.getByRole("link", { name: "App", exact: true }).click();
  await expect(heading(page, "App")).toBeVisible();
  await expect(page.getByRole("region", { name: "Example" })).toContainText('"name"');
});

test("a type of one's own is made, changed, used and deleted", async ({ page, api, subscriber, complaints }) => {
  await open(page, "object-types/new");
  await page.getByLabel("Id", { exact: true }).fill("invoice");
  await page.getByLabel("Name", { exact: true }).fill("Invoice");
  await page.getByLabel("Entity key").fill("Invoice");
  await page.getByLabel("Example").fill("{");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByText("This is not JSON")).toBeVisible();
  await page.getByLabel("Example").fill('{"id": "i-1", "total": 12.50}');
  await page.getByRole("button", { name: "Create" }).click();
  await expect(said(page, "Invoice is saved")).toBeVisible();
  await page.getByRole("link", { name: "Invoice", exact: true }).click();
  await page.getByLabel("Description").fill("What a customer owes.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(heading(page, "Object types")).toBeVisible();
  const made = (await api.get("/object-types/v1")).find(({ id }) => id === "invoice");
  expect(made).toMatchObject({ entity: "Invoice", description: "What a customer owes.", builtIn: false });

  const { id } = await api.post("/callbacks/v1", {
    name: "Ledger",
    timing: "AFTER",
    objectType: "invoice",
    url: subscriber.at("/ledger"),
  });
  complaints.expectStatus(400);
  const dialog = page.getByRole("dialog", { name: "Delete Invoice?" });
  await page.getByRole("button", { name: "Delete Invoice" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(dialog.getByRole("alert"), "while a callback uses it").toContainText("callback");
  await api.call("DELETE", `/callbacks/v1/${id}`);
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(said(page, "Invoice is deleted")).toBeVisible();
  await expect(rowOf(page, "Invoice")).toHaveCount(0);
});
