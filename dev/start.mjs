// `npm start` after the set-up: builds, starts the two stand-ins and the gate, plays the demo, then serves.
//
// Invariant: whichever way this process ends, everything it started ends: the stand-ins are in this process, and the
// gate is on a leash (leash.mjs).
//
// Deliberately not here: the details of each piece. This file is the order of things.

import path from "node:path";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import * as timeline from "./timeline.mjs";
import { startBot } from "./bot.mjs";
import { choosePort, gateUrl, relative, startGate } from "./gate.mjs";
import { startGraph } from "./graph.mjs";
import { LINE_ID } from "./meta.mjs";
import { parseOptions } from "./options.mjs";
import { startPlayground } from "./play/playground.mjs";
import { play } from "./player.mjs";
import { readScenario } from "./scenario.mjs";
import { botSecret, linesOf, policyOf, readSettings, withPolicy } from "./settings.mjs";
import { Failure, bold, cyan, dim, fail, span, yellow } from "./terminal.mjs";
import { ROOT } from "./tools.mjs";
import { Difference, TOO_LATE } from "./witness.mjs";

const HEALTH_LIMIT_MS = 30_000;
let gate;
let playground;

// Being told to end is how serving ends well; a single play that was cut short has shown nothing.
const codeWhenTold = process.argv.includes("--once") ? 1 : 0;
const told = new Promise((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve(codeWhenTold));
  // run.mjs, and with it `npm start`, has gone without a signal.
  process.on("disconnect", () => resolve(codeWhenTold));
});
// A reader that closes our output (`npm start | head`) ends us like Ctrl-C, and not with a stack trace.
const unread = new Promise((resolve) => process.stdout.on("error", () => resolve(codeWhenTold)));

const code = await Promise.race([told, unread, main(parseOptions(process.argv.slice(2))).catch((error) => { fail(error); return 1; })]);
await Promise.all([gate?.stop(), playground?.stop()]);
process.exit(code);

async function main(options) {
  const state = options.state ?? path.join(ROOT, ".wrangler", "state");
  const scenario = options.demo ? readScenario(options.scenario ?? path.join(ROOT, "scenarios", "takeover.toml")) : undefined;
  const port = await choosePort(options.port);
  if (!(await build())) return 1;

  // The stand-ins need what is configured, and the gate needs their addresses: hence two readings.
  const own = readSettings();
  const { secrets } = own;
  const graph = options.graph ? undefined : await startGraph({ lines: linesOf(own) });
  const graphUrl = options.graph ?? graph.url;
  const bot = options.bot ? undefined : await startSampleBot({ secrets, port });
  const botUrl = options.bot ?? `${bot.url}/webhook`;
  const settings = readSettings({ bot: botUrl, graph: graphUrl, policyFile: options.policy });
  const leaseSeconds = policyOf(settings).lease_seconds;

  let customer;
  let passed = true;
  if (scenario) {
    console.log(dim("Starting the gate …"));
    await startUp({ settings: withPolicy(settings, scenario.policy), state, port });
    try {
      customer = await play({ scenario, gateUrl: gate.url, secrets, bot, graph, ownLeaseSeconds: leaseSeconds });
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      timeline.differed(error.message);
      passed = false;
    }
    if (options.once) return passed ? 0 : 1;
    // The demo's policy must not stay in force unnoticed, so the gate starts again with the owner's.
    console.log(dim("\nThe demo is over. The gate starts again with your own policy …"));
    await gate.stop();
  }
  await startUp({ settings, state, port });
  // What the user's own bot sends can be shown only where it reaches the stand-in.
  const around = options.bot && graph && { gate, graph, settings };
  if (options.play) playground = await startPlayground({ options, state, around, onTrouble: showTrouble });
  describe({ options, settings, state, botUrl, graphUrl, customer, leaseSeconds, adminToken: shownToken(settings.secrets.ADMIN_TOKEN) });
  console.log(`ready ${gate.url}`);
  const tail = await gate.died;
  throw new Failure([...tail, `wrangler dev has ended by itself; its whole output is in ${relative(gate.log)}`].join("\n"));
}

function build() {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(ROOT, "dev", "build.mjs")], { stdio: "inherit" });
    child.on("exit", (status) => resolve(status === 0));
    told.then(() => child.kill("SIGTERM"));
  });
}

