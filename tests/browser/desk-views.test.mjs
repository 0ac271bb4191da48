// Every view of the desk as it looks: for axe-core in both appearances, on a phone, with the keyboard alone, and in each
// language.
//
// Deliberately not here: what the views do (desk.test.mjs).

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { en } from "../../web/src/i18n/en.ts";
import { es } from "../../web/src/i18n/es.ts";
import { pt } from "../../web/src/i18n/pt.ts";
import { SOON_MS, atDesk, person, place, placeOf, rowOf, settled, signedIn, startShop } from "./shop.mjs";
import { assertAccessible, assertFits, launch, open } from "./support.mjs";

const POLICY = { lease_seconds: 600, retry_schedule_seconds: [0], rules: [{ name: "orders", when: { kind: ["order"] }, then: "human" }] };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
const TARGET_PX = 44;
const TABS_MAX = 80;

let browser;
let shop;
let storageState;
const [laura, held, lost] = [person("Laura Gómez"), person("Ricardo Almeida de Souza e Silva"), person("Marta")];
let asked;
before(async () => {
  [browser, shop] = await Promise.all([launch(), startShop({ policy: POLICY })]);
  // One customer to whom everything has happened, and one of each other kind.
  shop.bot.fails.add(lost.phone);
  await shop.writes(lost);
  for (const one of [laura, held]) {
    await shop.bot.waitFor(asked = await shop.writes(one));
    await shop.botSays(one);
    await shop.answers(one);
    await shop.botSays(one, "It costs 39 euros.");
  }
  asked = await shop.writes(laura, "Thank you!");
  await shop.leaks(laura);
  await shop.ask("PUT", "/policy", { document: { ...POLICY, lease_seconds: 900 }, note: "longer" });
  await shop.ask("PUT", "/policy", { document: POLICY });
  await Promise.all([shop.isAtDesk(laura, (shown) => shown.waiting_since_ms), shop.isAtDesk(lost, (shown) => shown.dead_letters === 1)]);
  storageState = await signedIn(browser, shop);
});
after(() => Promise.all([browser?.close(), shop?.stop()]));

const desk = (where, act, options) => atDesk({ browser, shop, storageState }, where, act, options);

/** Every view, with what must have come before it is looked at. */
const VIEWS = [
  ["Now", () => place("now"), (page) => page.locator(".row").first()],
  ["Now, nothing found", () => place("now", "?q=nobody"), (page) => page.locator(".empty-title")],
  ["Conversation", () => placeOf(laura), (page) => page.locator(".happening").first()],
  ["Why?", () => place("why"), (page) => page.locator("form.ask")],
  ["Why?, answered", () => place("why", `?id=${encodeURIComponent(asked)}`), (page) => page.locator("#answer")],
  ["Health", () => place("health"), (page) => page.locator(".items .button").first()],
  ["Collisions", () => place("collisions"), (page) => page.locator(".items.card > li").first()],
  ["Policy", () => place("policy"), (page) => page.locator("#policy-text")],
  ["Policy, tried", () => place("policy", "?tab=test"), (page) => page.locator("#delivery-text")],
  ["Policy, history", () => place("policy", "?tab=history"), (page) => page.locator(".version").first()],
];

/** Goes through all views on one page, and opens what is folded. */
async function throughViews(page, look) {
  for (const [name, where, ready] of VIEWS) {
    await page.evaluate((hash) => { location.hash = hash; }, where());
    await ready(page).waitFor();
    await settled(page);
    if (name === "Policy, tried") {
      await page.locator(".test-form .button.main").click();
      await page.locator("[data-testid=fates] li").waitFor();
    }
    await page.evaluate(() => document.querySelectorAll("main details").forEach((one) => { one.open = true; }));
    await look(name);
  }
}

