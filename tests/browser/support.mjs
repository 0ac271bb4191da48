// What the tests in a browser share: a gate as `npm start` starts it, and a Chromium in which a page is opened.
//
// Invariant: what was started here ends with `stop` and `close`, by its own process group and nothing else; and a page
// fails its test if the console had an error, a script threw, the content security policy was broken, or anything but
// this machine was asked for.
//
// Deliberately not here: what any page is tested for.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { stripVTControlCharacters } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { ROOT, isAlive, toolEnvironment } from "../../dev/tools.mjs";
import { findChromium } from "./chromium.mjs";

export { findChromium };

// The first start builds the Worker.
const START_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 20_000;
const TAIL_LINES = 30;
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// The rules of WCAG 2.2 up to AA, and what axe knows as good practice.
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const launch = () => chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });

/**
 * Runs `npm start` on free ports with a storage folder of its own, and resolves once the gate answers. `args` are
 * further options of `npm start`, `env` further variables: BATON_VAR_<NAME> sets a secret or variable of the Worker.
 * `adminToken` is one that nothing else has, so that a test may look for it where it must not be.
 */
export async function startGate({ args = [], env = {} } = {}) {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), "baton-browser-"));
  const adminToken = env.BATON_VAR_ADMIN_TOKEN ?? `test-admin-${process.pid}-${Date.now()}`;
  const options = ["--no-demo", "--port", "0", "--state", state, ...(args.some((arg) => /^--(no-play|play-port)/.test(arg)) ? [] : ["--play-port", "0"]), ...args];
  const child = spawn("npm", ["start", "--", ...options], {
    cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"],
    env: { ...toolEnvironment(), NO_COLOR: "1", BATON_VAR_ADMIN_TOKEN: adminToken, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { output += stripVTControlCharacters(text); });
  const ended = new Promise((resolve) => child.once("exit", () => resolve("ended")));

  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  };
  const stop = async () => {
    signal("SIGTERM");
    if (await Promise.race([ended, sleep(STOP_LIMIT_MS, "late", { ref: false })]) === "late") signal("SIGKILL");
    await ended;
    // npm ends before what it started; the storage goes last.
    const owner = path.join(state, "owner.pid");
    const limit = Date.now() + STOP_LIMIT_MS;
    while (isOwned(owner) && Date.now() < limit) await sleep(50);
    fs.rmSync(state, { recursive: true, force: true });
  };

  const limit = Date.now() + START_LIMIT_MS;
  for (;;) {
    const url = /^ready (http\S+)$/m.exec(output)?.[1];
    if (url) return { url, playUrl: /^ +Playground +(http\S+)/m.exec(output)?.[1], adminToken, state, output: () => output, stop };
    const outcome = await Promise.race([ended, sleep(50, "waiting")]);
    if (outcome === "ended" || Date.now() > limit) {
      await stop();
      throw new Error(`npm start ${outcome === "ended" ? "ended" : "was not ready in time"}:\n${output.split("\n").slice(-TAIL_LINES).join("\n")}`);
    }
  }
}

/** Whether whoever has written this file is alive; not so where the file has gone, perhaps this very moment. */
function isOwned(file) {
  try {
    const owner = Number(fs.readFileSync(file, "utf8"));
    return owner > 0 && isAlive(owner);
  } catch {
    return false;
  }
}

/**
 * Opens a page. `options` are Playwright's of a context (viewport, colorScheme, …). `close` fails the test if anything
 * was wrong with the page meanwhile; `allow(pattern)` is for a test that provokes an error; `loaded` has everything that
 * the page was sent, as text.
 */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  const allowed = [];
  const loaded = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`thrown: ${error.message}`));
  page.on("requestfailed", (request) => { if (request.failure()?.errorText !== "net::ERR_ABORTED") wrong.push(`not loaded: ${request.url()} ${request.failure()?.errorText}`); });
  page.on("request", (request) => { if (!/^(http:\/\/(127\.0\.0\.1|localhost):|data:|blob:)/.test(request.url())) wrong.push(`asked for ${request.url()}`); });
  page.on("response", (response) => {
    loaded.push(JSON.stringify(response.headers()));
    // A stream has no end, so its text is collected by whoever reads it.
    if (!response.headers()["content-type"]?.startsWith("text/event-stream")) response.text().then((text) => loaded.push(text), () => undefined);
  });
  // Violations are told in the console too, but not all of them, and not by name.
  await page.exposeFunction("reportViolation", (text) => wrong.push(`content security policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(url);
  return {
    page,
    loaded,
    allow: (pattern) => allowed.push(pattern),
    close: async () => {
      await context.close();
      assert.deepEqual(wrong.filter((one) => !allowed.some((pattern) => pattern.test(one))), [], "the page had errors");
    },
  };
}

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails if axe-core finds anything. It is evaluated by the debugger, past the page's policy, which allows no such script. */
export async function assertAccessible(page, what) {
  // A colour in the middle of a fade is not the page's.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity).map((one) => one.finished.catch(() => undefined))));
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run({ runOnly: tags }), AXE_TAGS);
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`));
  assert.deepEqual(found, [], `axe-core found violations: ${what}`);
}

/** Fails if the page is wider than its window, so that one would have to scroll sideways. */
export async function assertFits(page, what) {
  const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
  assert.ok(scroll <= client, `the page is ${scroll - client} px too wide: ${what}`);
}
