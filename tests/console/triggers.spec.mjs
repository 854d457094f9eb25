import { expect, heading, open, rowOf, test } from "./fixtures.mjs";

test("all triggers are listed, and found by name or id", async ({ page, api }) => {
  await open(page, "triggers");
  const all = await api.get("/triggers/v1?limit=250");
  await expect(page.getByRole("table", { name: "Triggers" })).toHaveAttribute(
    "aria-rowcount",
    String(all.length + 1),
  );
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.fill("dynamic");
  await expect(rowOf(page, "Access Request Dynamic Approval")).toBeVisible();
  await expect(page.getByRole("rowheader")).toHaveCount(1);
  await page.reload();
  await expect(search, "the address has the search").toHaveValue("dynamic");
  await expect(page.getByRole("rowheader")).toHaveCount(1);
  await search.fill("nothing is called like this");
  await expect(page.getByText("No trigger has this text")).toBeVisible();
});

test("a trigger shows its schemas and examples", async ({ page }) => {
  await open(page, "triggers");
  await page.getByRole("link", { name: "Access Request Dynamic Approval" }).click();
  await expect(heading(page, "Access Request Dynamic Approval")).toBeVisible();
  await expect(page.getByRole("main")).toContainText("idn:access-request-dynamic-approver");
  for (const [what, part] of [
    ["Example of the event", '"accessRequestId": "'],
    ["Schema of the event", '"required"'],
    ["Example of the answer", '"type": "GOVERNANCE_GROUP"'],
    ["Schema of the answer", '"properties"'],
  ]) {
    await expect(page.getByRole("region", { name: what })).toContainText(part);
  }
});

test("a trigger that asks for nothing shows no answer", async ({ page, api }) => {
  await api.trigger("acme:shown", "FIRE_AND_FORGET", {
    name: "Shown",
    description: "Something is shown.",
    exampleInput: { markup: "<img src=x onerror=alert(1)>" },
  });
  await open(page, "triggers/acme%3Ashown");
  await expect(heading(page, "Shown")).toBeVisible();
  await expect(page.getByText("Something is shown.")).toBeVisible();
  const example = page.getByRole("region", { name: "Example of the event" });
  await expect(example, "what others wrote is text").toContainText("<img src=x onerror=alert(1)>");
  await expect(page.getByRole("region", { name: "Schema of the answer" })).toHaveCount(0);
});

test("from a trigger to its subscriptions, and to a new one", async ({ page, api, subscriber }) => {
  await api.trigger("acme:counted", "FIRE_AND_FORGET", { name: "Counted" });
  await api.subscribe("acme:counted", subscriber.at("/"), { name: "Counts" });
  await open(page, "triggers");
  await page.getByRole("link", { name: "1 subscription of Counted" }).click();
  await expect(heading(page, "Subscriptions")).toBeVisible();
  await expect(page.getByRole("rowheader")).toHaveText(["Counts"]);
  await page.goBack();
  await page.getByRole("link", { name: "Counted", exact: true }).click();
  await page.getByRole("link", { name: "Subscribe", exact: true }).click();
  await expect(heading(page, "New subscription")).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Trigger" })).toHaveValue("acme:counted");
});

test("a trigger that is not there is said in words", async ({ page, complaints }) => {
  complaints.expectStatus(404);
  await open(page, "triggers/acme%3Agone");
  await expect(page.getByRole("alert").filter({ hasText: "no trigger with this id" })).toBeVisible();
});
