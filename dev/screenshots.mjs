// Takes the pictures of docs/img: the desk and the playground, around a real gate and made-up customers.
//
// Invariant: every picture is of what the gate did. The one thing made up beside the customers is the month before: the
// counts of its hours are written into the desk's own table, because nobody can wait for them.
//
// Deliberately not here: pictures that are the same byte for byte. Times and ids in them are of the day they were taken.

import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { atDesk, place, placeOf, rowOf, settled, signedIn, startShop } from "../tests/browser/shop.mjs";
import { launch, open } from "../tests/browser/support.mjs";
import { dim, fail } from "./terminal.mjs";
import { ROOT } from "./tools.mjs";

const IMAGES = path.join(ROOT, "docs", "img");
const LIMIT_BYTES = 150 * 1024;
const WIDE = { viewport: { width: 1280, height: 725 }, colorScheme: "light", locale: "en-GB" };
const PHONE = { viewport: { width: 360, height: 740 }, colorScheme: "dark", locale: "en-GB", hasTouch: true, isMobile: true };
const HOUR_MS = 3_600_000;
const MONTH_HOURS = 29 * 24;
const POLICY = {
  lease_seconds: 1800,
  warn_after_seconds: 600,
  hand_back_after_seconds: 1200,
  retry_schedule_seconds: [0, 1],
  take_phrases: ["Quiero hablar con una persona"],
  handback_phrases: ["#bot"],
  opening_hours: { time_zone: "America/Sao_Paulo", every_day: ["09:00-19:00"], sunday: [] },
  rules: [
    { name: "order numbers", when: { text: { regex: "#[0-9]{5}" } }, then: "human" },
    { name: "voice messages", when: { kind: ["audio"] }, then: "human_first", human_first_seconds: 120 },
  ],
};

const person = (name, phone, userId) => ({ name, phone, userId });
const PEOPLE = {
  laura: person("Laura Gómez", "34600000017", "ES.83920174650213"),
  ricardo: person("Ricardo Almeida", "5511900000042", "BR.20581937466120"),
  sofia: person("Sofía Ramírez", "5215500000064", "MX.64410295837751"),
  martina: person("Martina Rossi", "5491100000023", "AR.11827364550981"),
  camila: person("Camila Torres", "573000000078", "CO.55018273649102"),
  joao: person("João Pereira", "351910000031", "PT.30192847560113"),
  valentina: person("Valentina Muñoz", "56900000055", "CL.70918273640155"),
  daniel: person("Daniel Ortiz", "34600000090", "ES.90817263540418"),
};

let browser;
let shop;
try {
  fs.mkdirSync(IMAGES, { recursive: true });
  [browser, shop] = await Promise.all([launch(), startShop({ policy: POLICY, args: ["--play-port", "0"] })]);
  await makeTraffic();
  makeHistory();
  const storageState = await signedIn(browser, shop);
  const desk = (where, act, options) => atDesk({ browser, shop, storageState }, where, act, options);
  await takeDesk(desk);
  await takePlayground();
} catch (error) {
  fail(error);
} finally {
  await Promise.all([browser?.close(), shop?.stop()]);
}

/** What a shop sees on an ordinary morning, in a few seconds. */
async function makeTraffic() {
  const { laura, ricardo, sofia, martina, camila, joao, valentina, daniel } = PEOPLE;
  const answered = async (one, text, reply) => {
    await shop.bot.waitFor(await shop.writes(one, text));
    await shop.botSays(one, reply);
  };
  shop.bot.fails.add(daniel.phone);
  await shop.writes(daniel, "Is my order on its way?");
  await answered(valentina, "Do you open on Saturday?");
  await answered(joao, "How much is the linen shirt?");
  await answered(camila, "Can I pick it up in the shop?");
  await answered(laura, "Hello!", "Hello! How can we help you?");
  // The person is faster than the bot.
  for (const [one, wait] of [[martina, 900], [laura, 1_700], [ricardo, 600]]) {
    await shop.bot.waitFor(await shop.writes(one));
    await shop.answers(one);
    await sleep(wait);
    await shop.botSays(one, "It costs 39 euros.");
  }
  await sleep(1_200);
  await shop.leaks(ricardo);
  await shop.writes(ricardo, "Could you send me a picture?");
  await sleep(1_500);
  await shop.answers(ricardo, "Of course, one moment.");
  await sleep(1_500);
  await shop.writes(laura, "Thank you! Do you have it in green as well?");
  await sleep(2_000);
  await shop.bot.waitFor(await shop.writes(sofia, "Hello!"));
  await shop.writes(sofia, "Quiero hablar con una persona");
  await shop.isAtDesk(martina);
  await shop.ask("POST", `/conversations/${(await shop.listed(martina)).line}/${martina.userId}/pause`, { until_ms: Date.now() + 2 * HOUR_MS });
  await shop.isAtDesk(daniel, (shown) => shown.dead_letters === 1);
  for (const [lease_seconds, note] of [[900, "Ana is quicker in the morning"], [1800, "half an hour again"]]) {
    await shop.ask("PUT", "/policy", { document: { ...POLICY, lease_seconds }, note });
  }
  await shop.isAtDesk(sofia, (shown) => shown.holder === "human");
}

