// The desk of a gate that only observes: what Health says of the week, and how it looks.
//
// Deliberately not here: how the report is worked out (tests/native/desk), what passes meanwhile (tests/runtime/observe.rs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LINE_ID, atDesk, eventually, person, place, settled, signedIn, startShop } from "./shop.mjs";
import { assertAccessible, assertFits, launch } from "./support.mjs";

const CUSTOMERS = 32; // a head start is suggested from thirty first answers
const AT_ONCE = 8;

let browser;
let shop;
let storageState;
before(async () => {
  [browser, shop] = await Promise.all([launch(), startShop({ policy: { mode: "observe", retry_schedule_seconds: [0] } })]);
  const all = Array.from({ length: CUSTOMERS }, (_, index) => person(`Observed ${index}`));
  while (all.length > 0) await Promise.all(all.splice(0, AT_ONCE).map(talk));
  await eventually(async () => (await report()).would_be_prevented === CUSTOMERS, "the report");
  storageState = await signedIn(browser, shop);
});
after(() => Promise.all([browser?.close(), shop?.stop()]));

/** The bot and a person speak to one customer at once. */
async function talk(one) {
  await shop.bot.waitFor(await shop.writes(one));
  await shop.answers(one);
  await shop.bot.waitFor(await shop.writes(one, "Thank you!"));
  assert.equal(await shop.botSays(one), 200);
}

const report = async () => (await shop.ask("GET", `/observation?line=${LINE_ID}`)).body;

for (const [appearance, options] of Object.entries({
  light: { colorScheme: "light" },
  "dark on a phone": { colorScheme: "dark", viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
})) {
  test(`Health tells what would have been withheld, and which times fit, ${appearance}`, () => atDesk({ browser, shop, storageState }, place("health"), async (page) => {
    const card = page.getByRole("region", { name: "The last seven days" });
    await card.waitFor();
    await settled(page);
    const said = await card.innerText();
    const { suggestions, missing } = await report();
    for (const fact of [/Only observes/, /Conversations with a person\s+32/, /Withheld, or would have been\s+32/, /stopped, or would have been\s+32/]) assert.match(said, fact);
    for (const { key, value } of suggestions) assert.ok(said.includes(`${key} = ${value}`), `${key} in ${said}`);
    assert.deepEqual([suggestions.map(({ key }) => key), missing.map(({ key }) => key)], [["human_first_seconds"], ["lease_seconds"]]);
    assert.match(said, /A lease that fits\s+Not enough was seen/);
    await assertAccessible(page, `Health that observes, ${appearance}`);
    await assertFits(page, `Health that observes, ${appearance}`);
  }, options));
}
