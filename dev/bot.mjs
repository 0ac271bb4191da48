// The sample bot: what a shop has today, a webhook that Meta calls and that answers through the Graph API. It knows
// nothing of the gate, which is the point: only the address in Meta's app changes.
//
// Invariant: it reads nothing whose signature it has not checked, and answers 200 before it sends its reply.
//
// Deliberately not here: a memory. Meta's advice to ignore a message id that was seen before is followed, no more.

import { timingSafeEqual } from "node:crypto";
import { EventEmitter } from "node:events";
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

export async function startBot({ secret, verifyToken, graphUrl }) {
  const seen = new Set();
  const events = new EventEmitter();
  const server = await serve(({ method, url, headers, body }) => {
    if (method === "GET") return handshake(url.searchParams, verifyToken);
    if (method !== "POST") return { status: 405, text: "POST or GET" };
    if (!matches(headers["x-hub-signature-256"], sign(secret, body))) return { status: 401, text: "wrong signature" };
    for (const { value } of JSON.parse(body).entry.flatMap((entry) => entry.changes)) {
      // A change without messages carries statuses: news of our own sends, which this bot has no use for.
      for (const message of value.messages ?? []) {
        if (seen.has(message.id)) continue;
        seen.add(message.id);
        events.emit("message", message);
        if (message.type === "text") void reply(graphUrl, value.metadata.phone_number_id, message);
      }
    }
    return { status: 200, text: "ok" };
  });
  return { ...server, seen, onMessage: (listener) => events.on("message", listener) };
}

function handshake(query, verifyToken) {
  if (query.get("hub.mode") !== "subscribe" || query.get("hub.verify_token") !== verifyToken) return { status: 403, text: "wrong verify token" };
  return { status: 200, text: query.get("hub.challenge") ?? "" };
}

function matches(given, expected) {
  const [left, right] = [Buffer.from(given ?? ""), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function reply(graphUrl, line, message) {
  const [, text] = REPLIES.find(([pattern]) => pattern.test(message.text.body)) ?? [undefined, FALLBACK];
  const body = JSON.stringify({ messaging_product: "whatsapp", recipient_type: "individual", to: message.from, type: "text", text: { body: text } });
  try {
    const response = await fetch(`${graphUrl}/v23.0/${line}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sample-bot" },
      body,
    });
    if (!response.ok) console.error(`Sample bot: the Graph API answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  } catch (error) {
    console.error(`Sample bot: the Graph API at ${graphUrl} cannot be reached: ${error.cause?.message ?? error.message}`);
  }
}
