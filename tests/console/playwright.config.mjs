import { defineConfig } from "@playwright/test";

/** The limits are generous: only tests that fail use them up. */
export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.mjs",
  outputDir: process.env.CONSOLE_TEST_OUTPUT ?? "test-results",
  reporter: "list",
  forbidOnly: true,
  // The tests of one file share a service.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: {
    baseURL: process.env.SERVICE_URL,
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
    locale: "en-GB",
    timezoneId: "UTC",
    actionTimeout: 30_000,
    navigationTimeout: 60_000,
    screenshot: "only-on-failure",
    launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" },
  },
});
