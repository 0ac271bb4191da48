// A shop for the tests of the desk: a real gate, a bot that does as it is told, a stand-in Graph API, and customers who
// write. dev/screenshots.mjs takes its pictures of one.
//
// Invariant: every webhook is signed and every send of the bot's passes through the gate, as in production; what the
// bot was given is in `bot.got`, in order.
//
// Deliberately not here: what the page must show.

import { setTimeout as sleep } from "node:timers/promises";
import { startGraph } from "../../dev/graph.mjs";
import { serve } from "../../dev/http.mjs";
import { LINE_ID, WABA_ID, customerText, newCustomer, newWamid, phoneText, post, statusOf } from "../../dev/meta.mjs";
import { open, startGate } from "./support.mjs";

export { LINE_ID };
// Long enough for a slow machine, and short enough to end.
export const SOON_MS = 15_000;
const APP_SECRET = "browser-app-secret";
const ASK_EVERY_MS = 25;

/** A gate around a bot, until `stop`. `args` are further options of `npm start`. */
export async function startShop({ policy = {}, env = {}, args = ["--no-play"] } = {}) {
  const graph = await startGraph({ lines: { [LINE_ID]: { account: WABA_ID } } });
  const bot = await startBot();
  const settings = { BATON_VAR_META_APP_SECRET: APP_SECRET, BATON_VAR_BATON_POLICY: JSON.stringify(policy), ...env };
  const gate = await startGate({ args: [...args, "--bot", `${bot.url}/webhook`, "--graph", graph.url], env: settings });
  const meta = (payload) => post(gate.url, APP_SECRET, payload);

  /** What the operator's API answers to a script; any status. */
  const ask = async (method, path, body) => {
    const response = await fetch(`${gate.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${gate.adminToken}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text };
  };
  const listed = async (customer) => (await ask("GET", `/conversations?line=${LINE_ID}&q=${customer.userId}`)).body.conversations?.[0];

  return {
    gate, bot, graph, ask, meta, listed,
    record: async (customer) => (await ask("GET", `/conversations/${LINE_ID}/${customer.userId}`)).body,
    /** A customer's message; its id. */
    writes: async (customer, text = "Do you have the blue dress in size M?") => {
      const id = newWamid(customer.phone, "customer");
      await meta(customerText(customer, id, text));
      return id;
    },
    /** A person of the shop answers from the phone; the echo's id. The same words to many would be a broadcast. */
    answers: async (customer, text = `${customer.name}, this is Ana. I have put one aside for you.`) => {
      const id = newWamid(customer.phone, "business");
      await meta(phoneText(customer, id, text));
      return id;
    },
    /** The bot sends through the gate; the status it is answered. */
    botSays: async (customer, text = "Yes, we have it in S, M and L.") => {
      const response = await fetch(`${gate.url}/v23.0/${LINE_ID}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer shop-bot" },
        body: JSON.stringify({ messaging_product: "whatsapp", to: customer.phone, type: "text", text: { body: text } }),
      });
      await response.arrayBuffer();
      return response.status;
    },
    /** Meta reports as sent what nobody sent through the gate: a leak, where a person holds. */
    leaks: (customer) => meta(statusOf(customer, newWamid(customer.phone, "business"), "sent")),
    /** Waits until the desk shows this customer so. */
    isAtDesk: (customer, shows = () => true) => eventually(async () => {
      const shown = await listed(customer);
      return shown && shows(shown) ? shown : undefined;
    }, `${customer.name} at the desk`),
    stop: async () => {
      await gate.stop();
      bot.close();
      graph.close();
    },
  };
}

export const person = newCustomer;

/** Tries again until there is something, which it returns. */
export async function eventually(look, what) {
  const limit = Date.now() + SOON_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > limit) throw new Error(`not within ${SOON_MS / 1000} s: ${what}`);
    await sleep(ASK_EVERY_MS);
  }
}

/** `fails` has the phone numbers whose messages it answers with 500. */
async function startBot() {
  const got = [];
  const fails = new Set();
  const server = await serve(async ({ bytes }) => {
    const changes = JSON.parse(await bytes()).entry.flatMap((entry) => entry.changes);
    const messages = changes.flatMap(({ value }) => value.messages ?? []);
    if (messages.some(({ from }) => fails.has(from))) return { status: 500, text: "out of order" };
    got.push(...messages.map(({ id, from, text }) => ({ id, from, text: text?.body })));
    return { status: 200, text: "ok" };
  });
  return {
    ...server, got, fails,
    has: (id) => got.some((message) => message.id === id),
    waitFor: (id) => eventually(() => got.find((message) => message.id === id), "a message at the bot"),
  };
}

/** Signs in by the form and gives what a browser context needs to be signed in from the start. */
export async function signedIn(browser, shop) {
  const { page, close, allow } = await open(browser, `${shop.gate.url}/desk/`);
  allow(/401/);
  await signIn(page, shop.gate.adminToken);
  await page.locator(".live").waitFor();
  const storageState = await page.context().storageState();
  await close();
  return storageState;
}

export async function signIn(page, token) {
  await page.locator("#token").fill(token);
  await page.locator("#token").press("Enter");
}

export const place = (view, query = "") => `#/${LINE_ID}/${view}${query}`;
export const placeOf = (customer) => place(`conversation/${encodeURIComponent(customer.userId)}`);

/** Opens the desk at a place, signed in, and runs `act` on it; fails if the page had errors. */
export async function atDesk({ browser, shop, storageState }, where, act, options = {}) {
  const opened = await open(browser, `${shop.gate.url}/desk/${where}`, { storageState, ...options });
  opened.page.setDefaultTimeout(SOON_MS);
  await opened.page.locator(".live.is-live").waitFor();
  await act(opened.page, opened);
  await opened.close();
}

/** The row of a customer in the list. */
export const rowOf = (page, customer) => page.locator(`.row[data-customer="${customer.userId}"]`);

/** Waits until nothing on the page is on its way. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("main .loading, [aria-busy=true]"));
}
