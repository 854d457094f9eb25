import { expect, heading, open, rowOf, said, test } from "./fixtures.mjs";

/** Makes a callback that must be asked before an app is created. */
function before(api, url, extra = {}) {
  return api.post("/callbacks/v1", {
    name: "Asked",
    timing: "BEFORE",
    objectType: "app",
    url,
    expectedStatus: 200,
    ...extra,
  });
}

/** Asks whether an app may be created. */
function ask(api, id, extra = {}) {
  return api.post("/object-events/v1/before", {
    objectType: "app",
    action: "CREATED",
    entity: { id, name: `App ${id}` },
    user: "ann",
    ...extra,
  });
}

test("an empty list says what to do, and a first callback is made", async ({ page, api, subscriber }) => {
  await open(page, "callbacks");
  await expect(page.getByText("There is no callback here.")).toBeVisible();
  await page.getByRole("link", { name: "Make a callback" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Gatekeeper");
  await page.getByLabel("Object type").selectOption("app");
  await expect(page.getByRole("region", { name: "Example body" })).toContainText('"AppToken": {');
  await page.getByLabel("Address").fill(subscriber.at("/gatekeeper"));
  await page.getByLabel("Expected status").fill("201");
  await page.getByRole("checkbox", { name: "CREATED" }).check();
  await page.getByRole("checkbox", { name: "DELETED" }).check();
  await page.getByLabel("Request headers").fill("x-team: platform");
  await page.getByLabel("Authentication").selectOption("User name and password");
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password", { exact: true }).fill("hush");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(said(page, "Gatekeeper is created")).toBeVisible();
  await expect(heading(page, "Gatekeeper")).toBeVisible();
  const [made] = await api.get("/callbacks/v1");
  expect(made).toMatchObject({
    name: "Gatekeeper",
    timing: "BEFORE",
    objectType: "app",
    expectedStatus: 201,
    failurePolicy: "DENY",
    requestHeaders: { "x-team": "platform", action: "CREATED,DELETED" },
    enabled: true,
  });
  subscriber.answer("/gatekeeper", 201, {});
  expect((await ask(api, "a-1")).decision).toBe("ALLOW");
  const [call] = subscriber.callsOf("/gatekeeper");
  expect(call.headers).toMatchObject({ "x-team": "platform", authorization: `Basic ${btoa("ann:hush")}` });
  expect(call.body).toEqual({ AppToken: { id: "a-1", name: "App a-1" }, action: "CREATED", user: "ann" });
});

test("what the API refuses is said at the field", async ({ page, subscriber, complaints }) => {
  complaints.expectStatus(400);
  await open(page, "callbacks/new");
  await page.getByLabel("Name", { exact: true }).fill("Refused");
  await page.getByLabel("Address").fill(subscriber.at("/"));
  const headers = page.getByLabel("Request headers");
  await headers.fill("host: elsewhere");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "host" })).toBeVisible();
  await expect(headers).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Refused");
});

test("an after-callback has no expected status", async ({ page, api, subscriber }) => {
  await open(page, "callbacks/new");
  await page.getByLabel("Name", { exact: true }).fill("Told after");
  await page.getByLabel("When").selectOption("AFTER");
  await expect(page.getByLabel("Expected status")).toBeHidden();
  await page.getByLabel("Object type").selectOption("plan");
  await page.getByLabel("Address").fill(subscriber.at("/after"));
  await page.getByRole("button", { name: "Create" }).click();
  await expect(heading(page, "Told after")).toBeVisible();
  const made = (await api.get("/callbacks/v1")).find(({ name }) => name === "Told after");
  expect(made).toMatchObject({ timing: "AFTER", objectType: "plan" });
});