describe("the desk's views", { concurrency: false }, () => {
  for (const colorScheme of ["light", "dark"]) {
    test(`have nothing that axe-core minds, ${colorScheme}, nor have their dialogs`, () => desk(place("now"), async (page, { allow }) => {
      allow(/404/);
      assert.equal(await page.locator("html").getAttribute("data-theme"), colorScheme);
      const [red, green, blue] = (await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).match(/\d+/g).map(Number);
      assert.equal(red + green + blue < 200, colorScheme === "dark", "the ground is as dark as was asked for");
      await throughViews(page, (name) => assertAccessible(page, `${name}, ${colorScheme}`));
      await page.locator("#policy-text, .version").first().waitFor();
      await page.evaluate((hash) => { location.hash = hash; }, place("policy"));
      await page.locator("#policy-text").fill('{ "colour": 1 }');
      await page.locator(".mistakes button").waitFor();
      await assertAccessible(page, `mistakes, ${colorScheme}`);
      await page.evaluate((hash) => { location.hash = hash; }, placeOf(held));
      for (const button of ["Settings", /^Pause:/, "Erase customer"]) {
        await page.getByRole("button", { name: button }).click();
        await page.locator("dialog[open]").waitFor();
        await assertAccessible(page, `dialog of ${button}, ${colorScheme}`);
        await page.keyboard.press("Escape");
        await page.locator("dialog").waitFor({ state: "detached" });
        assert.ok(await page.getByRole("button", { name: button }).evaluate((one) => one === document.activeElement), "the focus is back where it was");
      }
    }, { colorScheme }));
  }

  test("keep the appearance that was chosen", () => desk(place("now"), async (page) => {
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Appearance").selectOption({ label: "Dark" });
    await page.locator('html[data-theme="dark"]').waitFor();
    await page.reload();
    await page.locator('html[data-theme="dark"]').waitFor();
  }, { colorScheme: "light" }));

  test("fit a phone, with targets that a thumb can hit, all of which can be reached", () => desk(place("now"), async (page) => {
    await throughViews(page, async (name) => {
      await assertFits(page, name);
      await assertTargets(page, name);
      await assertAccessible(page, `${name} on a phone`);
    });
    await page.evaluate((hash) => { location.hash = hash; }, placeOf(laura));
    for (const button of ["Settings", /^Pause:/, "Erase customer"]) {
      await page.getByRole("button", { name: button }).click();
      await page.locator("dialog[open]").waitFor();
      await assertFits(page, `dialog of ${button}`);
      await assertTargets(page, `dialog of ${button}`, "dialog");
      await page.keyboard.press("Escape");
    }
  }, PHONE));

  test("can be used with the keyboard alone, and the focus is always seen", async () => {
    const { page, close, allow } = await open(browser, `${shop.gate.url}/desk/`);
    allow(/401/);
    page.setDefaultTimeout(SOON_MS);
    await page.locator("#token:focus").waitFor();
    await page.keyboard.type(shop.gate.adminToken);
    await page.keyboard.press("Enter");
    const free = person("Keyboard Kim");
    await shop.bot.waitFor(await shop.writes(free));
    await rowOf(page, free).waitFor();
    await tabTo(page, page.getByRole("link", { name: "Skip to content" }));
    await page.keyboard.press("Enter");
    await page.locator("main:focus").waitFor();

    await tabTo(page, page.getByRole("button", { name: "Take: Keyboard Kim" }));
    await page.keyboard.press("Enter");
    await rowOf(page, free).getByText("A person holds").waitFor();
    await assertFocus(page, "after a take");
    await tabTo(page, page.getByRole("button", { name: "Hand back: Keyboard Kim" }), { mayBeThere: true });
    await page.keyboard.press("Space");
    await rowOf(page, free).getByText("The bot holds").waitFor();
    await assertFocus(page, "after a hand back");

    await tabTo(page, page.getByRole("link", { name: "Keyboard Kim" }), { back: true });
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Keyboard Kim" }).waitFor();
    await page.locator("h1:focus").waitFor();
    await tabTo(page, page.getByRole("button", { name: "Pause: Keyboard Kim" }));
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByRole("button", { name: "30 minutes" }), { mayBeThere: true });
    await page.keyboard.press("Enter");
    await page.getByText("The bot is kept out from the desk.").first().waitFor();
    await assertFocus(page, "after a pause");
    await tabTo(page, page.getByRole("link", { name: "Policy" }), { back: true });
    await page.keyboard.press("Enter");
    await page.locator("#policy-text").waitFor();
    await assertFocus(page, "in a view that was loaded");
    // The editor keeps Tab for itself, and lets go of it after Escape.
    await tabTo(page, page.locator("#policy-text"));
    await page.keyboard.press("Tab");
    assert.ok(await page.locator("#policy-text:focus").count());
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    assert.equal(await page.locator("#policy-text:focus").count(), 0);
    await assertFocus(page, "behind the editor");
    await close();
  });

  test("lose no focus when a row leaves the list", () => desk(place("now", "?show=human"), async (page) => {
    await page.getByRole("button", { name: `Hand back: ${held.name}` }).focus();
    await page.keyboard.press("Enter");
    await rowOf(page, held).waitFor({ state: "detached" });
    await assertFocus(page, "after the row has gone");
    await shop.answers(held);
  }));

  for (const [language, catalogue] of Object.entries({ es, pt })) {
    test(`are in ${language} as a whole`, async () => {
      assert.deepEqual(keysOf(catalogue), keysOf(en), "the same keys, of the same kind");
      const foreign = wordsOf(en).filter((text) => !wordsOf(catalogue).some((own) => own.includes(text)));
      assert.ok(foreign.length > 150, `${foreign.length} English words to look for`);
      await desk(place("now"), async (page) => {
        assert.equal(await page.locator("html").getAttribute("lang"), language);
        const found = [];
        const look = async (name) => {
          const shown = await page.evaluate(shownText);
          assert.ok(shown.length > 10, `${name} shows something`);
          found.push(...shown.flatMap((text) => foreign.filter((word) => isIn(text, word)).map((word) => `${name}: “${word}” in “${text}”`)));
        };
        await throughViews(page, look);
        await page.evaluate((hash) => { location.hash = hash; }, placeOf(laura));
        for (const button of [catalogue.app.settings, catalogue.act.pause, catalogue.act.erase]) {
          await page.getByRole("button", { name: button }).first().click();
          await page.locator("dialog[open]").waitFor();
          await look(`dialog of ${button}`);
          await page.keyboard.press("Escape");
        }
        assert.deepEqual([...new Set(found)], []);
      }, { locale: `${language}-BR` });
    });
  }
});