/** The month before, for each hour in which a shop is open: the desk's counts of an hour, as src/store/desk has them. */
function makeHistory() {
  const table = new DatabaseSync(deskTable());
  try {
    const insert = table.prepare("INSERT OR IGNORE INTO hour (at, tallies, until) VALUES (?, ?, NULL)");
    const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    for (let ago = 1; ago < MONTH_HOURS; ago += 1) {
      const at = now - ago * HOUR_MS;
      const clock = new Date(at);
      if (clock.getHours() >= 9 && clock.getHours() < 21) insert.run(at, JSON.stringify(talliesOf(clock)));
    }
  } finally {
    table.close();
  }
}

/** Counters, then the three spans as histograms. */
function talliesOf(clock) {
  // No two hours are alike, and each is the same whenever the pictures are taken.
  const chance = (salt) => Math.abs(Math.sin(clock.getDate() * 97 + clock.getHours() * 13 + salt) * 1e4) % 1;
  const busy = (clock.getDay() === 0 ? 8 : 30) * (0.5 + Math.sin(((clock.getHours() - 8) / 13) * Math.PI));
  const messages = Math.round(busy * (0.8 + chance(1) * 0.4));
  const echoes = Math.round(messages * (0.2 + chance(2) * 0.1));
  const withheld = Math.round(messages * (0.1 + chance(3) * 0.08));
  const delivered = messages - withheld;
  const retries = chance(4) > 0.8 ? Math.round(chance(5) * 4) : 0;
  const prevented = chance(6) > 0.55 ? Math.round(chance(7) * 3) : 0;
  const counters = [messages, echoes, delivered, withheld, retries, 0, delivered - prevented, Math.ceil(echoes / 2), Math.floor(echoes / 2), prevented, 0, chance(8) > 0.985 ? 1 : 0];
  return [counters, [delivered], [0, 0, echoes], [...Array(11).fill(0), ...Array.from({ length: 3 }, () => Math.round(prevented / 3))]];
}

function deskTable() {
  const files = fs.readdirSync(shop.gate.state, { recursive: true }).filter((name) => name.endsWith(".sqlite")).map((name) => path.join(shop.gate.state, name));
  return files.find((file) => {
    const table = new DatabaseSync(file, { readOnly: true });
    try {
      return table.prepare("SELECT name FROM sqlite_master WHERE name = 'minute'").get() !== undefined;
    } finally {
      table.close();
    }
  });
}

async function takeDesk(desk) {
  const { laura } = PEOPLE;
  await desk(place("now"), async (page) => {
    await rowOf(page, laura).waitFor();
    await take(page, "now");
  }, WIDE);
  await desk(placeOf(laura), async (page) => {
    await page.locator(".happening").first().waitFor();
    await take(page, "conversation");
  }, { ...WIDE, viewport: { width: 1280, height: 1240 } });
  await desk(place("health"), async (page) => {
    await page.locator(".items .button").first().waitFor();
    await take(page, "health");
  }, { ...WIDE, viewport: { width: 1280, height: 1160 } });
  await desk(place("collisions"), async (page) => {
    await page.locator(".items.card > li").first().waitFor();
    await take(page, "collisions");
  }, { ...WIDE, viewport: { width: 1280, height: 1000 } });
  await desk(place("policy"), async (page) => {
    const text = page.locator("#policy-text");
    await text.fill((await text.inputValue()).replace('"human_first"', '"humans_first"').replace('"lease_seconds": 1800', '"lease_seconds": 0'));
    await page.locator(".mistakes button").first().waitFor();
    await text.evaluate((area) => { area.scrollTop = 0; area.blur(); });
    await take(page, "policy");
  }, { ...WIDE, viewport: { width: 1280, height: 960 } });
  await desk(place("now"), async (page) => {
    await rowOf(page, laura).waitFor();
    await take(page, "now-phone");
  }, PHONE);
  await desk(placeOf(laura), async (page) => {
    await page.locator(".happening").first().waitFor();
    await page.getByRole("button", { name: "Go to the latest" }).click();
    await page.evaluate(() => document.activeElement.blur());
    await take(page, "conversation-phone");
  }, PHONE);
}

/** The same story twice, with the gate off and with it on. */
async function takePlayground() {
  const { page, close } = await open(browser, shop.gate.playUrl, { ...WIDE, viewport: { width: 1280, height: 780 } });
  const show = page.locator("button.primary:enabled");
  await show.waitFor({ timeout: 60_000 });
  for (const [outcome, name] of [["collision", "playground-off"], ["prevented", "playground-on"]]) {
    await page.getByRole("switch", { name: "Baton" }).click();
    await show.click();
    await page.locator(`.hint[data-outcome="${outcome}"]`).waitFor();
    await take(page, name);
  }
  await close();
}

async function take(page, name) {
  if (!name.startsWith("playground")) await settled(page);
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(0, 0);
  await sleep(300);
  const file = path.join(IMAGES, `${name}.png`);
  await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
  const { size } = fs.statSync(file);
  console.log(`docs/img/${name}.png  ${dim(`${Math.round(size / 1024)} KB`)}`);
  if (size > LIMIT_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${LIMIT_BYTES}`);
}
