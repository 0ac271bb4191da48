// What a fixture of a released version tells: a bit of everything that a gate keeps, played against a running one.
//
// Invariant: when this returns, the gate owes, holds and remembers what the story says, and the story names all that a
// test needs to go on: ids, tokens, the payloads to repeat, what the bot has got. Its policy has times that a test can
// wait for. It uses the gate as Meta, the bot and the operator do, so that it can be told to any version.
//
// Deliberately not here: starting and killing the gate (fixture.mjs).

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LINE_ID, customerText, newCustomer, newWamid, phoneText, post } from "./meta.mjs";
import { serve } from "./http.mjs";
import { Failure } from "./terminal.mjs";

const LIMIT_MS = 30_000;
const POLL_MS = 50;
/** The desk is told of a conversation after the answer. */
const REPORTED_WITHIN_MS = 1_500;
const WRONG_TOKENS = 10;
const GUESSER = "10.9.8.7";
const PAUSE_MS = 3_600_000;

const COMMON = {
  stale_after_seconds: 0,
  lease_seconds: 40,
  warn_after_seconds: 10,
  hand_back_after_seconds: 30,
  rules: [{ name: "somebody may know", when: { text: { prefix: "who" } }, then: "human_first", human_first_seconds: 60 }],
};
// The first policy gives up soon, so that there is a dead letter; the second one never does while the story is told.
const POLICIES = [
  { document: { ...COMMON, retry_schedule_seconds: [0, 1] }, note: "gives up soon" },
  { document: { ...COMMON, retry_schedule_seconds: [0, ...Array.from({ length: 30 }, () => 3)] }, note: "gives up late" },
];

/** A bot that records what it gets, and treats a customer as it is told to: "ok", "refuse" or "hang". */
export async function startRecorder() {
  const manners = new Map();
  const got = [];
  const server = await serve(async ({ headers, bytes }) => {
    const body = await bytes();
    const message = JSON.parse(body).entry?.[0]?.changes?.[0]?.value?.messages?.[0];
    got.push({ id: message?.id, webhook_id: headers["webhook-id"], sha256: createHash("sha256").update(body).digest("hex") });
    const manner = manners.get(message?.from_user_id ?? message?.from) ?? "ok";
    if (manner === "hang") await new Promise(() => {});
    return manner === "ok" ? { status: 200, text: "ok" } : { status: 500, text: "out of order" };
  });
  return { ...server, got, treat: (customer, manner) => { manners.set(customer.userId, manner); manners.set(customer.phone, manner); } };
}

