import { expect, heading, open, rowOf, said, test } from "./fixtures.mjs";

const TRIGGER = "acme:order-cancelled";

test.beforeAll(async ({ api }) => {
  await api.trigger(TRIGGER, "FIRE_AND_FORGET", {
    name: "Order cancelled",
    inputSchema: { type: "object", required: ["total"] },
    exampleInput: { order: 4711, total: 99.5 },
  });
});

test("an empty list says what to do, and a first subscription is made", async ({ page, api, subscriber }) => {
  await open(page, "subscriptions");
  await expect(page.getByText("Nobody is subscribed yet.")).toBeVisible();
  await page.getByRole("link", { name: "Make a subscription" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Billing");
  await page.getByLabel("Trigger", { exact: true }).selectOption(TRIGGER);
  await page.getByLabel("Address").fill(subscriber.at("/billing"));
  await page.getByLabel("Filter", { exact: true }).first().fill("$[?(@.total > 50)]");
  await page.getByLabel("Authentication").selectOption("Bearer token");
  await page.getByLabel("Token", { exact: true }).fill("hush-hush");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(heading(page, "Billing")).toBeVisible();
  await expect(said(page, "Billing is created")).toBeVisible();
  const [made] = await api.get("/trigger-subscriptions/v1");
  expect(made).toMatchObject({
    name: "Billing",
    triggerId: TRIGGER,
    filter: "$[?(@.total > 50)]",
    enabled: true,
    httpConfig: { url: subscriber.at("/billing"), httpAuthenticationType: "BEARER_TOKEN" },
  });
  await api.run(TRIGGER, { total: 51 });
  expect(subscriber.callsOf("/billing").at(-1).headers.authorization).toBe("Bearer hush-hush");
});

test("what the API refuses is said at the field, and nothing that was typed is lost", async ({ page, subscriber, complaints }) => {
  complaints.expectStatus(400);
  await open(page, "subscriptions/new");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.getByLabel("Name", { exact: true }).fill("Refused");
  await page.getByLabel("Trigger", { exact: true }).selectOption(TRIGGER);
  await page.getByLabel("Address").fill(subscriber.at("/refused"));
  const filter = page.getByLabel("Filter", { exact: true }).first();
  await filter.fill("$.[");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "filter" })).toBeVisible();
  await expect(filter).toHaveAttribute("aria-invalid", "true");
  await expect(filter).toBeFocused();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Refused");
  await filter.fill("");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(heading(page, "Refused")).toBeVisible();
});

test("the switch in the list pauses a subscription and enables it again", async ({ page, api, subscriber }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/switched"), { name: "Switched" });
  await open(page, "subscriptions");
  const onOff = page.getByRole("switch", { name: "Enabled: Switched" });
  await expect(onOff).toBeChecked();
  await onOff.click();
  await expect(said(page, "Switched is paused")).toBeVisible();
  await expect(onOff).not.toBeChecked();
  expect((await api.get(`/trigger-subscriptions/v1/${id}`)).enabled).toBe(false);
  await api.run(TRIGGER, { total: 1 });
  await onOff.click();
  await expect(said(page, "Switched is enabled")).toBeVisible();
  await expect(onOff).toBeChecked();
  await api.run(TRIGGER, { total: 2 });
  expect(subscriber.callsOf("/switched").map(({ body }) => body.total)).toEqual([2]);
});

test("a switch that fails goes back and says why", async ({ page, api, subscriber, complaints }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/"), { name: "Gone meanwhile" });
  await open(page, "subscriptions");
  const onOff = page.getByRole("switch", { name: "Enabled: Gone meanwhile" });
  await expect(onOff).toBeChecked();
  complaints.expectStatus(404);
  // Without the list hearing of it first.
  await page.route("**/trigger-subscriptions/v1?*", (route) => route.abort());
  complaints.expect("net::ERR_FAILED");
  await api.call("DELETE", `/trigger-subscriptions/v1/${id}`);
  await onOff.click();
  await expect(page.getByRole("alert").filter({ hasText: "Gone meanwhile was not changed" })).toContainText(id);
  await expect(onOff).toBeChecked();
});

test("a subscription is changed, and keeps the credential that nobody typed", async ({ page, api, subscriber }) => {
  await api.subscribe(TRIGGER, subscriber.at("/before"), {
    name: "Changed",
    httpConfig: {
      url: subscriber.at("/before"),
      httpDispatchMode: "SYNC",
      httpAuthenticationType: "BASIC_AUTH",
      basicAuthConfig: { userName: "ann", password: "hush" },
    },
  });
  await open(page, "subscriptions");
  await page.getByRole("link", { name: "Edit Changed" }).click();
  await page.getByLabel("Description").fill("Told of orders.");
  await page.getByLabel("Address").fill(subscriber.at("/after"));
  await expect(page.getByLabel("User name")).toHaveValue("ann");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(said(page, "Changed is saved")).toBeVisible();
  await expect(page.getByText("Told of orders.")).toBeVisible();
  await api.run(TRIGGER, { total: 3 });
  const [call] = subscriber.callsOf("/after");
  expect(call.headers.authorization).toBe(`Basic ${Buffer.from("ann:hush").toString("base64")}`);
});

test("deleting asks first; Cancel and Escape keep it", async ({ page, api, subscriber }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/"), { name: "Deleted" });
  await open(page, "subscriptions");
  const opener = page.getByRole("button", { name: "Delete Deleted" });
  const dialog = page.getByRole("dialog", { name: "Delete Deleted?" });
  await opener.click();
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  await opener.press("Enter");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  expect((await api.get(`/trigger-subscriptions/v1/${id}`)).name).toBe("Deleted");
  await opener.click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(said(page, "Deleted is deleted")).toBeVisible();
  await expect(rowOf(page, "Deleted")).toHaveCount(0);
  const left = await api.get("/trigger-subscriptions/v1?limit=250");
  expect(left.map(({ name }) => name)).not.toContain("Deleted");
});

