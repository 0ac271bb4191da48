// The playground in a browser, around a real gate: the collision happens with Baton off and is prevented with it on.
//
// Deliberately not here: what the gate decides in which case, which tests/native and tests/runtime are about.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { assertAccessible, assertFits, launch, open, startGate } from "./support.mjs";

// Long enough for a slow machine, and short enough to end.
const SOON_MS = 15_000;
const WIDE = { viewport: { width: 1280, height: 800 } };
const NARROW = { viewport: { width: 360, height: 740 } };
const QUESTION = "Do you have the blue dress in size M?";
const ANSWER = "This is Ana. I have put one aside for you.";
const BOTS_ANSWER = "Yes, we have it in S, M and L, in blue and in green.";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

describe("the playground", { concurrency: false }, () => {
  let gate;
  before(async () => { gate = await startGate(); });
  after(() => gate?.stop());

  test("shows the collision with Baton off, and one answer with Baton on, by one button", () => onPage(async (page) => {
    const { show, phone, baton, hint } = parts(page);
    await baton.click();
    await show.click();
    await hint("collision").waitFor({ timeout: SOON_MS });
    assert.deepEqual(await speakers(phone), ["customer", "person", "bot"]);
    await phone.getByText(/Two voices: Ana answered \d s before/).waitFor();
    assert.match(await hint("collision").textContent(), /switch Baton on, and press again/);

    await baton.click();
    await show.click();
    await hint("prevented").waitFor({ timeout: SOON_MS });
    assert.deepEqual(await speakers(phone), ["customer", "person"]);
    assert.equal(await phone.getByText(/Two voices/).count(), 0);
    await page.getByText(/^The bot's late reply was refused: the shop had answered \d s earlier\.$/).waitFor();
    await page.getByText("Ana holds the baton").waitFor();
    assert.match(await page.locator(".left").textContent(), /for \d+ s more/);
  }));

  test("is typed in: the gate passes on, keeps back, and refuses, and says so", () => onPage(async (page) => {
    const { bot, phone, decisions, think, write } = parts(page);
    await think(3);
    await write("customer", QUESTION);
    await phone.locator(".typing").waitFor();
    await bot.getByText("Thinking …").waitFor();
    await decisions.getByText("Passed on to the bot").waitFor();
    await write("person", ANSWER);
    await decisions.getByText("The shop has spoken").waitFor();
    await bot.getByText("Answer refused").waitFor({ timeout: SOON_MS });
    await decisions.getByText("Refused", { exact: true }).waitFor();
    await write("customer", "Thank you!");
    await decisions.getByText("Kept from the bot").waitFor();
    await decisions.getByText(/It was withheld because a person held the baton/).waitFor();
    assert.deepEqual(await speakers(phone), ["customer", "person", "customer"]);
    // Nobody answers: the owner is warned, and the bot gets what it missed.
    await decisions.getByText("The owner is warned").waitFor({ timeout: 30_000 });
    await decisions.getByText("Handed back to the bot").waitFor({ timeout: 30_000 });
    await page.getByText("The bot holds the baton").waitFor();
    await phone.locator('[data-from="bot"]').waitFor({ timeout: SOON_MS });
    await decisions.getByText("Let through").waitFor();
    assert.deepEqual(await speakers(phone), ["customer", "person", "customer", "bot"]);
    assert.equal(await phone.locator('[data-late="true"]').count(), 0);
    const told = await decisions.locator("li b").allTextContents();
    assert.deepEqual(told.toReversed(), ["Passed on to the bot", "The shop has spoken", "Refused", "Kept from the bot", "The owner is warned", "Handed back to the bot", "Passed on to the bot", "Let through"]);
  }));

  test("both phones show the same chat", () => onPage(async (page) => {
    const { app, phone, think, write } = parts(page);
    await think(0);
    await write("customer", QUESTION);
    for (const pane of [phone, app]) await pane.getByText(BOTS_ANSWER).waitFor({ timeout: SOON_MS });
  }));

  test("a bot with a fault gets the message again, and answers once it is well", () => onPage(async (page) => {
    const { bot, decisions, phone, think, write } = parts(page);
    await think(0);
    for (const [name, seen] of [["Answers 500", "failed: 500"], ["Is down", "is down"]]) {
      await bot.getByLabel("Fault").selectOption({ label: name });
      await page.getByRole("button", { name: "New customer" }).click();
      await write("customer", QUESTION);
      await bot.locator(".outcome").getByText(seen).first().waitFor();
      await decisions.getByText("Will try again").first().waitFor({ timeout: SOON_MS });
      await decisions.getByText(/^next attempt in \d+ s$/).first().waitFor();
      await bot.getByText("in, attempt 2").waitFor({ timeout: SOON_MS });
      await bot.getByLabel("Fault").selectOption({ label: "No fault" });
      await phone.getByText(BOTS_ANSWER).waitFor({ timeout: 30_000 });
      await bot.locator(".outcome").getByText("got it").first().waitFor();
    }
  }));

  test("a bot that does not answer is given up on for now", () => onPage(async (page) => {
    const { bot, decisions, write } = parts(page);
    await bot.getByLabel("Fault").selectOption({ label: "Does not answer" });
    await write("customer", QUESTION);
    await bot.getByText("does not answer", { exact: true }).waitFor();
    await decisions.getByText(/the bot did not answer in time/).waitFor({ timeout: 30_000 });
    await bot.getByLabel("Fault").selectOption({ label: "No fault" });
  }));

  test("a bot that answers twice is heard twice with Baton off, and once with Baton on", () => onPage(async (page) => {
    const { baton, bot, phone, think, write } = parts(page);
    await think(0);
    await bot.getByLabel("Fault").selectOption({ label: "Answers twice" });
    await write("customer", QUESTION);
    await bot.getByText("refused: sent already", { exact: true }).waitFor({ timeout: SOON_MS });
    assert.deepEqual(await speakers(phone), ["customer", "bot"]);
    await baton.click();
    await write("customer", QUESTION);
    await phone.locator('[data-from="bot"]').nth(1).waitFor({ timeout: SOON_MS });
    assert.deepEqual(await speakers(phone), ["customer", "bot", "bot"]);
    await baton.click();
    await bot.getByLabel("Fault").selectOption({ label: "No fault" });
  }));

  for (const colorScheme of ["light", "dark"]) {
    test(`has nothing that axe-core minds, ${colorScheme}`, () => onPage(async (page) => {
      const { baton, show, hint } = parts(page);
      const look = async (what) => {
        await page.setViewportSize(WIDE.viewport);
        await assertAccessible(page, what);
        await page.setViewportSize(NARROW.viewport);
        for (const pane of ["Business App", "Bot", "Customer"]) {
          await page.getByRole("button", { name: pane, exact: true }).click();
          await assertAccessible(page, `${what}, ${pane} on a narrow screen`);
        }
      };
      await look("empty");
      await show.click();
      await hint("prevented").waitFor({ timeout: SOON_MS });
      await look("prevented");
      await baton.click();
      await show.click();
      await hint("collision").waitFor({ timeout: SOON_MS });
      await look("collision");
      await baton.click();
    }, { colorScheme }));
  }

  test("can be used on a narrow screen, one pane at a time", () => onPage(async (page) => {
    const { app, bot, phone, think, write } = parts(page);
    await assertFits(page, "customer");
    await page.getByRole("button", { name: "Bot", exact: true }).click();
    await think(2);
    await page.getByRole("button", { name: "Customer", exact: true }).click();
    await write("customer", QUESTION);
    await page.getByRole("button", { name: "Business App", exact: true }).click();
    assert.ok(await app.isVisible() && !(await phone.isVisible()) && !(await bot.isVisible()));
    await write("person", ANSWER);
    await page.getByText("Ana holds the baton").waitFor();
    await page.getByText("Refused", { exact: true }).waitFor({ timeout: SOON_MS });
    for (const name of ["Customer", "Business App", "Bot"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await assertFits(page, name);
    }
    const height = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
    assert.ok(height <= 0, `the page is ${height} px too high`);
  }, NARROW));

  test("can be used with the keyboard alone", () => onPage(async (page) => {
    const { phone } = parts(page);
    await page.getByRole("button", { name: "Show me" }).focus();
    await page.keyboard.press("Tab");
    for (const side of ["false", "true"]) {
      await page.keyboard.press("Space");
      await page.locator(`[role="switch"][aria-checked="${side}"]:focus`).waitFor();
    }
    await page.getByLabel("Write as the customer").focus();
    await page.keyboard.type(QUESTION);
    await page.keyboard.press("Enter");
    await phone.getByText(QUESTION).waitFor();
  }));

  test("tells the page no secret, and no id of Meta's", async () => {
    const { page, loaded, close } = await openPlay(gate.playUrl);
    const streamed = await page.evaluate(() => new Promise((resolve) => {
      const texts = [];
      const source = new EventSource("/play/events");
      source.onmessage = ({ data }) => texts.push(data);
      setTimeout(() => { source.close(); resolve(texts); }, 12_000);
      document.querySelector("button.primary").click();
    }));
    assert.ok(streamed.some((text) => text.includes("was refused")), "the stream has what happened");
    const all = [...loaded, ...streamed, await page.content()].join("\n");
    assert.ok(all.length > 10_000);
    for (const secret of [gate.adminToken, "local-app-secret", "local-verify-token", "wamid.", "15550"]) assert.ok(!all.includes(secret), `the page was told ${secret}`);
    await close();
  });

  test("does nothing for another web page", async () => {
    const { page, close } = await openPlay(gate.playUrl);
    const token = await page.locator('meta[name="play-token"]').getAttribute("content");
    const { origin, host, port } = new URL(gate.playUrl);
    const good = { origin, host, "content-type": "application/json", "x-play-token": token };
    const status = async (change, path = "/play/reset", method = "POST") => ask(port, method, path, Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined)));
    assert.equal(await status({}), 204);
    assert.equal(await status({ origin: "https://elsewhere.example" }), 403);
    assert.equal(await status({ origin: "null" }), 403);
    assert.equal(await status({ origin: undefined }), 403);
    assert.equal(await status({ "x-play-token": "wrong" }), 403);
    assert.equal(await status({ "x-play-token": undefined }), 403);
    assert.equal(await status({ "content-type": "text/plain" }), 415);
    for (const [method, path] of [["POST", "/play/reset"], ["GET", "/play"], ["GET", "/play/events"]]) {
      assert.equal(await status({ host: "elsewhere.example", origin: "http://elsewhere.example" }, path, method), 421);
      assert.equal(await status({ host: `elsewhere.example:${port}` }, path, method), 421);
    }
    assert.equal(await status({}, "/play/constructor"), 404);
    assert.equal(await status({}, "/play/../../package.json", "GET"), 404);
    await close();
  });

  /** Opens the playground with a new customer, Baton on and a bot without faults, and closes it well. */
  async function onPage(act, options) {
    const { page, close } = await openPlay(gate.playUrl, options);
    await page.getByRole("button", { name: "New customer" }).click();
    await act(page);
    await close();
  }
});

