// What happens in the playground: one customer, one person of the shop and one bot around the gate, and what each of
// them sees. It plays Meta: what is written is signed and posted as a webhook, to the gate, or with Baton switched off
// straight to the bot.
//
// Invariant: the customer's phone shows what the customer wrote, what the person wrote, and what the Graph API has
// accepted; who holds and what was decided is read from the gate's record. What the page is given (`view`) contains no
// secret, and no id of Meta's.
//
// Deliberately not here: HTTP (server.mjs), the bot (bot.mjs), and what the gate's record means (record.mjs).

import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import * as meta from "../meta.mjs";
import { Failure } from "../terminal.mjs";
import { Difference, ask } from "../witness.mjs";
import { newDecisions, observe } from "./record.mjs";

export const PERSON = "Ana";
const CUSTOMER = "Laura";
const POLL_MS = 250;
// How often the gate is asked while nothing but time can change anything.
const SLOW_POLL_MS = 1_000;
const STIR_MS = 5_000;
// WhatsApp shows the typing indicator for so long, or until the message comes.
const TYPING_MS = 25_000;
const MESSAGES_MAX = 200;

/** `bot` is the playground's own, or undefined where the gate has the user's behind it: Baton then stays on. */
export function openStage({ secrets, graph, bot, botSecret }) {
  const stage = { secrets, graph, bot, botSecret, on: true, status: "starting", audience: 0, events: new EventEmitter() };
  stage.events.setMaxListeners(0);
  reset(stage);
  graph.onSend((send) => arrive(stage, send));
  bot?.onChange(() => stir(stage));
  return stage;
}

/** The gate answers, with this policy. */
export function raise(stage, { gateUrl, policy, ownLeaseSeconds }) {
  Object.assign(stage, { gateUrl, policy, ownLeaseSeconds, status: "up" });
  stir(stage);
}

export function fall(stage, trouble) {
  Object.assign(stage, { status: "down", trouble });
  changed(stage);
}

/** A new customer, whom neither the gate nor the bot has met. */
export function reset(stage) {
  stage.bot?.forget();
  Object.assign(stage, { customer: meta.newCustomer(CUSTOMER), messages: [], written: 0, decisions: newDecisions(), record: undefined, trouble: undefined, tour: { state: "idle" }, stirredAt: 0 });
  changed(stage);
}

/** The switch. It starts anew, since the gate does not know what happened while it was off. */
export function switchGate(stage, on) {
  if (!stage.bot && !on) throw new Failure("Your own bot sends through the gate, so Baton stays on");
  stage.on = on;
  reset(stage);
}

export function customerWrites(stage, text) {
  const id = meta.newWamid(stage.customer.phone, "customer");
  write(stage, { id, from: "customer", text });
  tell(stage, meta.customerText(stage.customer, id, text));
}

export function personWrites(stage, text) {
  const id = meta.newWamid(stage.customer.phone, "business");
  write(stage, { id, from: "person", text });
  tell(stage, meta.phoneText(stage.customer, id, text));
}

/** What the Graph API has accepted reaches the customer, and Meta reports it. */
function arrive(stage, { id, to, text, request }) {
  if (![stage.customer.phone, stage.customer.userId].includes(to)) return;
  const lateMs = lateBy(stage, request.biz_opaque_callback_data);
  write(stage, { id, from: "bot", text: text ?? `[${request.type ?? "message"}]`, ...(lateMs !== undefined && { lateMs }) });
  if (stage.on) for (const status of ["sent", "delivered"]) tell(stage, meta.statusOf(stage.customer, id, status));
}

/**
 * How long ago the person had answered what the bot answers now; undefined where nobody had. The playground's bot names
 * the message that it answers; of another the customer's last one is taken.
 */
function lateBy({ messages }, question) {
  const asked = messages.findLastIndex(({ id, from }) => (question ? id === question : from === "customer"));
  const person = asked < 0 ? undefined : messages.slice(asked).find(({ from }) => from === "person");
  return person && Date.now() - person.at;
}

function write(stage, message) {
  stage.written += 1;
  stage.messages.push({ key: stage.written, at: Date.now(), ...message });
  if (stage.messages.length > MESSAGES_MAX) stage.messages.shift();
  stir(stage);
}

