// The door of the desk, in a browser around a real gate: signing in, each way of failing, and the end of a session.
//
// Deliberately not here: who may do what by the API, which tests/runtime/access.rs is about.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SOON_MS, atDesk, place, signIn, signedIn, startShop } from "./shop.mjs";
import { assertAccessible, assertFits, launch, open } from "./support.mjs";

// The gate tells so many that they are wrong, and then nobody anything.
const ATTEMPTS_MAX = 10;
const WRONG = "not-the-token";

let browser;
let shop;
before(async () => { [browser, shop] = await Promise.all([launch(), startShop()]); });
after(() => Promise.all([browser?.close(), shop?.stop()]));

describe("the door of the desk", { concurrency: false }, () => {
  test("opens for the operator's token, which is kept nowhere in the page", () => atDoor(place("policy"), async (page) => {
    const token = shop.gate.adminToken;
    await signIn(page, token);
    await page.getByRole("heading", { level: 1, name: "Policy" }).waitFor();
    await page.locator("textarea").waitFor();
    const kept = await page.evaluate(async () => {
      const fields = [...document.querySelectorAll("input, textarea")].map((field) => field.value);
      const caches = await globalThis.caches.keys();
      const databases = (await indexedDB.databases()).map(({ name }) => name);
      return JSON.stringify([
        { ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state, fields, caches, databases,
        document.documentElement.outerHTML, Object.getOwnPropertyNames(globalThis).filter((name) => String(globalThis[name]).includes("test-admin")),
      ]);
    });
    assert.ok(kept.length > 1_000, "there is something to search");
    assert.ok(!kept.includes(token), "the token is in the page");
    const [session, ...others] = await page.context().cookies();
    assert.equal(others.length, 0);
    assert.deepEqual([session.name, session.httpOnly, session.sameSite], ["baton_session", true, "Strict"]);
    assert.ok(!session.value.includes(token), "the token is in the cookie");
    assert.equal(new URL(page.url()).hash, place("policy"), "the place that was asked for");
  }));

  test("says that a token is wrong, and takes the right one then", () => atDoor("", async (page) => {
    await signIn(page, WRONG);
    await page.getByRole("alert").getByText("This token is not right.").waitFor();
    assert.equal(await page.locator("#token").getAttribute("aria-invalid"), "true");
    assert.ok(await page.locator("#token").evaluate((field) => field === document.activeElement && field.selectionEnd === field.value.length), "one can type over it");
    await signIn(page, shop.gate.adminToken);
    await page.getByRole("heading", { level: 1, name: "Conversations" }).waitFor();
  }));

  test("says that the gate cannot be reached", () => atDoor("", async (page) => {
    await page.context().setOffline(true);
    await signIn(page, shop.gate.adminToken);
    await page.getByRole("alert").getByText("The gate cannot be reached.").waitFor();
    await page.context().setOffline(false);
    await signIn(page, shop.gate.adminToken);
    await page.getByRole("heading", { level: 1, name: "Conversations" }).waitFor();
  }, /ERR_INTERNET_DISCONNECTED/));

  test("lets the operator show the token while it is typed", () => atDoor("", async (page) => {
    const field = page.locator("#token");
    await field.fill(WRONG);
    assert.equal(await field.getAttribute("type"), "password");
    await page.getByLabel("Show the token").check();
    assert.equal(await field.getAttribute("type"), "text");
    assert.equal(await field.inputValue(), WRONG);
  }));

  for (const colorScheme of ["light", "dark"]) {
    test(`has nothing that axe-core minds, ${colorScheme}, and fits a phone`, () => atDoor("", async (page) => {
      await assertAccessible(page, "the door");
      await signIn(page, WRONG);
      await page.getByRole("alert").getByText("not right").waitFor();
      await assertAccessible(page, "the door, refused");
      await assertFits(page, "the door");
    }, /401/, { colorScheme, viewport: { width: 360, height: 740 } }));
  }

  test("comes back when the session has ended, and leads to the same place", () => inside(place("policy", "?tab=history"), async (page, { allow }) => {
    allow(/401|403|WebSocket/);
    await page.getByText("No versions yet").waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.locator("textarea").fill("{}");
    await page.getByText("The session has ended.").waitFor();
    await signIn(page, shop.gate.adminToken);
    await page.getByRole("button", { name: "Edit", exact: true }).and(page.locator('[aria-pressed="true"]')).waitFor();
    assert.equal(await page.locator("textarea").inputValue(), "{}", "what was being edited is still there");
    assert.equal(new URL(page.url()).hash, place("policy"));
    await page.locator(".live.is-live").waitFor();
  }));

  test("comes back at once when the gate closes the live stream because the session has ended", async () => {
    const storageState = await signedIn(browser, shop);
    const { page, close, allow } = await open(browser, `${shop.gate.url}/favicon.ico`, { storageState });
    allow(/401|404|WebSocket/);
    page.setDefaultTimeout(SOON_MS);
    let stream;
    await page.routeWebSocket(/\/api\/v1\/live/, (socket) => { stream = socket; socket.connectToServer(); });
    await page.goto(`${shop.gate.url}/desk/${place("health")}`);
    await page.locator(".live.is-live").waitFor();
    await page.context().clearCookies();
    const start = Date.now();
    await stream.close({ code: 4401, reason: "the session has ended" });
    await page.getByText("The session has ended.").waitFor({ timeout: SOON_MS });
    assert.ok(Date.now() - start < 700, "it waits for nothing");
    await close();
  });

  test("closes behind whoever signs out", () => inside(place("now"), async (page, { allow }) => {
    allow(/401|WebSocket/);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to the desk" }).waitFor();
    assert.equal(await page.getByText("The session has ended.").count(), 0);
    await page.reload();
    await page.getByRole("heading", { name: "Sign in to the desk" }).waitFor();
  }));

  test("speaks the browser's language before anybody is known, and the one that is chosen", () => atDoor("", async (page) => {
    await page.getByRole("heading", { name: "Entrar en el panel" }).waitFor();
    await page.getByLabel("Idioma").selectOption({ label: "Português" });
    await page.locator('html[lang="pt"]').waitFor();
    await page.getByLabel("Aparência").waitFor();
    await page.reload();
    await page.locator('html[lang="pt"]').waitFor();
  }, /401/, { locale: "es-AR" }));

  // The last one: from here on this gate tells nobody anything for minutes.
  test("says that there were too many attempts, even to the right token", () => atDoor("", async (page) => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) await page.request.post(`${shop.gate.url}/api/v1/session`, { data: { token: WRONG } });
    for (const token of [WRONG, shop.gate.adminToken]) {
      await signIn(page, token);
      await page.getByRole("alert").getByText("Too many failed attempts from this address. Wait a few minutes.").waitFor();
    }
    assert.equal((await page.context().cookies()).length, 0);
  }, /40[13]|429/));

  /** The page as somebody sees it whom nobody knows; that it asks who they are is answered 401, which Chromium notes. */
  async function atDoor(where, act, errors = /401/, options = {}) {
    const opened = await open(browser, `${shop.gate.url}/desk/${where}`, options);
    opened.allow(/401/);
    opened.allow(errors);
    opened.page.setDefaultTimeout(SOON_MS);
    await opened.page.locator("#token").waitFor();
    await act(opened.page, opened);
    await opened.close();
  }

  async function inside(where, act) {
    await atDesk({ browser, shop, storageState: await signedIn(browser, shop) }, where, act);
  }
});