test("with a bot of one's own, the playground is around the gate and that bot", async () => {
  const bot = await startOwnBot();
  const gate = await startGate({ args: ["--bot", `${bot.url}/webhook`] });
  bot.gateUrl = gate.url;
  try {
    const { page, close } = await openPlay(gate.playUrl);
    const { baton, phone, write, decisions } = parts(page);
    assert.equal(await baton.count(), 0);
    assert.equal(await page.getByLabel("Fault").count(), 0);
    await write("customer", QUESTION);
    await phone.getByText("My own answer").waitFor({ timeout: SOON_MS });
    await decisions.getByText("Let through").waitFor();
    await write("person", ANSWER);
    // The policy in force is the owner's: half an hour.
    await page.getByText(/^for (29 min|30 min)/).waitFor();
    await write("customer", "Thank you!");
    await decisions.getByText("Kept from the bot").waitFor();
    await assertAccessible(page, "own bot");
    await close();
  } finally {
    await gate.stop();
    bot.close();
  }
});

test("without the playground there is none", async () => {
  const gate = await startGate({ args: ["--no-play"] });
  try {
    assert.equal(gate.playUrl, undefined);
  } finally {
    await gate.stop();
  }
});

async function openPlay(url, options) {
  const opened = await open(browser, url, options);
  // The gate of the playground starts when the page is opened first.
  await opened.page.locator("button.primary:enabled").waitFor({ timeout: 60_000 });
  return opened;
}