/** Plays it against the gate at `url`; what came of it. */
export async function tell({ url, secret, token, bot }) {
  const operator = (method, path, body, headers = {}) => fetch(`${url}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const gate = {
    says: async (customer, words) => {
      const id = newWamid(customer.phone ?? "1", "customer");
      const payload = customerText(customer, id, words);
      await post(url, secret, payload);
      return { id, payload };
    },
    echoes: async (customer, words) => {
      const id = newWamid(customer.phone ?? "1", "business");
      await post(url, secret, phoneText(customer, id, words));
      return id;
    },
    act: async (customer, act, body) => read(await operator("POST", `conversations/${LINE_ID}/${customer.phone}/${act}`, body)),
    shown: async (customer) => read(await operator("GET", `conversations/${LINE_ID}/${customer.phone}`)),
    sends: (customer, words) => fetch(`${url}/v23.0/${LINE_ID}/messages`, {
      method: "POST",
      headers: { authorization: "Bearer EAAGstory", "content-type": "application/json" },
      body: JSON.stringify({ messaging_product: "whatsapp", to: customer.phone, type: "text", text: { body: words } }),
    }),
    state: async (customer, id) => (await gate.shown(customer)).events.find((event) => event.id === id),
    until: (customer, id, states) => eventually(`${states} of a message`, async () => {
      const event = await gate.state(customer, id);
      return states.includes(event?.state) && event;
    }),
  };
  const people = Object.fromEntries(["answered", "collided", "dead", "hanging", "held", "linked", "owed", "paused", "window"].map((name) => [name, newCustomer(name)]));
  const policy = async ({ document, note }) => read(await operator("PUT", "policy", { document, note }));

  await policy(POLICIES[0]);
  bot.treat(people.dead, "refuse");
  const dead = await gate.says(people.dead, "is anybody there?");
  await gate.until(people.dead, dead.id, ["dead"]);
  await policy(POLICIES[1]);
  for (let attempt = 0; attempt < WRONG_TOKENS; attempt += 1) {
    await operator("GET", "session", undefined, { authorization: "Bearer wrong", "cf-connecting-ip": GUESSER });
  }
  const answered = await gate.says(people.answered, "do you have it in blue?");
  await gate.until(people.answered, answered.id, ["delivered"]);

  const { userId: _, ...byPhone } = people.linked;
  const { phone: __, ...byUserId } = people.linked;
  const linked = [await gate.says(byPhone, "hello")];
  await gate.until(people.linked, linked[0].id, ["delivered"]);
  linked.push(await gate.says(people.linked, "hello again"));
  await gate.until(people.linked, linked[1].id, ["delivered"]);
  await gate.act(people.linked, "pause", { until_ms: Date.now() + PAUSE_MS });
  linked.push(await gate.says(byUserId, "and now?"));

  const collided = await gate.says(people.collided, "when do you open?");
  await gate.until(people.collided, collided.id, ["delivered"]);
  const sent = await read(await gate.sends(people.collided, "We open at ten."));
  await gate.echoes(people.collided, "At nine today!");
  const refused = await gate.sends(people.collided, "Shall I book a table?");
  if (refused.ok) throw new Failure("A send of the bot's passed while a person held");

  const paused = [await gate.says(people.paused, "good morning")];
  await gate.until(people.paused, paused[0].id, ["delivered"]);
  await gate.act(people.paused, "pause", { until_ms: Date.now() + PAUSE_MS });
  paused.push(await gate.says(people.paused, "may I come by?"));

  const window = await gate.says(people.window, "who is in today?");
  for (const [customer, manner] of [[people.owed, "refuse"], [people.hanging, "hang"]]) bot.treat(customer, manner);
  const owed = await gate.says(people.owed, "a table for two, please");
  const hanging = await gate.says(people.hanging, "hello?");
  const held = [await gate.says(people.held, "hello")];
  await gate.until(people.held, held[0].id, ["delivered"]);
  await gate.echoes(people.held, "I am looking into it");
  held.push(await gate.says(people.held, "thank you"), await gate.says(people.held, "and in green?"));
  await eventually("an attempt that failed", async () => { const event = await gate.state(people.owed, owed.id); return event.state === "waiting" && event.attempts > 0; });
  await gate.until(people.hanging, hanging.id, ["in_flight"]);
  await sleep(REPORTED_WITHIN_MS);

  const said = { answered: [answered], collided: [collided], dead: [dead], hanging: [hanging], held, linked, owed: [owed], paused, window: [window] };
  const conversations = {};
  for (const [name, customer] of Object.entries(people)) {
    const { holder, token: fencing, lease_until_ms, waiting_since_ms, names, conversation } = await gate.shown(customer);
    const { phone, userId: bsuid } = customer;
    conversations[name] = { phone, bsuid, holder, token: fencing, lease_until_ms, waiting_since_ms, names, conversation, said: said[name] };
  }
  return { line: LINE_ID, guesser: GUESSER, policies: POLICIES, sent: sent.messages[0].id, conversations, got: bot.got };
}

async function read(answer) {
  if (!answer.ok) throw new Failure(`The gate answers ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function eventually(what, ask) {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > until) throw new Failure(`Not within ${LIMIT_MS / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}
