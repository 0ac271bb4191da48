// The playground's bot: the sample bot's answers (dev/bot.mjs) with a thinking time and faults that can be set while
// it runs, and a log of what it was delivered and what became of its answers.
//
// Invariant: it reads nothing whose signature it has not checked, and whatever it logs has happened. An answer goes to
// whoever stands for the Graph API at the moment when it is sent, as in a bot whose one base URL was changed.
//
// Deliberately not here: whether an answer came too late. The bot repeats what it was told. A fault concerns customers'
// messages only; receipts are always taken, since a failing receipt would only be noise in the log.

import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isSigned, replyTo } from "../bot.mjs";
import { serve } from "../http.mjs";
import { TOO_LATE } from "../witness.mjs";

export const THINK_SECONDS_MAX = 20;
export const FAULTS = ["none", "error", "timeout", "twice", "down"];
// Longer than the gate, or Meta, waits for an answer.
const HANG_MS = 30_000;
const BETWEEN_TWO_ANSWERS_MS = 400;
const LOG_MAX = 40;

/** `graphUrl()` is where the bot sends at this moment. */
export async function startPlayBot({ secret, graphUrl }) {
  const bot = { graphUrl, events: new EventEmitter(), settings: { thinkSeconds: 6, fault: "none" }, ...blank() };
  const server = await serve(async ({ method, headers, stream, bytes }) => {
    if (method !== "POST") return { status: 405, text: "POST" };
    const body = await bytes();
    if (!isSigned(secret, headers, body)) return { status: 401, text: "wrong signature" };
    const values = JSON.parse(body).entry.flatMap((entry) => entry.changes.map((change) => change.value));
    const messages = values.flatMap((value) => (value.messages ?? []).map((message) => ({ message, line: value.metadata.phone_number_id })));
    return messages.length > 0 ? receive(bot, messages, headers, stream) : { status: 200, text: "ok" };
  });
  return {
    ...server,
    view: () => ({ ...bot.settings, log: bot.log, thoughts: [...bot.thoughts.values()] }),
    isBusy: () => bot.thoughts.size > 0,
    isThinkingAbout: (id) => bot.thoughts.has(id),
    set(settings) {
      bot.settings = { ...bot.settings, ...settings };
      bot.events.emit("change");
    },
    /** Forgets everything, and whatever it was about to say. */
    forget() {
      bot.forgotten.abort();
      Object.assign(bot, blank());
    },
    onChange: (listener) => bot.events.on("change", listener),
  };
}

const blank = () => ({ seen: new Set(), thoughts: new Map(), log: [], forgotten: new AbortController() });

async function receive(bot, messages, headers, stream) {
  const { fault } = bot.settings;
  const attempt = Number(headers["x-baton-attempt"] ?? 1);
  const outcome = { error: "answered500", timeout: "noAnswer", down: "unreachable" }[fault] ?? "taken";
  for (const { message } of messages) note(bot, { kind: "delivery", text: message.text?.body ?? message.type, attempt, outcome });
  switch (outcome) {
    case "answered500":
      return { status: 500, text: "the bot has a fault" };
    case "noAnswer":
      await sleep(HANG_MS, undefined, { ref: false });
      return { status: 504, text: "too late" };
    case "unreachable":
      stream.socket.destroy();
      return { status: 503, text: "nobody hears this" };
    default:
      for (const { message, line } of messages) void answer(bot, line, message, headers["x-baton-token"]);
      return { status: 200, text: "ok" };
  }
}

async function answer(bot, line, message, token) {
  if (bot.seen.has(message.id) || message.type !== "text") return;
  bot.seen.add(message.id);
  const { thoughts, forgotten, settings: { fault, thinkSeconds } } = bot;
  const since = Date.now();
  thoughts.set(message.id, { text: message.text.body, since, until: since + 1000 * thinkSeconds });
  const say = (content) => send(bot, line, content, token);
  const reply = { recipient_type: "individual", to: message.from, type: "text", text: { body: replyTo(message.text.body) }, biz_opaque_callback_data: message.id };
  try {
    await say({ status: "read", message_id: message.id, typing_indicator: { type: "text" } });
    bot.events.emit("change");
    await sleep(Math.max(0, since + 1000 * thinkSeconds - Date.now()), undefined, { signal: forgotten.signal });
    const outcomes = [await say(reply)];
    if (fault === "twice") {
      await sleep(BETWEEN_TWO_ANSWERS_MS, undefined, { signal: forgotten.signal });
      outcomes.push(await say(reply));
    }
    thoughts.delete(message.id);
    if (forgotten.signal.aborted) return;
    for (const outcome of outcomes) note(bot, { kind: "answer", text: reply.text.body, ...outcome });
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** Sends to the Graph API, or to the gate that stands in its place, and tells what was answered. */
async function send({ graphUrl }, line, content, token) {
  try {
    const response = await fetch(`${graphUrl()}/v23.0/${line}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sample-bot", ...(token && { "x-baton-token": token }) },
      body: JSON.stringify({ messaging_product: "whatsapp", ...content }),
    });
    const { error } = await response.json();
    const refused = response.headers.get("x-baton-refused");
    if (refused === "duplicate") return { outcome: "duplicate" };
    if (response.ok) return { outcome: "sent" };
    return { outcome: TOO_LATE.includes(refused) ? "refused" : "failed", sentence: error?.message ?? `status ${response.status}` };
  } catch (error) {
    return { outcome: "failed", sentence: error.cause?.message ?? error.message };
  }
}

function note(bot, entry) {
  bot.logged = (bot.logged ?? 0) + 1;
  bot.log.unshift({ key: bot.logged, at: Date.now(), ...entry });
  bot.log.length = Math.min(bot.log.length, LOG_MAX);
  bot.events.emit("change");
}
