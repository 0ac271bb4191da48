// The peer: what one would write in an afternoon instead of Baton, in JavaScript, which runs on the platform's own engine
// without a border to cross.
//
// It verifies Meta's signature, and has one Durable Object per conversation that remembers ids in SQLite, keeps the
// person's lease, and forwards a message to the bot where nobody holds.
//
// Deliberately not here, because the afternoon is over: an outbox, retries, order, two names of one customer, a fence,
// receipts that wait for their message, a policy, anything to look at. It forwards a receipt as it comes, and what a bot
// does not take is lost.

import { DurableObject } from "cloudflare:workers";

const LEASE_MS = 30 * 60 * 1000;
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
let key;

export default {
  async fetch(request, env, context) {
    const signature = request.headers.get("x-hub-signature-256");
    if (request.method !== "POST" || !signature?.startsWith("sha256=")) return new Response(null, { status: 401 });
    const body = await request.arrayBuffer();
    key ??= crypto.subtle.importKey("raw", encoder.encode(env.META_APP_SECRET), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    if (!(await crypto.subtle.verify("HMAC", await key, bytesOf(signature.slice(7)), body))) return new Response(null, { status: 401 });

    const stored = [];
    for (const entry of JSON.parse(decoder.decode(body)).entry) {
      for (const { field, value } of entry.changes) {
        const envelope = (part) => JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: entry.id, changes: [{ field, value: { ...value, ...part } }] }] });
        const conversation = (customer) => env.CONVERSATION.get(env.CONVERSATION.idFromName(`${value.metadata.phone_number_id}/${customer}`));
        for (const message of value.messages ?? []) stored.push(conversation(message.from).customerWrote(message.id, envelope({ messages: [message] })));
        for (const echo of value.message_echoes ?? []) stored.push(conversation(echo.to).personWrote(echo.id));
        for (const status of value.statuses ?? []) context.waitUntil(forward(env, envelope({ statuses: [status] })));
      }
    }
    await Promise.all(stored);
    return new Response("ok");
  },
};

export class Conversation extends DurableObject {
  constructor(context, env) {
    super(context, env);
    this.sql = context.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID");
    this.sql.exec("CREATE TABLE IF NOT EXISTS lease (one INTEGER PRIMARY KEY, until INTEGER)");
    this.until = this.sql.exec("SELECT until FROM lease").toArray()[0]?.until ?? 0;
  }

  customerWrote(id, envelope) {
    if (this.isNew(id) && Date.now() >= this.until) this.ctx.waitUntil(forward(this.env, envelope));
  }

  personWrote(id) {
    if (!this.isNew(id)) return;
    this.until = Date.now() + LEASE_MS;
    this.sql.exec("INSERT OR REPLACE INTO lease VALUES (0, ?)", this.until);
  }

  isNew(id) {
    return this.sql.exec("INSERT OR IGNORE INTO seen VALUES (?)", id).rowsWritten > 0;
  }
}

async function forward(env, envelope) {
  const answer = await fetch(env.BOT_URL, { method: "POST", headers: { "content-type": "application/json" }, body: envelope });
  await answer.arrayBuffer();
}

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
