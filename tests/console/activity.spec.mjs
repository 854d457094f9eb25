import { attempts } from "./api.mjs";
import { expect, heading, open, rowOf, said, test } from "./fixtures.mjs";

const rows = (page) => page.getByRole("table", { name: "Activity" }).getByRole("rowheader");

/** Opens the log and waits until it shows that it is up to date. */
async function openLog(page, query = "") {
  await open(page, `activity${query}`);
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
}

test("an empty log says what to do; what happens comes in without a reload, newest first", async ({ page, api, subscriber }) => {
  await openLog(page);
  await expect(page.getByText("Nothing has happened yet that fits.")).toBeVisible();
  await api.trigger("acme:live");
  await api.subscribe("acme:live", subscriber.at("/live"), { name: "Live" });
  const first = await api.run("acme:live");
  await expect(rows(page)).toHaveCount(1);
  await expect(rowOf(page, "Live")).toContainText("Completed");
  const second = await api.run("acme:live");
  await expect(rows(page)).toHaveCount(2);
  const links = rows(page).getByRole("link");
  await expect(links.first()).toHaveAttribute("href", `#/activity/${second[0].id}`);
  await expect(links.last()).toHaveAttribute("href", `#/activity/${first[0].id}`);
});

test("a row changes while one looks at it", async ({ page, api, subscriber }) => {
  await api.trigger("acme:changing", "REQUEST_RESPONSE");
  await api.subscribe("acme:changing", subscriber.at("/changing"), { name: "Changing", httpDispatchMode: "ASYNC" });
  const [{ id, secret }] = await api.start("acme:changing");
  await openLog(page);
  await expect(rowOf(page, "Changing")).toContainText("Open");
  await api.waiting(id);
  expect(await api.complete(id, { secret, error: "no" })).toBe(204);
  await expect(rowOf(page, "Changing")).toContainText("Failed");
});

test("filters narrow the log, alone and together, and the address has them", async ({ page, api, subscriber }) => {
  await api.trigger("acme:sought");
  subscriber.answer("/refuses", 400, { error: "out of paper" });
  await api.subscribe("acme:sought", subscriber.at("/takes"), { name: "Takes" });
  const refuses = await api.subscribe("acme:sought", subscriber.at("/refuses"), { name: "Refuses", ...attempts(1) });
  await api.run("acme:sought");
  const wanted = { triggerId: "acme:sought", input: {}, contentJson: {}, subscriptionIds: [refuses.id] };
  const [{ id }] = await api.post("/trigger-invocations/v1/test", wanted);
  await api.closed(id);

  await openLog(page);
  const filters = page.getByRole("search", { name: "Filters" });
  await filters.getByRole("combobox", { name: "Trigger" }).selectOption("acme:sought");
  await expect(rows(page)).toHaveCount(3);
  await filters.getByRole("combobox", { name: "Subscription" }).selectOption("Refuses");
  await expect(rows(page)).toHaveCount(2);
  await filters.getByRole("combobox", { name: "Type" }).selectOption("Tests");
  await expect(rows(page)).toHaveCount(1);
  await filters.getByRole("combobox", { name: "State" }).selectOption("Completed");
  await expect(page.getByText("Nothing has happened yet that fits.")).toBeVisible();
  await filters.getByRole("combobox", { name: "State" }).selectOption("Failed");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).getByRole("link")).toHaveAttribute("href", `#/activity/${id}`);
  await page.reload();
  await expect(rows(page)).toHaveCount(1);
  await expect(filters.getByRole("combobox", { name: "State" })).toHaveValue("FAILED");

  await openLog(page, "?trigger=acme%3Asought");
  await expect(rows(page)).toHaveCount(3);
  await filters.getByRole("searchbox", { name: "Search" }).fill("takes");
  await expect(rows(page)).toHaveCount(1);
  await expect(rowOf(page, "Takes")).toBeVisible();
});

test("the log can be held while one reads", async ({ page, api, subscriber }) => {
  await api.trigger("acme:held");
  await api.subscribe("acme:held", subscriber.at("/held"), { name: "Held" });
  await api.run("acme:held");
  await openLog(page, "?trigger=acme%3Aheld");
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole("checkbox", { name: "Live" }).uncheck();
  await expect(page.getByText("Live: updated by itself.")).toBeHidden();
  await api.run("acme:held");
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole("checkbox", { name: "Live" }).check();
  await expect(rows(page)).toHaveCount(2);
});

