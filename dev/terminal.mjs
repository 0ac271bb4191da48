// What all commands share when they talk to a person: colours, spans of time, one-line failures, long-running steps.
//
// Invariant: a `Failure` is something that the reader can act on and is printed as its message alone; every other
// error is a defect of these scripts and is printed with its stack.
//
// Deliberately not here: spinners and cursor movement. A log file of the output must read as well as the terminal.

import { spawn } from "node:child_process";

const HEARTBEAT_MS = 20_000;
const TAIL_LINES = 40;

/** An expected end: one line that says what is wrong and what to do. */
export class Failure extends Error {}

export function fail(error) {
  if (error instanceof Failure) console.error(red(error.message));
  else console.error(error);
  process.exitCode = 1;
}

// NO_COLOR counts when present and not empty (no-color.org).
const coloured = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const paint = (code) => (text) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : String(text));
export const bold = paint("1");
export const dim = paint("2");
export const red = paint("31");
export const green = paint("32");
export const yellow = paint("33");
export const blue = paint("34");
export const magenta = paint("35");
export const cyan = paint("36");

/** `80` → `1 min 20 s`, `1800` → `30 min`, `5400` → `1 h 30 min`. */
export function span(seconds) {
  const whole = Math.round(seconds);
  const parts = [[Math.floor(whole / 3600), "h"], [Math.floor((whole % 3600) / 60), "min"], [whole % 60, "s"]];
  return parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ") || "0 s";
}

export const secondsSince = (start) => (Date.now() - start) / 1000;

/**
 * Runs a command quietly, with a line every 20 seconds while it works. Resolves with its output; where it fails, the
 * last lines of the output are printed and a Failure with `hint` is thrown.
 */
export function quietly(label, file, argv, { env = process.env, cwd, hint = "", all = false } = {}) {
  return new Promise((resolve, reject) => {
    const start = Date.now();
    const child = spawn(file, argv, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => { output += chunk; });
    child.stderr.on("data", (chunk) => { output += chunk; });
    const beat = setInterval(() => console.log(dim(`  … still ${label}, ${span(secondsSince(start))}`)), HEARTBEAT_MS);
    // An interrupted step takes its child along: cargo would otherwise compile on in the background.
    const stop = (signal) => { child.kill("SIGTERM"); reject(new Failure(`Interrupted while ${label} (${signal}).`)); };
    process.once("SIGINT", stop).once("SIGTERM", stop);
    const settle = (finish) => {
      clearInterval(beat);
      process.off("SIGINT", stop).off("SIGTERM", stop);
      finish();
    };
    child.on("error", (error) => settle(() => reject(new Failure(`${file} could not be started: ${error.message}`))));
    child.on("close", (code) => settle(() => {
      if (code === 0) return resolve(output);
      const lines = output.trimEnd().split("\n");
      console.error((all ? lines : lines.slice(-TAIL_LINES)).join("\n"));
      reject(new Failure(`Failed while ${label}.${hint ? ` ${hint}` : ""}`));
    }));
  });
}
