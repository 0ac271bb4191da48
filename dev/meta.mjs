// Plays Meta: builds the webhooks that WhatsApp sends in Coexistence mode, signs them and posts them to the gate.
//
// Invariant: what is signed are the bytes that are sent, and non-ASCII characters travel as \uXXXX, as from Meta.
//
// Deliberately not here: Meta's retries. A webhook that is not answered 200 is an error to be shown at once.
// The format: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks

import { createHmac, randomBytes, randomInt } from "node:crypto";
import { Failure } from "./terminal.mjs";

export const WABA_ID = "200000000000001";
export const LINE_ID = "300000000000001";
export const LINE_PHONE = "15550100001";
const TIMEOUT_MS = 15_000;
// What tells a customer's message from the business's inside its id: a mark, and how many hex digits follow.
const WAMID = { customer: { mark: 0x12, digits: 20 }, business: { mark: 0x11, digits: 18 } };

/** A customer nobody has written with: a number of a range that is never assigned, and Meta's id for the same person. */
export function newCustomer(name) {
  const phone = `15550${String(randomInt(1_000_000)).padStart(6, "0")}`;
  return { name, phone, userId: `US.${phone}${String(randomInt(1_000_000_000)).padStart(9, "0")}` };
}

/**
 * A new id of a message that `sender`, "customer" or "business", wrote, as Meta's ids look from inside: they carry the
 * customer's number, which is why they are personal data.
 */
export function newWamid(phone, sender) {
  const { mark, digits } = WAMID[sender];
  const serial = randomBytes(digits / 2).toString("hex").toUpperCase();
  const bytes = [[0x1c, 0x18, phone.length], Buffer.from(phone), [0x15, 0x02, 0x00, mark, 0x18, digits], Buffer.from(serial), [0x00]];
  return `wamid.${Buffer.concat(bytes.map((part) => Buffer.from(part))).toString("base64")}`;
}

const timestamp = () => String(Math.floor(Date.now() / 1000));

/** A customer's text. */
export function customerText(customer, id, body) {
  const message = { from: customer.phone, from_user_id: customer.userId, id, timestamp: timestamp(), type: "text", text: { body } };
  return webhook("messages", { contacts: [contact(customer)], messages: [message] });
}

/** What a person of the shop typed on the phone, mirrored by Meta: the echo. */
export function phoneText(customer, id, body) {
  const echo = { from: LINE_PHONE, to: customer.phone, to_user_id: customer.userId, id, timestamp: timestamp(), type: "text", text: { body } };
  return webhook("smb_message_echoes", { contacts: [contact(customer)], message_echoes: [echo] });
}

/** What Meta reports of a message that the bot sent: `sent`, `delivered` or `read`. */
export function statusOf(customer, id, status) {
  const pricing = { billable: false, pricing_model: "PMP", type: "free_customer_service", category: "service" };
  const entry = { id, status, timestamp: timestamp(), recipient_id: customer.phone, recipient_user_id: customer.userId, pricing };
  return webhook("messages", { contacts: [contact(customer)], statuses: [entry] });
}

function contact({ name, phone, userId }) {
  return { profile: { name }, wa_id: phone, user_id: userId };
}

function webhook(field, content) {
  const value = { messaging_product: "whatsapp", metadata: { display_phone_number: LINE_PHONE, phone_number_id: LINE_ID }, ...content };
  return { object: "whatsapp_business_account", entry: [{ id: WABA_ID, changes: [{ value, field }] }] };
}

/** Posts one signed webhook. Resolves when the gate has answered 200. */
export async function post(gateUrl, appSecret, payload) {
  const body = JSON.stringify(payload).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  let response;
  try {
    response = await fetch(`${gateUrl}/webhook`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-hub-signature-256": sign(appSecret, body) },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new Failure(`The gate did not answer Meta's webhook: ${error.cause?.message ?? error.message}`);
  }
  const text = await response.text();
  if (response.status !== 200) throw new Failure(`The gate answered Meta's webhook with ${response.status}: ${text.slice(0, 300)}`);
}

export const sign = (secret, body) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
