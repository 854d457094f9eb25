import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { expect } from "./fixtures.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/** Violations of WCAG 2.1 A and AA in the page as it is: what, where, and how it looks. */
async function violations(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (levels) => axe.run(document, { runOnly: levels, resultTypes: ["violations"] }),
    LEVELS,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, html, failureSummary }) => ({ id, help, target, html, failureSummary })),
  );
}

/** Looks at the page in light and dark, at the width of a desk and of a phone. */
export async function expectAccessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 400]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const found = await violations(page);
      expect(found, `${page.url()}, ${colorScheme}, ${width} px`).toEqual([]);
      await expectNoSidewaysScrolling(page);
    }
  }
}

/** Wide tables scroll in a box of their own; the page never does. */
export async function expectNoSidewaysScrolling(page) {
  const [scrollWidth, clientWidth] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [scrollWidth, clientWidth];
  });
  expect(scrollWidth, `${page.url()} is wider than the window`).toBeLessThanOrEqual(clientWidth);
}
