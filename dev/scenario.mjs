// Reads a scenario. docs/scenarios.md explains the format.
//
// Invariant: a scenario that is returned can be played; the first mistake in one is told with its step, before anything
// is started, in the words of cli/scenario.rs, which reads the same files for `baton simulate`. tests/scenarios has files
// for both, so that neither understands what the other does not.
//
// Deliberately not here: playing it (player.mjs), and judging the policy, which the gate does.

import path from "node:path";
import { Failure } from "./terminal.mjs";
import { readToml } from "./settings.mjs";

// What may be expected of whom, in the order in which it is told.
const SAYS = { customer: ["bot answers", "withheld"], phone: ["shop holds"] };
const WAITS = { "bot reply": ["bot answers", "bot refused"], handback: ["bot answers"] };
const SECONDS_MAX = 3_600;
const KEYS = ["who", "says", "expect", "wait", "pause", "bot_thinks"];

export function readScenario(file) {
  const scenario = readToml(file);
  const wrong = (where, what) => { throw new Failure(`${path.basename(file)}${where}: ${what}`); };
  if (typeof scenario.title !== "string") wrong("", "a scenario has a title");
  if (!Array.isArray(scenario.step) || scenario.step.length === 0) wrong("", "a scenario has at least one [[step]]");
  if (scenario.policy !== undefined && !isTable(scenario.policy)) wrong("", "policy is a table");
  // Whether the bot has a message of an earlier step left to think about.
  let thinks = false;
  scenario.step.forEach((step, index) => {
    const mistake = mistakeOf(step, thinks);
    if (mistake) wrong(`, step ${index + 1}`, mistake);
    if (step.wait === "bot reply") thinks = false;
    if (step.bot_thinks !== undefined && step.expect === undefined) thinks = true;
  });
  if (thinks) wrong("", 'the bot still thinks at the end: a step with bot_thinks says expect = "bot answers", or a later one wait = "bot reply"');
  return { policy: {}, ...scenario };
}

/** What is wrong with a step, or undefined. */
function mistakeOf(step, thinks) {
  if (!isTable(step)) return "a step is a table";
  const { who, says, expect, wait, pause, bot_thinks: thinking } = step;
  const unknown = Object.keys(step).sort().find((key) => !KEYS.includes(key));
  if (unknown) return `"${unknown}" is not known`;
  if (wait !== undefined) {
    if (typeof wait !== "string" || !Object.hasOwn(WAITS, wait)) return `wait is ${either(Object.keys(WAITS))}`;
    if (who !== undefined || says !== undefined || thinking !== undefined) return `wait = "${wait}" stands alone, or with expect and pause`;
    if (wait === "bot reply" && !thinks) return 'wait = "bot reply" comes after a step of the customer that has bot_thinks and no expect';
    if (expect !== undefined && !WAITS[wait].includes(expect)) return `expect of wait = "${wait}" is ${either(WAITS[wait])}`;
  } else {
    if (typeof who !== "string" || !Object.hasOwn(SAYS, who)) return `who is ${either(Object.keys(SAYS))}`;
    if (typeof says !== "string" || !says) return "says is the text that is written";
    if (expect !== undefined && !SAYS[who].includes(expect)) return `expect of a ${who} is ${either(SAYS[who])}`;
    if (thinking !== undefined && (who !== "customer" || expect === "withheld")) return "bot_thinks belongs to a customer's message that the bot gets";
    if (thinking !== undefined && thinks) return "the bot thinks about one message at a time: wait for its reply first";
    if (thinking !== undefined && !isSpan(thinking)) return "bot_thinks is a number of seconds, 3600 at most";
  }
  if (pause !== undefined && !isSpan(pause)) return "pause is a number of seconds, 3600 at most";
  return undefined;
}

const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
const isSpan = (value) => typeof value === "number" && value >= 0 && value <= SECONDS_MAX;
const either = (words) => words.map((word) => `"${word}"`).join(" or ");
