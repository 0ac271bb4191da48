// What the tool's code asks of its surroundings: network, programs, questions, files, chance. The other end of
// cli/host/wasi.rs.
//
// Invariant: every request gets one answer, an error at worst: { error: "why" }. Requests have a time limit and follow
// no redirect, because a token would go with them. Files are those of the current folder and below. What is asked as a
// secret is not shown while it is typed.
//
// Deliberately not here: any knowledge of the gate, of Meta or of Cloudflare.

import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";

/** The exit code where somebody has ended the tool. */
export const CANCELLED = 130;

const ANSWERS = {
  http,
  run,
  ask,
  interactive: async () => ({ answer: isInteractive() }),
  print: async (text) => put(process.stdout, text),
  tell: async (text) => put(process.stderr, text),
  progress,
  // As everywhere, `-` is standard input.
  read_file: async (file) => ({ text: file === "-" ? await collect(process.stdin) : read(within(file)) }),
  write_file: async ({ path: file, text }) => write(within(file), text),
  random: async (count) => ({ bytes: randomBytes(count).toString("base64") }),
};

/** Answers one request, `{ kind: what }`. */
export async function answer(request) {
  const [[kind, what]] = Object.entries(request);
  try {
    return (await ANSWERS[kind]?.(what)) ?? { error: `this edition of the tool has no ${kind}` };
  } catch (error) {
    // fetch puts the reason one level down.
    return { error: error.cause?.code ?? error.cause?.message ?? error.message };
  }
}

async function http({ method, url, headers, body, timeout_ms: limit, bytes_max: most }) {
  const bytes = Buffer.from(body, "base64");
  const hasBody = bytes.length > 0 || method === "POST" || method === "PUT";
  const answered = await fetch(url, { method, headers, body: hasBody ? bytes : undefined, redirect: "manual", signal: AbortSignal.timeout(limit) });
  const pieces = [];
  let size = 0;
  for await (const piece of answered.body ?? []) {
    pieces.push(piece);
    // Whatever lies beyond is not read, here as on the machine itself.
    if ((size += piece.length) > most) break;
  }
  return { status: answered.status, headers: [...answered.headers], body: Buffer.concat(pieces).subarray(0, most).toString("base64") };
}

function run({ command: [file, ...argv], stdin, variables, attached }) {
  const through = attached ? "inherit" : "pipe";
  const input = typeof stdin === "string" ? "pipe" : attached ? "inherit" : "ignore";
  const child = spawn(file, argv, { env: { ...process.env, ...Object.fromEntries(variables) }, stdio: [input, through, through] });
  const [stdout, stderr] = [child.stdout, child.stderr].map(collect);
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", async (code) => resolve({ code: code ?? -1, stdout: await stdout, stderr: await stderr }));
  });
}

async function collect(stream) {
  let text = "";
  for await (const piece of stream?.setEncoding("utf8") ?? []) text += piece;
  return text;
}

const isInteractive = () => Boolean(process.stdin.isTTY && process.stderr.isTTY);

/** Asks until the answer is one. Questions go to standard error, as what is not a result does. */
async function ask({ kind, text, choices = [], default: preset }) {
  if (!isInteractive()) return { error: "nobody" };
  for (;;) {
    switch (kind) {
      case "choice": {
        const list = choices.map((choice, at) => `  ${at + 1}. ${choice}\n`).join("");
        const given = await prompt(`${text}\n${list}Number [${preset + 1}]: `);
        const at = given === "" ? preset : Number(given) - 1;
        if (Number.isInteger(at) && at >= 0 && at < choices.length) return { answer: String(at) };
        break;
      }
      case "confirm": {
        const given = (await prompt(`${text} [${preset ? "Y/n" : "y/N"}]: `)).toLowerCase();
        if (given === "") return { answer: preset ? "yes" : "no" };
        if (/^(y|yes|n|no)$/.test(given)) return { answer: given.startsWith("y") ? "yes" : "no" };
        break;
      }
      case "secret":
        return { answer: await prompt(`${text}: `, true) };
      default: {
        const given = await prompt(`${text}${preset ? ` [${preset}]` : ""}: `);
        return { answer: given === "" ? preset ?? "" : given };
      }
    }
  }
}

/** One line of the terminal. Ctrl-C and the end of the input end the question, and with it the tool. */
function prompt(text, isSecret = false) {
  process.stderr.write(text);
  // readline shows what is typed by writing it here; of a secret nothing is written.
  const output = new Writable({ write: (piece, encoding, done) => (isSecret ? done() : process.stderr.write(piece, encoding, done)) });
  const lines = readline.createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  return new Promise((resolve, reject) => {
    const settle = (finish) => {
      if (isSecret) process.stderr.write("\n");
      lines.removeAllListeners("close");
      lines.close();
      finish();
    };
    lines.once("line", (line) => settle(() => resolve(line.trim())));
    lines.once("SIGINT", () => settle(() => reject(new Error("cancelled"))));
    lines.once("close", () => settle(() => reject(new Error("cancelled"))));
  });
}

/** To a terminal one line that changes and goes in the end; to all others a line for the beginning, and what came of it. */
async function progress({ text, total, at, done }) {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\u001b[K${done === undefined ? `${text}${total ? ` ${at}/${total}` : ""}` : ""}`);
  else if (at === 0) stderr.write(`${text}\n`);
  if (done) stderr.write(`${done}\n`);
  return {};
}

async function put(stream, text) {
  stream.write(`${text}\n`);
  return {};
}

/** The file, where it lies in the current folder or below. */
function within(file) {
  const whole = path.resolve(file);
  const inside = path.relative(fs.realpathSync(process.cwd()), fs.existsSync(whole) ? fs.realpathSync(whole) : whole);
  if (inside === "" || inside.startsWith("..") || path.isAbsolute(inside)) {
    throw new Error("this edition of the tool uses files of the current folder only");
  }
  return whole;
}

function read(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return {};
}
