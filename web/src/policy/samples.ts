// A few webhooks as Meta sends them, for trying the rules.
//
// Invariant: they are of the line that is looked at and of a number that belongs to nobody.
//
// Deliberately not here: every kind of message. Anything else can be pasted.

import { now } from "../clock";

export const SAMPLES = ["text", "ask", "order", "voice", "echo"] as const;
export type Sample = (typeof SAMPLES)[number];

const CUSTOMER = "34600000000";
const SHOP = "34910000000";

export function sample(name: Sample, line: string): string {
  const timestamp = String(Math.floor(now() / 1000));
  const message = { from: CUSTOMER, id: `wamid.TRY-${name}`, timestamp, ...content(name) };
  const metadata = { display_phone_number: SHOP, phone_number_id: line };
  const value = name === "echo"
    ? { messaging_product: "whatsapp", metadata, message_echoes: [{ ...message, from: SHOP, to: CUSTOMER }] }
    : { messaging_product: "whatsapp", metadata, contacts: [{ profile: { name: "Laura" }, wa_id: CUSTOMER }], messages: [message] };
  const field = name === "echo" ? "smb_message_echoes" : "messages";
  return JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "100000000000001", changes: [{ field, value }] }] }, null, 2);
}

function content(name: Sample): object {
  switch (name) {
    case "text": return { type: "text", text: { body: "Hola, ¿tienen el vestido azul en la talla M?" } };
    case "ask": return { type: "text", text: { body: "Quiero hablar con una persona" } };
    case "order": return {
      type: "order",
      order: { catalog_id: "7000000000001", text: "", product_items: [{ product_retailer_id: "dress-blue-m", quantity: 1, item_price: 39.9, currency: "EUR" }] },
    };
    case "voice": return { type: "audio", audio: { id: "1000000000000001", mime_type: "audio/ogg; codecs=opus", sha256: "c2FtcGxl", voice: true } };
    case "echo": return { type: "text", text: { body: "Hola, soy Ana. Ahora lo miro." } };
  }
}
