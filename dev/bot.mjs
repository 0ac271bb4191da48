// The sample bot: what a shop has today, a webhook that Meta calls and that answers through the Graph API. It knows
// nothing of the gate, which is the point: only two addresses change, its own in Meta's app and Meta's in its settings.
//
// Invariant: it reads nothing whose signature it has not checked, and answers 200 before it sends anything.
//
// Deliberately not here: a memory. Meta's advice to ignore a message id that was seen before is followed, no more.
// A send that is refused is not repeated, and judging a refusal is left to whoever listens to `onRefused`.

import { timingSafeEqual } from "node:crypto";
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "./http.mjs";
import { sign } from "./meta.mjs";

const REPLIES = [
  [/\b(keep|reserve|put aside)\b/i, "Of course: we keep things for three days."],
  [/\b(open|hours|close|closing|saturday|sunday)\b/i, "We are open Monday to Saturday, from 10:00 to 19:00."],
  [/\b(price|cost|how much)\b/i, "The prices are in our catalogue. Which piece do you mean?"],
  [/\b(deliver|delivery|ship|shipping|pick)\b/i, "Orders before 14:00 leave the same day. Picking up in the shop is free."],
  [/\b(size|medium|small|large|colou?r|dress|shirt)\b/i, "Yes, we have it in S, M and L, in blue and in green."],
];
const FALLBACK = "Thank you for your message! How can we help you?";

/** `graphUrl` is the one thing that the shop changes for its sends to go through the gate. */
export async function startBot({ secret, verifyToken, graphUrl }) {
  const bot = { graphUrl, events: new EventEmitter(), seen: new Set(), thoughts: new Map() };
  const server = await serve(async ({ method, url, headers, bytes }) => {
    if (method === "GET") return handshake(url.searchParams, verifyToken);
    if (method !== "POST") return { status: 405, text: "POST or GET" };
    const body = await bytes();
    if (!isSigned(secret, headers, body)) return { status: 401, text: "wrong signature" };
    for (const { value } of JSON.parse(body).entry.flatMap((entry) => entry.changes)) {
      // A change without messages carries statuses: news of our own sends, which this bot has no use for.
      for (const message of value.messages ?? []) {
        if (bot.seen.has(message.id)) continue;
        bot.seen.add(message.id);
        if (message.type === "text") void answer(bot, value.metadata.phone_number_id, message);
      }
    }
    return { status: 200, text: "ok" };
  });
  return {
    ...server,
    seen: bot.seen,
    /** Lets the bot think about the message with this id for a while before it answers, as a language model does. */
    thinkAbout: (id, seconds) => bot.thoughts.set(id, seconds),
    /** Told { message, request, status, headers, sentence } of each send that was not accepted, and why. */
    onRefused: (listener) => bot.events.on("refused", listener),
  };
}

function handshake(query, verifyToken) {
  if (query.get("hub.mode") !== "subscribe" || query.get("hub.verify_token") !== verifyToken) return { status: 403, text: "wrong verify token" };
  return { status: 200, text: query.get("hub.challenge") ?? "" };
}

/** Whether a delivery comes from Meta, or from the gate in its place. */
export function isSigned(secret, headers, body) {
  const [left, right] = [Buffer.from(headers["x-hub-signature-256"] ?? ""), Buffer.from(sign(secret, body))];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** What the bot has to say to a customer's text. */
export function replyTo(question) {
  const [, text] = REPLIES.find(([pattern]) => pattern.test(question)) ?? [undefined, FALLBACK];
  return text;
}

async function answer(bot, line, message) {
  const text = replyTo(message.text.body);
  await send(bot, line, message, { status: "read", message_id: message.id, typing_indicator: { type: "text" } });
  await sleep(1000 * (bot.thoughts.get(message.id) ?? 0));
  // What is opaque to Meta tells this bot, and whoever watches it, which question a send answers.
  await send(bot, line, message, { recipient_type: "individual", to: message.from, type: "text", text: { body: text }, biz_opaque_callback_data: message.id });
}

async function send({ graphUrl, events }, line, message, content) {
  const request = { messaging_product: "whatsapp", ...content };
  try {
    const response = await fetch(`${graphUrl}/v23.0/${line}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sample-bot" },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    if (!response.ok) events.emit("refused", { message, request, status: response.status, headers: response.headers, sentence: sentenceOf(text) });
  } catch (error) {
    console.error(`Sample bot: the Graph API at ${graphUrl} cannot be reached: ${error.cause?.message ?? error.message}`);
  }
}

/** What a Graph API error says to people: its details where it has some, else its message. */
function sentenceOf(text) {
  try {
    const { message, error_data } = JSON.parse(text).error;
    return error_data?.details ?? message ?? text.slice(0, 300);
  } catch {
    return text.slice(0, 300);
  }
}