/** Presses Tab until this has the focus, which is seen at each step. */
async function tabTo(page, target, { back = false, mayBeThere = false } = {}) {
  const isThere = () => target.evaluate((one) => one === document.activeElement);
  await target.first().waitFor({ state: "attached" });
  if (mayBeThere && await isThere()) return;
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    if (await isThere()) return assertFocus(page, String(target));
  }
  assert.fail(`${TABS_MAX} times Tab do not lead to ${target}`);
}

async function assertFocus(page, what) {
  const seen = await page.evaluate(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return "the focus is lost";
    const isRinged = (element) => { const { outlineStyle, outlineWidth } = getComputedStyle(element); return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2; };
    const ringed = isRinged(one) || (one.parentElement && isRinged(one.parentElement));
    const { width, height } = one.getBoundingClientRect();
    // Whatever may have the focus without being a control is only where reading goes on.
    if (!ringed && !["H1", "MAIN", "LI"].includes(one.tagName)) return `no ring at ${one.outerHTML.slice(0, 120)}`;
    return width > 0 && height > 0 ? "" : `nothing to see of ${one.outerHTML.slice(0, 120)}`;
  });
  assert.equal(seen, "", what);
}

/** Every control is as large as a thumb needs it, and nothing lies over it once it is scrolled to. */
async function assertTargets(page, what, within = "body") {
  const wrong = await page.evaluate(async ([least, root]) => {
    const found = [];
    const controls = [...document.querySelectorAll(`${root} :is(a[href], button, input, select, textarea, summary)`)];
    for (const control of controls) {
      if (control.closest(".skip") || (root === "body" && control.closest("dialog"))) continue;
      const target = control.type === "checkbox" ? control.closest("label") : control;
      target.scrollIntoView({ block: "center" });
      const { left, top, width, height } = target.getBoundingClientRect();
      const name = target.outerHTML.slice(0, 140);
      if (width === 0) continue;
      if (height < least - 0.5 || width < least - 0.5) found.push(`${Math.round(width)} × ${Math.round(height)}: ${name}`);
      const over = document.elementFromPoint(left + width / 2, top + height / 2);
      if (!over || !(target.contains(over) || over.contains(target))) found.push(`covered by ${over?.outerHTML.slice(0, 80)}: ${name}`);
    }
    return found;
  }, [TARGET_PX, within]);
  assert.deepEqual(wrong, [], what);
}

/** What a catalogue has where, without the words. */
function keysOf(words, at = "") {
  return Object.entries(words).flatMap(([key, value]) => {
    if (typeof value === "object") return keysOf(value, `${at}${key}.`);
    assert.ok(typeof value === "function" || value.trim() !== "", `${at}${key} is empty`);
    return `${at}${key} ${typeof value}`;
  }).toSorted();
}

/** The words of a catalogue; of what takes a number or a name, what stands around it. */
function wordsOf(words) {
  const HOLE = "\u0001";
  return Object.values(words).flatMap((value) => {
    if (typeof value === "object") return wordsOf(value);
    if (typeof value === "string") return value.length > 2 ? [value] : [];
    return value(HOLE, HOLE, HOLE).split(HOLE).map((part) => part.replace(/^[\s:.,“”()]+|[\s:.,“”()]+$/g, "")).filter((part) => part.length > 5);
  });
}

/** Short words are looked for as a whole text, long ones anywhere. */
const isIn = (text, word) => text === word || (word.length > 8 && text.includes(word));

/** The page's own texts: not the gate's, which are marked as English, nor codes. */
function shownText() {
  const shown = [];
  const isForeign = (element) => element.closest('[lang="en"], code, textarea, .row-who, h1');
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode;
    if (!isForeign(parentElement) && parentElement.checkVisibility()) shown.push(textContent.trim());
  }
  for (const element of document.querySelectorAll("[aria-label], [placeholder], [alt]")) {
    for (const name of ["aria-label", "placeholder", "alt"]) if (element.hasAttribute(name) && !isForeign(element)) shown.push(element.getAttribute(name).trim());
  }
  shown.push(document.title.replace(" · Baton", ""), document.querySelector("main h1")?.textContent ?? "");
  return shown.filter((text) => text !== "");
}
