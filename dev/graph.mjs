// A stand-in for graph.facebook.com: takes the bot's sends and answers as the Graph API does.
//
// Invariant: every accepted send is in `sends`, in order, and was announced to `onSend`, before it is answered.
//
// Deliberately not here: delivering anything, access tokens, and the statuses that follow a send. Those are Meta's
// webhooks, and the scenario player posts them.

import { EventEmitter } from "node:events";
import { newWamid } from "./meta.mjs";
import { serve } from "./http.mjs";

export async function startGraph() {
  const sends = [];
  const events = new EventEmitter();
  const server = await serve(({ method, url, body }) => {
    const [, line] = /^\/v[\d.]+\/(\d+)\/messages$/.exec(url.pathname) ?? [];
    if (!line || method !== "POST") return problem(404, 100, `Unsupported request: ${method} ${url.pathname}`);
    const request = parse(body);
    if (request?.messaging_product !== "whatsapp") return problem(400, 100, "(#100) The parameter messaging_product is required.");
    // Read receipts and typing indicators come by the same address and make no message.
    if (request.status === "read") return { status: 200, json: { success: true } };
    const recipient = request.to ?? request.recipient;
    if (typeof recipient !== "string" || !recipient) return problem(400, 100, "(#100) The parameter to is required.");
    const send = { id: newWamid(), line, to: recipient.replace(/^\+/, ""), text: request.text?.body, request };
    sends.push(send);
    events.emit("send", send);
    return {
      status: 200,
      json: { messaging_product: "whatsapp", contacts: [{ input: recipient, wa_id: send.to }], messages: [{ id: send.id }] },
    };
  });
  return { ...server, sends, onSend: (listener) => events.on("send", listener) };
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function problem(status, code, message) {
  return { status, json: { error: { message, type: "OAuthException", code, fbtrace_id: "AstandinGraphApi" } } };
}