/** The sample bot, told of the gate's address where it was told of https://graph.facebook.com before. */
async function startSampleBot({ secrets, port }) {
  const bot = await startBot({ secret: botSecret({ secrets }) ?? "", verifyToken: secrets.META_VERIFY_TOKEN, graphUrl: gateUrl(port) + keyPath(secrets.GRAPH_KEY) });
  bot.onRefused(({ status, headers, sentence }) => {
    if (!TOO_LATE.includes(headers.get("x-baton-refused"))) console.error(`${yellow("bot")}  The Graph API answered ${status}: ${sentence}`);
  });
  return bot;
}

function showTrouble(line) {
  console.error(`${yellow("runtime")}  ${line}`);
}

/** Starts the gate and waits until it answers on /health; what it lacks is shown, and it serves all the same. */
async function startUp({ settings, state, port }) {
  gate = await startGate({ settings, state, port, onTrouble: showTrouble });
  const limit = Date.now() + HEALTH_LIMIT_MS;
  for (;;) {
    try {
      const response = await fetch(`${gate.url}/health`, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) });
      const text = await response.text();
      if (!response.ok) console.error(yellow(`The gate answers ${response.status} on /health: ${problemText(text)}`));
      else for (const told of JSON.parse(text).degraded ?? []) console.error(yellow(`One line or app is not as it is configured: ${told}`));
      return;
    } catch (error) {
      if (Date.now() > limit) throw new Failure(`The gate does not answer on ${gate.url}/health: ${error.cause?.message ?? error.message}`);
      await sleep(100);
    }
  }
}

/** The sentence of an RFC 9457 problem, or the beginning of whatever else was answered. */
function problemText(text) {
  try {
    const { title, detail } = JSON.parse(text);
    return detail ?? title ?? text.slice(0, 500);
  } catch {
    return text.slice(0, 500);
  }
}

/** The token of .dev.vars.example is no secret and makes the printed command work as it is; any other is not shown. */
function shownToken(token) {
  return token === "local-admin-token" ? token : "$ADMIN_TOKEN";
}

/** The word that the gate wants in the bot's address, where it wants one. */
function keyPath(key) {
  return key ? `/graph/${key}` : "";
}

function describe({ options, settings, state, botUrl, graphUrl, customer, leaseSeconds, adminToken }) {
  const line = (name, text) => console.log(`  ${name.padEnd(24)}${text}`);
  const hold = leaseSeconds ? `: a person's hold lasts ${span(leaseSeconds)}` : "";
  console.log(`\n${bold("The gate is up")}${hold}.\n`);
  if (playground) line(bold("Playground".padEnd(24)), `${bold(cyan(playground.url))}${options.bot && options.graph ? " (with the sample bot)" : ""}\n`);
  line("Desk", `${cyan(`${gate.url}/desk/`)} (token: ${adminToken})`);
  line("Callback URL for Meta", `${cyan(`${gate.url}/webhook`)} (deployed: https://YOUR-WORKER/webhook)`);
  const key = keyPath(settings.secrets.GRAPH_KEY && "$GRAPH_KEY");
  line("Base URL for the bot", `${cyan(gate.url + key)} instead of https://graph.facebook.com (deployed: https://YOUR-WORKER${key})`);
  line("Health", cyan(`${gate.url}/health`));
  line(options.bot ? "Your bot" : "Sample bot", cyan(botUrl));
  line(options.graph ? "Graph API" : "Graph API (stand-in)", cyan(graphUrl));
  line("Policy", options.policy ? relative(options.policy) : "[vars.BATON_POLICY] in wrangler.toml");
  line("Secrets", ".dev.vars");
  line("Storage", relative(state));
  line("Log of the runtime", relative(gate.log));
  console.log(`\n${bold("Next")}\n`);
  if (customer) line("What the gate did, why", `curl -H "Authorization: Bearer ${adminToken}" ${gate.url}/api/v1/conversations/${LINE_ID}/${customer}`);
  if (!options.bot) line("Your own bot behind it", "npm start -- --bot http://127.0.0.1:3000/webhook");
  if (!options.policy) line("Another policy", "npm start -- --policy my-policy.toml");
  line("All options", "npm start -- --help");
  line("End everything", "Ctrl-C");
  console.log();
}