test("an invocation shows what went in, what came out, and everything that was observed", async ({ page, api, subscriber }) => {
  await api.trigger("acme:told", "REQUEST_RESPONSE");
  await api.subscribe("acme:told", subscriber.at("/told"), { name: "Told", httpDispatchMode: "ASYNC" });
  const [{ id, secret }] = await api.start("acme:told", { order: 4711 }, { ticket: "T-7" });
  await api.waiting(id);
  await openLog(page);
  await page.getByRole("link", { name: /Told$/ }).click();
  await expect(heading(page, "Told")).toBeVisible();
  await expect(page.getByText("its callback is waited for")).toBeVisible();
  await expect(page.getByRole("region", { name: "Input", exact: true })).toContainText('"order": 4711');
  await expect(page.getByRole("region", { name: "contentJson" })).toContainText('"ticket": "T-7"');
  const timeline = page.getByRole("main").getByRole("listitem");
  await expect(timeline).toHaveCount(2);
  await expect(timeline.nth(0)).toContainText("Requested");
  await expect(timeline.nth(1)).toContainText("Call 1: taken, the result is to come by callback");

  // One that counts, and one that comes too late.
  expect(await api.complete(id, { secret, output: { approved: true } })).toBe(204);
  expect(await api.complete(id, { secret, error: "changed my mind" })).toBe(400);
  await expect(timeline.nth(2)).toContainText("Callback: the result");
  await expect(timeline.nth(2)).toContainText("Completed");
  await expect(page.getByRole("region", { name: "Output" })).toContainText('"approved": true');
  await expect(timeline).toHaveCount(4);
  await expect(timeline.nth(3)).toContainText("Changed nothing");
  await expect(timeline.nth(3)).toContainText("it had an outcome already");
  await expect(page.getByText(secret)).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Resend" }), "it owes an answer").toHaveCount(0);
});

test("each attempt stands in the timeline, with why it failed", async ({ page, api, subscriber }) => {
  await api.trigger("acme:tried");
  subscriber.answer("/tried", 503, { error: "busy" });
  await api.subscribe("acme:tried", subscriber.at("/tried"), { name: "Tried", ...attempts(3) });
  const [{ id }] = await api.run("acme:tried");
  await open(page, `activity/${id}`);
  const timeline = page.getByRole("main").getByRole("listitem");
  await expect(timeline).toHaveCount(4);
  for (const attempt of [1, 2, 3]) {
    await expect(timeline.nth(attempt)).toContainText(`Call ${attempt}: failed`);
    await expect(timeline.nth(attempt)).toContainText("Status 503");
  }
  await expect(page.getByRole("status").filter({ hasText: "Failed" })).toBeVisible();
});

test("fire and forget is sent again after a question", async ({ page, api, subscriber }) => {
  await api.trigger("acme:again");
  await api.subscribe("acme:again", subscriber.at("/again"), { name: "Again" });
  const [{ id }] = await api.run("acme:again", { order: 9 });
  await open(page, `activity/${id}`);
  const resend = page.getByRole("button", { name: "Resend" });
  const dialog = page.getByRole("dialog", { name: "Resend this event?" });
  await resend.click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toBeHidden();
  expect(subscriber.callsOf("/again")).toHaveLength(1);
  await resend.click();
  await dialog.getByRole("button", { name: "Resend" }).click();
  await expect(said(page, "The event is sent again.")).toBeVisible();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect.poll(() => subscriber.callsOf("/again").map(({ body }) => body)).toEqual([{ order: 9 }, { order: 9 }]);
});

test("sending again to a subscription that is gone says so in the dialog", async ({ page, api, subscriber, complaints }) => {
  await api.trigger("acme:orphan");
  const { id: subscription } = await api.subscribe("acme:orphan", subscriber.at("/orphan"), { name: "Orphan" });
  const [{ id }] = await api.run("acme:orphan");
  await api.call("DELETE", `/trigger-subscriptions/v1/${subscription}`);
  complaints.expectStatus(400, 404, 409);
  await open(page, `activity/${id}`);
  await page.getByRole("button", { name: "Resend" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Resend" }).click();
  await expect(dialog.getByRole("alert")).toContainText("subscription");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toBeHidden();
});

test("an invocation that is not there is said in words", async ({ page, complaints }) => {
  complaints.expectStatus(404);
  await open(page, "activity/01a2149b-9f22-8001-bf6e-094de8f2ae9b");
  await expect(page.getByRole("alert").filter({ hasText: /\w/ })).toBeVisible();
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
});
