import { attempts } from "./api.mjs";
import { expect, heading, open, rowOf, test } from "./fixtures.mjs";

/** The figure with this name. */
function figure(page, name) {
  return page.getByRole("term").filter({ hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd[1]");
}

test("a new installation says what there is to see", async ({ page }) => {
  await open(page, "");
  await expect(heading(page, "Overview")).toBeVisible();
  await expect(page.getByText("Nothing is open: no deadline is waited for.")).toBeVisible();
  await expect(page.getByText("All subscribers answer.")).toBeVisible();
  await expect(figure(page, "Subscriptions")).toHaveText("0 of 0");
  await expect(figure(page, "Processes")).toHaveText("1");
  await page.getByRole("navigation").getByRole("link", { name: "Dead letters" }).click();
  await expect(page.getByText("There are no dead letters")).toBeVisible();
});

test("figures, plots and deadlines follow what happens, without a reload", async ({ page, api, subscriber }) => {
  await open(page, "");
  await expect(figure(page, "Open")).toHaveText("0");
  await api.trigger("acme:awaited", "REQUEST_RESPONSE");
  await api.subscribe("acme:awaited", subscriber.at("/awaited"), {
    name: "Awaited",
    responseDeadline: "PT1H",
    httpDispatchMode: "ASYNC",
  });
  const [{ id, secret }] = await api.start("acme:awaited");
  await expect(figure(page, "Subscriptions")).toHaveText("1 of 1");
  await expect(figure(page, "Open")).toHaveText("1");
  await expect(rowOf(page, "Awaited")).toBeVisible();
  for (const name of ["Invocations per second", "Open invocations", "Lag"]) {
    const plot = page.getByRole("img", { name: new RegExp(`^${name}\\. .*now`) });
    await expect(plot, "a plot says in words what it shows").toBeVisible();
    await expect(plot.locator("polyline").first()).toHaveAttribute("points", /,/);
  }
  await api.complete(id, { secret, output: {} });
  await expect(figure(page, "Open")).toHaveText("0");
  await expect(rowOf(page, "Awaited")).toHaveCount(0);
});

test("a subscriber that fails is named, with a way to what happened", async ({ page, api, subscriber }) => {
  await api.trigger("acme:ailing");
  subscriber.answer("/ailing", 500, { error: "out of order" });
  await api.subscribe("acme:ailing", subscriber.at("/ailing"), { name: "Ailing", ...attempts(1) });
  await open(page, "");
  await expect(page.getByText("All subscribers answer.")).toBeVisible();
  await api.run("acme:ailing");
  await expect(rowOf(page, "Ailing")).toContainText("Failing");
  await page.getByRole("link", { name: "1 of 1 of Ailing failed" }).click();
  await expect(heading(page, "Activity log")).toBeVisible();
  await expect(rowOf(page, "Ailing")).toContainText("Failed");
});

test("a page that can't be kept up to date says so, and goes on by itself", async ({ page, complaints }) => {
  complaints.expect("net::ERR_INTERNET_DISCONNECTED");
  await open(page, "");
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
  await page.context().setOffline(true);
  await expect(page.getByText("Not up to date: The service can't be reached.")).toBeVisible();
  await page.context().setOffline(false);
  // A request that the network swallowed meanwhile is given up after a while.
  await expect(page.getByText("Live: updated by itself.")).toBeVisible({ timeout: 60_000 });
});

test("an answer that never comes is given up, in words", async ({ page }) => {
  await open(page, "");
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
  await page.route("**/overview/v1", () => {});
  await expect(page.getByText("Not up to date: The service did not answer in time.")).toBeVisible();
  await page.unroute("**/overview/v1");
  await expect(page.getByText("Live: updated by itself.")).toBeVisible();
});