function parts(page) {
  const pane = (name) => page.locator(`.pane[data-pane="${name}"]`);
  const bot = pane("bot");
  return {
    bot,
    phone: pane("customer"),
    app: pane("person"),
    show: page.locator("button.primary:enabled"),
    baton: page.getByRole("switch", { name: "Baton" }),
    decisions: page.locator(".decisions"),
    hint: (outcome) => page.locator(`.hint[data-outcome="${outcome}"]`),
    think: async (seconds) => {
      await bot.getByLabel("Thinks for").fill(String(seconds));
      await bot.getByText(`${seconds} s`, { exact: true }).waitFor();
    },
    write: async (who, text) => {
      await pane(who).getByRole("textbox").fill(text);
      await pane(who).getByRole("textbox").press("Enter");
      await pane(who).locator(".text").getByText(text).last().waitFor();
    },
  };
}

/** Who speaks in a chat, in order. */
const speakers = (pane) => pane.locator("[data-from]").evaluateAll((bubbles) => bubbles.map(({ dataset }) => dataset.from));

/** The status of a request with exactly these headers; fetch would not let a test choose them. */
function ask(port, method, path, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    });
    request.on("error", reject).end(method === "POST" ? "{}" : undefined);
  });
}

/** A bot that somebody else wrote: it answers each message through the gate, and knows nothing of a playground. */
async function startOwnBot() {
  const bot = {};
  const server = http.createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.writeHead(200).end();
    for (const { value } of JSON.parse(Buffer.concat(chunks)).entry.flatMap((entry) => entry.changes)) {
      for (const message of value.messages ?? []) {
        await fetch(`${bot.gateUrl}/v23.0/${value.metadata.phone_number_id}/messages`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: "Bearer own" },
          body: JSON.stringify({ messaging_product: "whatsapp", to: message.from, type: "text", text: { body: "My own answer" } }),
        });
      }
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  bot.url = `http://127.0.0.1:${server.address().port}`;
  bot.close = () => { server.closeAllConnections(); server.close(); };
  return bot;
}
