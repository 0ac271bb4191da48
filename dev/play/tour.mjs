// "Show me": plays the collision once, by itself. The customer asks, the bot begins to think, the person answers, and
// then the bot is ready.
//
// Invariant: the tour does only what anybody can do on the page, and what came of it is read from the stage: a message
// of the bot's over the person's, or a refusal in the gate's record. Whoever starts anew meanwhile ends it.
//
// Deliberately not here: the words on the page, and which side of the switch is shown. It plays on the side that is on.

import { setTimeout as sleep } from "node:timers/promises";
import { customerWrites, personWrites, reset } from "./stage.mjs";

const QUESTION = "Hello! Do you have the blue dress in size M?";
const ANSWER = "Hello Laura, this is Ana. I have put one aside for you.";
const FIRST_MS = 700;
const UNTIL_PERSON_MS = 3_000;
const POLL_MS = 100;
// A bot that is quicker than the person cannot come too late.
const THINK_SECONDS_MIN = 5;
const GRACE_MS = 6_000;
// How long the user's own bot may think.
const OWN_BOT_MS = 30_000;

export async function playTour(stage) {
  if (stage.bot) {
    const { thinkSeconds } = stage.bot.view();
    stage.bot.set({ fault: "none", thinkSeconds: Math.max(thinkSeconds, THINK_SECONDS_MIN) });
  }
  reset(stage);
  const { customer } = stage;
  const isStill = () => stage.customer === customer && stage.status === "up";
  const steps = [
    [FIRST_MS, "asks", () => customerWrites(stage, QUESTION)],
    [UNTIL_PERSON_MS, "answers", () => personWrites(stage, ANSWER)],
    [1_500, "late", () => undefined],
  ];
  for (const [pauseMs, step, act] of steps) {
    await sleep(pauseMs);
    if (!isStill()) return tell(stage, { state: "idle" }, customer);
    tell(stage, { state: "running", step }, customer);
    act();
  }
  const end = (stage.bot ? stage.bot.view().thoughts[0]?.until ?? Date.now() : Date.now() + OWN_BOT_MS) + GRACE_MS;
  while (isStill() && Date.now() < end) {
    const outcome = outcomeOf(stage);
    if (outcome) return tell(stage, { state: "done", outcome }, customer);
    await sleep(POLL_MS);
  }
  return tell(stage, isStill() ? { state: "done", outcome: "none" } : { state: "idle" }, customer);
}

function outcomeOf({ messages, record }) {
  if (messages.some(({ lateMs }) => lateMs !== undefined)) return "collision";
  return record?.collision_counts.prevented > 0 && "prevented";
}

function tell(stage, tour, customer) {
  if (stage.customer !== customer) return;
  stage.tour = tour;
  stage.events.emit("change");
}
