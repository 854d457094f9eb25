import { expect, heading, PEOPLE, test } from "./fixtures.mjs";

test.use({ person: null });

async function signInAsClient(page, { clientId, clientSecret } = PEOPLE.client) {
  await page.getByRole("radio", { name: "API client" }).check();
  await page.getByLabel("Client ID").fill(clientId);
  await page.getByLabel("Client secret").fill(clientSecret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function signInByPassword(page, { password }) {
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function expectNothingToChange(page) {
  const main = page.getByRole("main");
  const buttons = /^(delete|pause|enable|disable|redrive|resend|rotate|send)\b/i;
  await expect(main.getByRole("button", { name: buttons })).toHaveCount(0);
  await expect(main.getByRole("link", { name: /^(new|edit|make|subscribe)\b/i })).toHaveCount(0);
}

test("the address of the service leads to signing in", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/console\/$/);
  await expect(heading(page, "Sign in")).toBeVisible();
  await expect(page).toHaveTitle("Sign in · Triggerfish");
});

test("an API client signs in, stays signed in, and signs out", async ({ page }) => {
  await page.goto("/console/");
  await signInAsClient(page);
  await expect(heading(page, "Overview")).toBeVisible();
  await expect(page.getByRole("banner")).toContainText(PEOPLE.client.clientId);
  await page.reload();
  await expect(heading(page, "Overview")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(heading(page, "Sign in")).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "signed out" })).toBeVisible();
  await page.goto("/console/#/workers");
  await page.reload();
  await expect(heading(page, "Sign in")).toBeVisible();
});

test("somebody signs in with the password of admins", async ({ page }) => {
  await page.goto("/console/");
  await signInByPassword(page, PEOPLE.admin);
  await expect(page.getByRole("banner")).toContainText("admin");
  await page.goto("/console/#/subscriptions");
  await expect(page.getByRole("link", { name: "New subscription" })).toBeVisible();
});

test("viewers see everything and change nothing", async ({ page, api, subscriber }) => {
  await api.trigger("acme:viewed");
  await api.subscribe("acme:viewed", subscriber.at("/"), { name: "Looked at" });
  await page.goto("/console/#/subscriptions");
  await signInByPassword(page, PEOPLE.viewer);
  await expect(heading(page, "Subscriptions")).toBeVisible();
  const row = page.getByRole("row").filter({ hasText: "Looked at" });
  await expect(row).toBeVisible();
  await expect(row.getByRole("switch")).toBeDisabled();
  await expect(page.getByRole("link", { name: "New subscription" })).toHaveCount(0);
  for (const name of ["Triggers", "Activity log", "Callbacks", "Dead letters", "Workers"]) {
    await page.getByRole("navigation").getByRole("link", { name }).click();
    await expect(heading(page, name)).toBeVisible();
    await expect(page.getByRole("alert").filter({ hasText: /\w/ })).toHaveCount(0);
    await expectNothingToChange(page);
  }
  await page.goto("/console/#/subscriptions");
  await page.getByRole("link", { name: "Looked at", exact: true }).click();
  await expect(heading(page, "Looked at")).toBeVisible();
  await expectNothingToChange(page);
});

test("wrong credentials are refused in words, and better ones taken", async ({ page, complaints }) => {
  complaints.expectStatus(401);
  await page.goto("/console/");
  await signInAsClient(page, { ...PEOPLE.client, clientSecret: "guessed" });
  const said = page.getByRole("alert").filter({ hasText: "credentials are wrong" });
  await expect(said).toBeVisible();
  await expect(heading(page, "Sign in")).toBeVisible();
  await page.getByRole("radio", { name: "Console password" }).check();
  await signInByPassword(page, { password: "also guessed" });
  await expect(said).toBeVisible();
  await signInByPassword(page, PEOPLE.admin);
  await expect(heading(page, "Overview")).toBeVisible();
});

test("a deep link is where one is after signing in", async ({ page }) => {
  await page.goto("/console/#/triggers/idn%3Aidentity-created");
  await expect(heading(page, "Sign in")).toBeVisible();
  await signInAsClient(page);
  await expect(page.getByRole("main")).toContainText("idn:identity-created");
  await expect(page).toHaveURL(/#\/triggers\/idn/);
});

test("a session that ended elsewhere asks to sign in and goes on there", async ({ page, complaints }) => {
  complaints.expectStatus(401);
  await page.goto("/console/#/triggers");
  await signInAsClient(page);
  await expect(heading(page, "Triggers")).toBeVisible();
  await page.context().clearCookies();
  await page.getByRole("navigation").getByRole("link", { name: "Workers" }).click();
  await expect(page.getByRole("status").filter({ hasText: "session has ended" })).toBeVisible();
  await signInAsClient(page);
  await expect(heading(page, "Workers")).toBeVisible();
});

test("no script reads the session, and no other origin uses it", async ({ page, api, subscriber, complaints }) => {
  await page.goto("/console/");
  await signInAsClient(page);
  await expect(heading(page, "Overview")).toBeVisible();
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });

  // Another port of the same host is the same site: the cookie would be sent.
  await api.trigger("acme:guarded");
  await api.subscribe("acme:guarded", subscriber.at("/guarded"));
  complaints.expectStatus(401);
  complaints.expect("blocked by CORS policy", "net::ERR_FAILED");
  await page.goto(subscriber.at("/elsewhere"));
  const answers = await page.evaluate(async (url) => {
    const body = JSON.stringify({ triggerId: "acme:guarded", input: {}, contentJson: {} });
    const forged = { method: "POST", credentials: "include", body };
    const marked = { ...forged, headers: { "triggerfish-console": "person" } };
    const asked = [fetch(url, { ...forged, mode: "no-cors" }), fetch(url, marked)];
    return (await Promise.allSettled(asked)).map(({ status }) => status);
  }, `${api.url}/trigger-invocations/v1/start`);
  expect(answers).toEqual(["fulfilled", "rejected"]);
  await api.run("acme:guarded");
  expect(subscriber.callsOf("/guarded")).toHaveLength(1);
});
