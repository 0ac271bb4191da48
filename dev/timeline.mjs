// Prints a scenario as it happens, one row an event: the time, who, and what. The gate's decisions are rows of their
// own, in sentences for the owner of the shop.
//
// Invariant: a row is printed once and never changed, so a log file shows what the terminal showed.
//
// Deliberately not here: judging whether what happened is right (player.mjs).

import { blue, bold, dim, green, magenta, red, span, yellow } from "./terminal.mjs";

const WHO_WIDTH = 9;
const TEXT_WIDTH = 76;
const COLOUR = { customer: blue, bot: green, phone: magenta, gate: yellow };
const INDENT = " ".repeat(2 + 8 + 2 + WHO_WIDTH);

// Twenty-four hours, in the time zone of the machine; the parts of a locale's format would not align.
export function clock(ms, withSeconds = true) {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), ...(withSeconds ? [date.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

export function heading(title, sentences) {
  console.log(`\n${bold(title)}`);
  for (const sentence of sentences) console.log(dim(sentence));
  console.log();
}

export const customer = (text) => row("customer", quoted(text));
export const bot = (text) => row("bot", quoted(text));
export const botIsTyping = () => row("bot", "is typing …", dim);
export const botTries = (text) => row("bot", `tries to say ${quoted(text)}`, dim);
export const phone = (text) => row("phone", quoted(text));
export const gate = (sentence) => row("gate", sentence, yellow);

export function passed(sentence) {
  console.log(`\n${green("✓")} ${sentence}`);
}

export function differed(sentence) {
  console.log(`\n${red("✗")} ${bold("This is not what the scenario expects.")}\n  ${sentence}`);
}

/** The end of a hold, with seconds where the hold is short enough for them to matter. */
export const holdEnd = (leaseUntilMs) => clock(leaseUntilMs, leaseUntilMs - Date.now() < 600_000);

/** How the demo's policy differs from real life. */
export function policySentences({ lease_seconds: lease, hand_back_after_seconds: patience }, ownLeaseSeconds) {
  if (!lease || lease === ownLeaseSeconds) return [];
  const waits = patience ? `, and a customer waits ${span(patience)} at most` : "";
  const own = ownLeaseSeconds ? `Your policy holds for ${span(ownLeaseSeconds)}` : "In real life it is 30 min";
  return [`Here the shop holds a conversation for ${span(lease)}${waits}, so that the end can be watched.`, `${own}.`];
}

function row(who, text, paint = (same) => same) {
  const [first, ...more] = wrap(text);
  console.log(`  ${dim(clock(Date.now()))}  ${COLOUR[who](who.padEnd(WHO_WIDTH))}${paint(first)}`);
  for (const line of more) console.log(`${INDENT}${paint(line)}`);
}

const quoted = (text) => `“${text}”`;

function wrap(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last && last.length + 1 + word.length > TEXT_WIDTH) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}
