// Reads a scenario (scenarios/*.toml explains the format) and plays it against a running gate: it is the customer and
// the person of the shop, through Meta's webhooks, and it checks each step against what the gate, the bot and the
// stand-in Graph API report.
//
// Invariant: nothing is printed that was not observed, and a step whose expectation is not met within its time ends
// the play. What the gate decided is asked from its own record, and whether the bot kept silent from the bot's.
//
// Deliberately not here: starting and stopping anything (start.mjs).

import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as meta from "./meta.mjs";
import * as timeline from "./timeline.mjs";
import { Failure } from "./terminal.mjs";
import { readToml } from "./settings.mjs";

const EXPECTED = { customer: ["bot answers", "withheld"], phone: ["shop holds"] };
const STEP_LIMIT_MS = 10_000;
// The runtime's alarms may come late; a hold that ends later than this has not ended by itself.
const HANDBACK_SLACK_MS = 10_000;
const POLL_MS = 100;
// Between two steps, as people write: without it the demo is over before it is read.
const PAUSE_SECONDS = 1;
const HANDBACK = {
  held_longest: "the person has held for as long as anybody may",
  lease_expired: "the hold has run out, and the person had the last word",
  unanswered: "nobody has answered, so the bot gets the message",
};

/** What happened is not what the scenario expects. */
export class Difference extends Error {}

export function readScenario(file) {
  const scenario = readToml(file);
  const wrong = (where, what) => { throw new Failure(`${path.basename(file)}${where}: ${what}`); };
  if (typeof scenario.title !== "string") wrong("", "a scenario has a title");
  if (!Array.isArray(scenario.step) || scenario.step.length === 0) wrong("", "a scenario has at least one [[step]]");
  scenario.step.forEach((step, index) => {
    const where = `, step ${index + 1}`;
    const unknown = Object.keys(step).find((key) => !["who", "says", "expect", "wait", "pause"].includes(key));
    if (unknown) wrong(where, `"${unknown}" is not known`);
    if (step.wait !== undefined) {
      if (step.wait !== "handback" || step.who || step.says) wrong(where, 'wait = "handback" stands alone, or with expect');
      else if (![undefined, "bot answers"].includes(step.expect)) wrong(where, 'expect of a handback is "bot answers"');
    } else if (!(step.who in EXPECTED)) wrong(where, 'who is "customer" or "phone"');
    else if (typeof step.says !== "string" || !step.says) wrong(where, "says is the text that is written");
    else if (step.expect !== undefined && !EXPECTED[step.who].includes(step.expect)) wrong(where, `expect of a ${step.who} is ${EXPECTED[step.who].map((one) => `"${one}"`).join(" or ")}`);
    if (step.pause !== undefined && !(step.pause >= 0)) wrong(where, "pause is a number of seconds");
  });
  return { policy: {}, ...scenario };
}