test("a filter is tried on the example, the last real event, and what one types", async ({ page, api, subscriber }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/"), { name: "Filtered", filter: "$[?(@.total > 50)]" });
  await api.run(TRIGGER, { order: 12, total: 12.25 });
  await open(page, `subscriptions/${id}`);
  const form = page.getByRole("form", { name: "Try the filter" });
  const payload = form.getByLabel("Payload");
  const tryIt = () => form.getByRole("button", { name: "Try the filter" }).click();
  await expect(payload).toHaveValue(/"total": 99.5/);
  await tryIt();
  await expect(form.getByText("This event passes the filter.")).toBeVisible();
  await form.getByRole("button", { name: "Use the last real event" }).click();
  await expect(payload).toHaveValue(/"total": 12.25/);
  await tryIt();
  await expect(form.getByText("This event does not pass")).toBeVisible();
  await payload.fill('{"total": 50.5}');
  await tryIt();
  await expect(form.getByText("This event passes the filter.")).toBeVisible();
  await form.getByLabel("Filter").fill("$[?(");
  await tryIt();
  await expect(form.getByText("not a JSONPath expression")).toBeVisible();
  await payload.fill("{");
  await tryIt();
  await expect(form.getByText("This is not JSON")).toBeVisible();
  await expect(payload).toBeFocused();
});

test("a test invocation carries what one typed", async ({ page, api, subscriber }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/tested"), { name: "Tested", enabled: false });
  await open(page, `subscriptions/${id}`);
  const form = page.getByRole("form", { name: "Send a test" });
  await expect(form.getByLabel("Input")).toHaveValue(/"order": 4711/);
  await form.getByLabel("Input").fill('{"order": 1, "total": 7.50}');
  await form.getByLabel("contentJson").fill('{"ticket": "T-1"}');
  await form.getByRole("button", { name: "Send the test" }).click();
  await form.getByRole("link", { name: "See what becomes of it" }).click();
  await expect(page).toHaveURL(/#\/activity\/[0-9a-f-]{36}$/);
  const started = page.url().split("/").at(-1);
  expect(await api.closed(started)).toMatchObject({
    type: "TEST",
    startInvocationInput: { contentJson: { ticket: "T-1" } },
  });
  expect(subscriber.callsOf("/tested").map(({ body }) => body)).toEqual([{ order: 1, total: 7.5 }]);
});

test("a test that the trigger's schema refuses is said in words", async ({ page, api, subscriber, complaints }) => {
  complaints.expectStatus(400);
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/"), { name: "Strict" });
  await open(page, `subscriptions/${id}`);
  const form = page.getByRole("form", { name: "Send a test" });
  await form.getByLabel("Input").fill('{"order": 1}');
  await form.getByRole("button", { name: "Send the test" }).click();
  await expect(form.getByRole("alert")).toContainText("total");
});

test("the signing secret is made anew and shown once", async ({ page, api, subscriber }) => {
  const { id } = await api.subscribe(TRIGGER, subscriber.at("/"), { name: "Signed" });
  await open(page, `subscriptions/${id}`);
  await page.getByRole("button", { name: "Rotate the signing secret" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  const shown = page.getByRole("dialog", { name: "The new signing secret" });
  await expect(shown).toContainText(/whsec_\S{20,}/);
  await shown.getByRole("button", { name: "Close" }).click();
  await expect(page.getByText(/whsec_/)).toHaveCount(0);
});

test("a subscription that the service disabled says why and is enabled again", async ({ page, api, subscriber }) => {
  await api.trigger("acme:failing");
  subscriber.answer("/failing", 500, {});
  const { id } = await api.subscribe("acme:failing", subscriber.at("/failing"), {
    name: "Failing",
    delivery: { retry: { maxAttempts: 20, initialDelayMs: 200, maxDelayMs: 200 } },
  });
  await api.start("acme:failing");
  await open(page, "subscriptions");
  // The list hears of it by itself.
  await expect(rowOf(page, "Failing").getByText("Disabled by the service")).toBeVisible();
  await expect(page.getByRole("switch", { name: "Enabled: Failing" })).not.toBeChecked();
  await page.getByRole("link", { name: "Failing", exact: true }).click();
  await expect(page.getByText(/Disabled by the service: .+/)).toBeVisible();
  subscriber.answer("/failing", 200, {});
  await page.getByRole("button", { name: "Enable again" }).click();
  await expect(page.getByText("Enabled: real events")).toBeVisible();
  await expect.poll(async () => (await api.get(`/trigger-subscriptions/v1/${id}`)).enabled).toBe(true);
  await api.run("acme:failing", { after: true });
  expect(subscriber.callsOf("/failing").at(-1).body).toEqual({ after: true });
});

test("the search narrows the list, and the address has it", async ({ page, api, subscriber }) => {
  await api.subscribe(TRIGGER, subscriber.at("/needle"), { name: "In a haystack" });
  await open(page, "subscriptions");
  await page.getByRole("searchbox", { name: "Search" }).fill("needle");
  await expect(page.getByRole("rowheader")).toHaveText(["In a haystack"]);
  await page.reload();
  await expect(page.getByRole("rowheader")).toHaveText(["In a haystack"]);
  await page.getByRole("searchbox", { name: "Search" }).fill("not there");
  await expect(page.getByText("No subscription fits.")).toBeVisible();
});
