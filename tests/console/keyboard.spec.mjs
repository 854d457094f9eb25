import { expect, heading, PEOPLE, said, test } from "./fixtures.mjs";

test.use({ person: null });

const STEPS_MAX = 120;

/** Presses Tab, or Shift+Tab, until `target` has the focus, and sees that the focus shows. */
async function tabTo(page, target, key = "Tab") {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      await expectFocusShown(target);
      return;
    }
    await page.keyboard.press(key);
  }
  throw new Error(`${STEPS_MAX} times ${key} do not lead to ${target}`);
}

async function expectFocusShown(target) {
  const style = await target.evaluate((element) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    return { outline: outlineStyle !== "none" && parseFloat(outlineWidth) > 0, shadow: boxShadow !== "none" };
  });
  expect(style.outline || style.shadow, `the focus of ${target} shows`).toBe(true);
}

test("a subscription's whole life by keyboard alone", async ({ page, api, subscriber }) => {
  await api.trigger("acme:typed");
  const { keyboard } = page;
  const link = (name) => page.getByRole("link", { name, exact: true });
  const button = (name) => page.getByRole("button", { name, exact: true });
  const type = async (label, text) => {
    await tabTo(page, page.getByLabel(label, { exact: true }).first());
    await keyboard.type(text);
  };

  await page.goto("/console/");
  await expect(page.getByLabel("Password", { exact: true })).toBeFocused();
  await keyboard.type(PEOPLE.admin.password);
  await keyboard.press("Enter");
  await expect(heading(page, "Overview")).toBeFocused();

  await tabTo(page, link("Subscriptions"), "Shift+Tab");
  await keyboard.press("Enter");
  await expect(heading(page, "Subscriptions")).toBeFocused();
  await tabTo(page, link("New subscription"));
  await keyboard.press("Enter");
  await expect(heading(page, "New subscription")).toBeFocused();
  await type("Name", "By keyboard");
  const trigger = page.getByLabel("Trigger", { exact: true });
  await tabTo(page, trigger);
  await keyboard.type("acme:typed");
  await expect(trigger).toHaveValue("acme:typed");
  await type("Address", subscriber.at("/typed"));
  await keyboard.press("Enter");
  await expect(said(page, "By keyboard is created")).toBeVisible();
  await expect(heading(page, "By keyboard")).toBeFocused();

  await tabTo(page, link("Subscriptions"), "Shift+Tab");
  await keyboard.press("Enter");
  const onOff = page.getByRole("switch", { name: "Enabled: By keyboard" });
  await expect(onOff).toBeVisible();
  await tabTo(page, onOff);
  await keyboard.press("Space");
  await expect(onOff).not.toBeChecked();
  await expect(onOff, "the focus stays while the list is drawn anew").toBeFocused();
  await tabTo(page, button("Delete By keyboard"));
  await keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete By keyboard?" });
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await tabTo(page, dialog.getByRole("button", { name: "Delete" }));
  await keyboard.press("Enter");
  await expect(said(page, "By keyboard is deleted")).toBeVisible();
  expect(await api.get("/trigger-subscriptions/v1")).toEqual([]);

  await tabTo(page, button("Sign out"), "Shift+Tab");
  await keyboard.press("Enter");
  await expect(heading(page, "Sign in")).toBeVisible();
});

test("the first Tab offers a way past the navigation", async ({ page }) => {
  await page.goto("/console/");
  await page.getByLabel("Password", { exact: true }).fill(PEOPLE.admin.password);
  await page.keyboard.press("Enter");
  await expect(heading(page, "Overview")).toBeVisible();
  await page.reload();
  await expect(heading(page, "Overview")).toBeVisible();
  const skip = page.getByRole("button", { name: "Skip to content" });
  await tabTo(page, skip, "Shift+Tab");
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});
