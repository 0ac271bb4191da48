#!/usr/bin/env node
// The tool `baton` for people without Rust: starts its code, which is WASI, in a process of its own, and gives it what
// it asks for.
//
// The code waits for each answer, and Node's own fetch, prompts and programs do not wait; hence two processes. Between
// them go lines (cli/host/wasi.rs): those of the code that begin with a mark are requests, all others are passed on.
//
// Invariant: the exit code is that of the tool. When this process ends, the other one ends, because its input does.
//
// Deliberately not here: how a request is answered (host.mjs), what the tool does (cli/commands).

import fs from "node:fs";
import path from "node:path";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { answer, CANCELLED } from "./host.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PACKAGE = path.dirname(HERE);
const MARK = "\u0001";
const NODE_FLOOR = 20;
const USAGE = 2;

if (Number(process.versions.node.split(".")[0]) < NODE_FLOOR) {
  console.error(`Node ${NODE_FLOOR} or newer is needed, this is ${process.versions.node}.`);
  process.exit(USAGE);
}
// Whoever closes the pipe has read enough.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const args = process.argv.slice(2);
process.exitCode = args[0] === "new" ? unpack(args.slice(1)) : await run(args);

/** `baton new FOLDER`: what is deployed, in a folder of one's own. An installed package is no place to keep settings. */
function unpack([folder, ...more]) {
  if (!folder || folder.startsWith("-") || more.length > 0) {
    console.error("usage: baton new FOLDER    puts what is deployed into a new folder, to be configured there");
    return USAGE;
  }
  if (fs.existsSync(folder)) {
    console.error(`${folder} exists already: name a new folder.`);
    return USAGE;
  }
  // What was released, and nothing that has come beside it: no secrets, no storage.
  const sums = "SHA256SUMS";
  const released = fs.readFileSync(path.join(PACKAGE, sums), "utf8").trimEnd().split("\n").map((line) => line.split("  ")[1]);
  for (const file of [sums, ...released]) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.copyFileSync(path.join(PACKAGE, file), path.join(folder, file));
  }
  console.log(`Made ${folder}. Next: cd ${folder} && npm ci && npm run baton -- setup`);
  return 0;
}

function run(argv) {
  // What is run finds the package's own wrangler and Node, which are pinned, before any other.
  const tools = [process.cwd(), PACKAGE].map((folder) => path.join(folder, "node_modules", ".bin"));
  process.env.PATH = [...tools, process.env.PATH ?? ""].join(path.delimiter);
  const child = spawn(process.execPath, ["--no-warnings", path.join(HERE, "wasi.mjs"), ...argv], { stdio: ["pipe", "pipe", "inherit"] });
  // Whoever ends a question ends the tool; what it was doing it says by its own code.
  process.on("SIGINT", () => {});
  let queue = Promise.resolve();
  let rest = "";
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) queue = queue.then(() => take(line));
  });
  const take = async (line) => {
    if (!line.startsWith(MARK)) process.stdout.write(`${line}\n`);
    else child.stdin.write(`${JSON.stringify(await answer(JSON.parse(line.slice(MARK.length))))}\n`);
  };
  return new Promise((resolve) => {
    child.once("error", (error) => { console.error(error.message); resolve(USAGE); });
    child.once("close", async (code) => {
      await queue;
      process.stdout.write(rest);
      resolve(code ?? CANCELLED);
    });
  });
}