/** Posts Meta's webhook to whoever is called today. Nobody waits for it: a bot with a fault takes its time. */
function tell(stage, payload) {
  const { customer, on } = stage;
  const posted = on ? meta.post(stage.gateUrl, stage.secrets.META_APP_SECRET, payload) : meta.post(stage.bot.url, stage.botSecret, payload);
  posted.catch((error) => {
    if (customer !== stage.customer) return;
    // Without a gate that is the bot's fault, which its own log shows.
    if (on) stage.trouble = error.message;
    changed(stage);
  });
}

/** Something has happened: the audience sees it at once, and the gate is asked more often for a while. */
function stir(stage) {
  stage.stirredAt = Date.now();
  changed(stage);
  watch(stage);
}

const changed = (stage) => stage.events.emit("change");

/** Adds someone who watches; resolves what ends that. */
export function attend(stage, listener) {
  stage.audience += 1;
  stage.events.on("change", listener);
  stir(stage);
  return () => {
    stage.audience -= 1;
    stage.events.off("change", listener);
  };
}

/** Follows the gate's record for as long as somebody watches and something may change. */
async function watch(stage) {
  if (stage.isWatching) return;
  stage.isWatching = true;
  while (goesOn(stage)) {
    await look(stage);
    await sleep(isLively(stage) ? POLL_MS : SLOW_POLL_MS);
  }
  stage.isWatching = false;
}

function goesOn({ on, status, audience, record, ...stage }) {
  const isOpen = record?.holder === "human" || record?.events.some(({ state }) => state === "waiting" || state === "in_flight");
  return status === "up" && on && audience > 0 && (isOpen || isLively({ record, ...stage }));
}

function isLively({ bot, stirredAt, record }) {
  const { lease_until_ms: end, events = [] } = record ?? {};
  const isNear = (at) => at && at - Date.now() < STIR_MS;
  return Date.now() - stirredAt < STIR_MS || bot?.isBusy() || isNear(end) || events.some(({ due_at_ms: due }) => isNear(due));
}

async function look(stage) {
  const { customer } = stage;
  let record;
  try {
    record = await ask(stage);
  } catch (error) {
    if (customer === stage.customer && error instanceof Difference) stage.trouble = error.message;
    changed(stage);
    return;
  }
  if (customer !== stage.customer || !record) return;
  const before = JSON.stringify(stage.record);
  stage.record = record;
  observe(stage.decisions, record, (id) => stage.messages.find((message) => message.id === id)?.text);
  if (JSON.stringify(record) !== before) changed(stage);
}

/** What the page is given. */
export function view(stage) {
  const { on, status, trouble, record, policy = {}, ownLeaseSeconds, messages, decisions, tour, bot } = stage;
  return {
    customer: CUSTOMER,
    person: PERSON,
    gate: {
      on,
      status,
      canSwitch: Boolean(bot),
      holder: record?.holder ?? "automation",
      isAwaited: Boolean(record?.waiting_since_ms),
      holdUntil: endOfHold(record, policy),
      leaseSeconds: policy.lease_seconds ?? null,
      ownLeaseSeconds: ownLeaseSeconds ?? null,
      prevented: record?.collision_counts.prevented ?? 0,
      decisions: decisions.list,
    },
    messages: messages.map(({ key, at, from, text, lateMs = null }) => ({ key, at, from, text, lateMs })),
    typing: isTyping(stage),
    bot: bot ? { own: false, ...bot.view() } : { own: true },
    tour,
    trouble: trouble ?? null,
  };
}

/** When the baton goes back if nobody writes: with the lease, or later where a customer has not waited long enough (docs/decisions/0007). */
function endOfHold({ lease_until_ms: lease = null, waiting_since_ms: since } = {}, { hand_back_after_seconds: patience = 0 }) {
  return lease && since ? Math.max(lease, since + 1000 * patience) : lease;
}

/** Whether the customer sees that somebody types: the Graph API was told so, and the message has not come yet. */
function isTyping({ graph, messages, bot }) {
  const typed = new Set(graph.reads.filter(({ typing }) => typing).map(({ id }) => id));
  const last = messages.findLastIndex(({ id }) => typed.has(id));
  if (last < 0) return false;
  const { id, at } = messages[last];
  return bot ? bot.isThinkingAbout(id) : Date.now() - at < TYPING_MS && messages.slice(last).every(({ from }) => from !== "bot");
}
