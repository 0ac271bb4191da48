// Whom the player of scenarios asks what happened: the gate's record, the bot, and the stand-in Graph API.
//
// Invariant: an answer is what the asked one recorded, not what the player computed, and waiting for it ends.
//
// Deliberately not here: what should have happened (player.mjs).

import { setTimeout as sleep } from "node:timers/promises";
import * as meta from "./meta.mjs";
import { Failure } from "./terminal.mjs";

const STEP_LIMIT_MS = 10_000;
const POLL_MS = 100;

/** What `x-baton-refused` says where a bot's send came too late: that is the gate at work, and nobody's mistake. */
export const TOO_LATE = ["held_by_human", "older_token"];

/** What happened is not what the scenario expects. */
export class Difference extends Error {}

/** Posts one of Meta's webhooks to the gate. */
export async function deliver({ gateUrl, secrets }, payload) {
  try {
    await meta.post(gateUrl, secrets.META_APP_SECRET, payload);
  } catch (error) {
    throw error instanceof Failure ? new Difference(error.message) : error;
  }
}

/** The gate's record of this conversation; undefined where it knows none yet. */
export async function ask({ gateUrl, secrets, customer }) {
  const response = await fetch(`${gateUrl}/api/v1/conversations/${meta.LINE_ID}/${customer.phone}`, {
    headers: { authorization: `Bearer ${secrets.ADMIN_TOKEN}` },
    signal: AbortSignal.timeout(STEP_LIMIT_MS),
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Difference(`The gate's record could not be read: ${response.status} ${(await response.text()).slice(0, 200)}`);
  return response.json();
}

/**
 * What became of the bot's reply to one of these messages: the send that the Graph API has and that has not been shown
 * yet, or the refusal that the bot was told. Marking a message as read is no reply.
 */
export function outcomeOf({ graph, refusals, answers }, ids) {
  const send = graph.sends.find((one) => ids.includes(questionOf(one)) && !answers.includes(one));
  const refusal = refusals.find(({ request, message }) => request.type && ids.includes(message.id));
  return (send || refusal) && { send, refusal };
}

/** Throws where a reply that was refused has reached the Graph API all the same. */
export function neverSent({ graph, refused }) {
  const send = graph.sends.find((one) => refused.includes(questionOf(one)));
  if (send) throw new Difference(`The gate refused the bot's reply, but the Graph API has received it all the same: “${send.text}”`);
}

/** The message that a send answers, by what the sample bot adds for itself. */
const questionOf = ({ request }) => request.biz_opaque_callback_data;

/** Looks again and again until there is something, for as long as a step may take and `seconds` longer. */
export async function until(look, what, seconds = 0) {
  const limit = STEP_LIMIT_MS + 1000 * seconds;
  const end = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Difference(`Waited ${Math.round(limit / 1000)} s for ${what}, in vain.`);
    await sleep(POLL_MS);
  }
}
