import { expect, open, test } from "./fixtures.mjs";

const ROWS = 10_000;
const SUBSCRIPTIONS = 50;
/** Of a table that is as high as the window: what shows, and a margin. */
const ROWS_IN_PAGE_MAX = 100;

test("ten thousand invocations are scrolled through, and few of them are in the page at a time", async ({ page, api, subscriber }) => {
  test.slow();
  await api.trigger("acme:many");
  for (let number = 0; number < SUBSCRIPTIONS; number += 1) {
    await api.subscribe("acme:many", subscriber.at("/many"), { name: `Many ${number}` });
  }
  for (let event = 0; event < ROWS / SUBSCRIPTIONS; event += 1) {
    await api.start("acme:many", { event });
  }
  await expect.poll(() => subscriber.callsOf("/many").length, { timeout: 120_000 }).toBe(ROWS);

  await open(page, "activity");
  const table = page.getByRole("table", { name: "Activity" });
  const box = page.getByRole("region", { name: "Activity" });
  await expect(table.getByRole("rowheader").first()).toBeVisible();
  await page.evaluate(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      longTasks.push(...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: "longtask" });
  });
  await box.hover();
  await expect(async () => {
    // As somebody does who wants to see the end: by the wheel, frame after frame.
    for (let turn = 0; turn < 20; turn += 1) await page.mouse.wheel(0, 4_000);
    expect(await table.locator("tr").count()).toBeLessThan(ROWS_IN_PAGE_MAX);
    expect(await table.getAttribute("aria-rowcount")).toBe(String(ROWS + 1));
    const left = await box.evaluate((it) => it.scrollHeight - it.clientHeight - it.scrollTop);
    expect(left).toBeLessThan(2);
  }).toPass({ timeout: 120_000 });
  const last = table.locator(`tr[aria-rowindex="${ROWS + 1}"]`);
  await expect(last).toBeVisible();
  await expect(last).toContainText("Completed");

  const longTasks = await page.evaluate(() => longTasks);
  const worst = Math.max(0, ...longTasks).toFixed(0);
  console.log(`long frames while scrolling: ${longTasks.length}, the longest ${worst} ms`);
});
