import { expect, open, test } from "./fixtures.mjs";

test("who works on what, and how far behind", async ({ page, api }) => {
  await open(page, "workers");
  const [worker] = await api.get("/workers/v1");
  const process = page.getByRole("table", { name: "Processes" }).getByRole("row").nth(1);
  await expect(process.getByRole("rowheader")).toHaveText(worker.instance);
  for (const role of worker.roles) await expect(process).toContainText(role);
  const rows = page.getByRole("table", { name: "Partitions" }).getByRole("row");
  // A process that has just begun announces its partitions as they come.
  await expect(async () => {
    const [{ partitions }] = await api.get("/workers/v1");
    expect(partitions.length).toBeGreaterThan(0);
    await expect(rows.filter({ has: page.getByRole("rowheader") })).toHaveCount(partitions.length, { timeout: 4_000 });
  }).toPass();
});

test("what is open and in flight shows without a reload", async ({ page, api, subscriber }) => {
  await api.trigger("acme:slow", "REQUEST_RESPONSE");
  await api.subscribe("acme:slow", subscriber.at("/slow"), { httpDispatchMode: "ASYNC" });
  await open(page, "workers");
  const partitions = page.getByRole("table", { name: "Partitions" });
  const open_ = async () => {
    const cells = await partitions.getByRole("row").evaluateAll((rows) =>
      rows.slice(1).map((row) => Number(row.cells[2]?.textContent ?? 0)),
    );
    return cells.reduce((sum, one) => sum + one, 0);
  };
  await expect.poll(open_).toBe(0);
  for (let count = 0; count < 3; count += 1) await api.start("acme:slow");
  await expect.poll(open_).toBe(3);
});