test("a callback is changed, and keeps the credential that nobody typed", async ({ page, api, subscriber }) => {
  await before(api, subscriber.at("/kept"), {
    name: "Kept",
    authentication: { type: "BEARER_TOKEN", bearerToken: "hush-hush" },
  });
  await open(page, "callbacks");
  await page.getByRole("link", { name: "Edit Kept" }).click();
  await expect(page.getByLabel("Token", { exact: true })).toHaveValue("");
  await page.getByLabel("Description").fill("Looks at new apps.");
  await page.getByLabel("Failure policy").selectOption("ALLOW");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(said(page, "Kept is saved")).toBeVisible();
  await expect(page.getByText("Looks at new apps.")).toBeVisible();
  await ask(api, "a-2");
  expect(subscriber.callsOf("/kept").at(-1).headers.authorization).toBe("Bearer hush-hush");
});

test("the switch in the list turns a callback off and on", async ({ page, api, subscriber }) => {
  const { id } = await before(api, subscriber.at("/switched"), { name: "Switched" });
  await open(page, "callbacks");
  const onOff = page.getByRole("switch", { name: "Enabled: Switched" });
  await onOff.click();
  await expect(said(page, "Switched is disabled")).toBeVisible();
  await expect(onOff).not.toBeChecked();
  await ask(api, "a-3");
  expect(subscriber.callsOf("/switched")).toEqual([]);
  await onOff.click();
  await expect(onOff).toBeChecked();
  await ask(api, "a-4");
  expect(subscriber.callsOf("/switched")).toHaveLength(1);
  await api.call("DELETE", `/callbacks/v1/${id}`);
});

test("deleting asks first", async ({ page, api, subscriber }) => {
  await before(api, subscriber.at("/"), { name: "Deleted" });
  await open(page, "callbacks");
  const dialog = page.getByRole("dialog", { name: "Delete Deleted?" });
  await page.getByRole("button", { name: "Delete Deleted" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toBeHidden();
  await expect(rowOf(page, "Deleted")).toBeVisible();
  await page.getByRole("button", { name: "Delete Deleted" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(said(page, "Deleted is deleted")).toBeVisible();
  await expect(page.getByRole("button", { name: "Delete Deleted" })).toHaveCount(0);
});

test("the history tells when, what, and why, as it happens", async ({ page, api, subscriber }) => {
  await before(api, subscriber.at("/history"), { name: "With history" });
  await open(page, "callbacks");
  await expect(rowOf(page, "With history")).toContainText("Never");
  subscriber.answer("/history", 403, { why: "no quota left" });
  const decision = await ask(api, "quota-1");
  expect(decision.decision).toBe("DENY");
  // The list hears of it by itself, and leads there.
  await page.getByRole("link", { name: "history of With history" }).click();
  const history = page.getByRole("table", { name: "History of With history" });
  const denied = history.getByRole("row").filter({ hasText: "quota-1" });
  await expect(denied).toContainText("Denied");
  await expect(denied).toContainText("403");
  await expect(denied).toContainText("ann");
  await denied.getByRole("button").click();
  const dialog = page.getByRole("dialog", { name: "Activation" });
  await expect(dialog.getByRole("region", { name: "Request body" })).toContainText('"action": "CREATED"');
  await expect(dialog.getByRole("region", { name: "Response body" })).toContainText("no quota left");
  await expect(dialog).toContainText("403, expected 200");
  await page.keyboard.press("Escape");

  subscriber.answer("/history", 200, {});
  await ask(api, "quota-2", { action: "DELETED" });
  await expect(history.getByRole("row").filter({ hasText: "quota-2" })).toContainText("Allowed");
  const filters = page.getByRole("search", { name: "Filters" });
  await filters.getByRole("combobox", { name: "Outcome" }).selectOption("DENIED");
  await expect(history.getByRole("rowheader")).toHaveCount(1);
  await page.reload();
  await expect(history.getByRole("rowheader")).toHaveCount(1);
  await filters.getByRole("combobox", { name: "Outcome" }).selectOption("All");
  await filters.getByRole("combobox", { name: "Action" }).selectOption("DELETED");
  await expect(history.getByRole("rowheader")).toHaveCount(1);
  await expect(history.getByRole("row").filter({ hasText: "quota-2" })).toBeVisible();
});