/** Plays all steps. Resolves with the customer's number; throws a Difference where the play ended early. */
export async function play({ scenario, gateUrl, secrets, bot, graph, ownLeaseSeconds }) {
  const customer = meta.newCustomer("Laura");
  const world = { gateUrl, secrets, bot, graph, customer, policy: scenario.policy, withheld: [], answered: 0 };
  timeline.heading(scenario.title, timeline.policySentences(scenario.policy, ownLeaseSeconds));
  const meanwhile = actAsMeta(world);
  for (const [index, step] of scenario.step.entries()) {
    await sleep(1000 * (step.pause ?? (index === 0 ? 0 : PAUSE_SECONDS)));
    if (step.wait) await waitForHandback(world, step);
    else if (step.who === "phone") await phoneWrites(world, step);
    else await customerWrites(world, step);
    meanwhile.check();
  }
  const handedBack = world.withheld.filter((id) => bot.seen.has(id)).length;
  const stayed = world.withheld.length - handedBack;
  const parts = [`the bot answered ${count(world.answered, "message")}`];
  if (handedBack) parts.push(`${handedBack} of them because nobody else had`);
  if (stayed) parts.push(`${count(stayed, "message")} stayed with the shop`);
  timeline.passed(`As expected: ${parts.join(", ")}.`);
  return customer.phone;
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** As Meta does, reports each of the bot's messages as sent and delivered. */
function actAsMeta(world) {
  let trouble;
  world.graph.onSend(async (send) => {
    try {
      if (send.to !== world.customer.phone) return;
      for (const status of ["sent", "delivered"]) await meta.post(world.gateUrl, world.secrets.META_APP_SECRET, meta.statusOf(world.customer, send.id, status));
    } catch (error) {
      trouble = error;
    }
  });
  return { check: () => { if (trouble) throw new Difference(trouble.message); } };
}

async function customerWrites(world, { says, expect }) {
  const id = meta.newWamid();
  const sendsBefore = world.graph.sends.length;
  timeline.customer(says);
  await deliver(world, meta.customerText(world.customer, id, says));
  const { event, conversation } = await until(async () => {
    const conversation = await ask(world);
    const event = conversation?.events?.find((one) => one.id === id);
    return ["withheld", "delivered", "dead"].includes(event?.state) && { event, conversation };
  }, "the gate to decide about the message");

  if (event.state === "dead") throw new Difference(`The gate gave up delivering the message after ${count(event.attempts, "attempt")}: ${event.reason ?? "no reason kept"}.`);
  if (event.state === "withheld") {
    if (expect === "bot answers") throw new Difference(`The bot should have answered, but the gate withheld the message (${event.reason ?? "no reason kept"}).`);
    timeline.gate(`withheld from the bot: ${why(event, conversation)}`);
    world.withheld.push(id);
    botKnowsNothing(world);
    return;
  }
  if (expect === "withheld") throw new Difference("The message should have been withheld from the bot, but the gate delivered it.");
  timeline.gate("passed on to the bot: no person holds this conversation");
  if (expect !== "bot answers") return;
  const send = await until(() => world.graph.sends.slice(sendsBefore).find(({ to }) => to === world.customer.phone), "the bot to answer");
  world.answered += 1;
  timeline.bot(send.text);
}

async function phoneWrites(world, { says, expect }) {
  timeline.phone(says);
  await deliver(world, meta.phoneText(world.customer, meta.newWamid(), says));
  if (expect !== "shop holds") return;
  const { lease_until_ms: end } = await until(async () => {
    const conversation = await ask(world);
    return conversation?.holder === "human" && conversation;
  }, "the gate to see that a person has answered");
  timeline.gate(`a person has answered: the bot is kept out${end ? ` until ${timeline.holdEnd(end)}` : ""}`);
}

async function waitForHandback(world, { expect }) {
  const sendsBefore = world.graph.sends.length;
  const before = await ask(world);
  const { lease_seconds: lease = 0, hand_back_after_seconds: patience = 0 } = world.policy;
  const limit = Math.max((before?.lease_until_ms ?? 0) - Date.now(), 1000 * patience, 1000 * lease, 0) + HANDBACK_SLACK_MS;
  // The bot's record is read first: a message that reaches it by the handback itself is no breach of the hold.
  let silent = true;
  let warned = false;
  const after = await until(async () => {
    const knew = world.withheld.some((id) => world.bot.seen.has(id));
    const conversation = await ask(world);
    if (!warned && conversation?.journal?.some((one) => one.transition === "warning")) {
      warned = true;
      timeline.gate("the owner is warned: a customer waits for a person");
    }
    if (conversation?.holder === "human") silent &&= !knew;
    return conversation?.holder === "automation" && conversation;
  }, "the hold to end", limit);
  if (!silent) throw new Difference("A withheld message reached the bot while the shop held the conversation.");
  const cause = after.journal?.findLast((one) => one.transition === "handback")?.cause;
  timeline.gate(`handed back to the bot${cause ? `: ${HANDBACK[cause] ?? cause.replaceAll("_", " ")}` : ""}`);
  if (expect !== "bot answers") return;
  const send = await until(() => world.graph.sends.slice(sendsBefore).find(({ to }) => to === world.customer.phone), "the bot to answer what nobody had");
  world.answered += 1;
  timeline.bot(send.text);
}

function botKnowsNothing({ bot, withheld }) {
  if (withheld.some((id) => bot.seen.has(id))) throw new Difference("The gate says that it withheld the message, but the bot has received it.");
}

function why({ reason }, { lease_until_ms: end }) {
  if (reason === "held_by_human") return end ? `the shop holds until ${timeline.holdEnd(end)}` : "the shop holds the conversation";
  return reason?.replaceAll("_", " ") ?? "no reason kept";
}

async function deliver({ gateUrl, secrets }, payload) {
  try {
    await meta.post(gateUrl, secrets.META_APP_SECRET, payload);
  } catch (error) {
    throw error instanceof Failure ? new Difference(error.message) : error;
  }
}

/** The gate's record of this conversation; undefined where it knows none yet. */
async function ask({ gateUrl, secrets, customer }) {
  const response = await fetch(`${gateUrl}/api/v1/conversations/${meta.LINE_ID}/${customer.phone}`, {
    headers: { authorization: `Bearer ${secrets.ADMIN_TOKEN}` },
    signal: AbortSignal.timeout(STEP_LIMIT_MS),
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Difference(`The gate's record could not be read: ${response.status} ${(await response.text()).slice(0, 200)}`);
  return response.json();
}

async function until(look, what, limit = STEP_LIMIT_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Difference(`Waited ${Math.round(limit / 1000)} s for ${what}, in vain.`);
    await sleep(POLL_MS);
  }
}
