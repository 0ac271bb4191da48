// Builds the Worker into build/, with worker-build and the tools that the set-up put in place, and the desk's page
// (web.mjs).
// It is also wrangler's build command, so it runs at each start of `wrangler dev` and before each deployment.
//
// Invariant: build/ holds what the sources say. A digest of everything that goes in is written beside the result as
// the last step; while it matches, there is nothing to do and the command returns in a few milliseconds.
// Several builds may be asked for at once (each `wrangler dev` of a test run asks): a lock lets one work, and the
// others find its result.
//
// Deliberately not here: fetching. worker-build would download what it misses, so all its tools are checked first.

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { lock } from "./lock.mjs";
import { Failure, fail, quietly, secondsSince, span } from "./terminal.mjs";
import { ROOT, cargoTools, npmBinary, toolEnvironment } from "./tools.mjs";
import { buildWeb } from "./web.mjs";

const BUILD = path.join(ROOT, "build");
const STAMP = path.join(BUILD, ".baton-stamp");
const LOCK = path.join(BUILD, ".baton-lock");
const RESULTS = ["index.js", "index_bg.wasm"].map((name) => path.join(BUILD, name));
// Files and folders that can change the result.
const INPUTS = ["Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain.toml", ".cargo", "src", "dev/build.mjs", "dev/tools.mjs", "package-lock.json"];

try {
  await build();
  await buildWeb();
} catch (error) {
  fail(error);
}

async function build() {
  if (isCurrent()) return;
  const { env, workerBuild } = tools();
  const unlock = await lock(LOCK);
  try {
    const digest = inputDigest();
    if (isCurrent(digest)) return;
    const start = Date.now();
    console.log("Building the Worker (about a minute the first time) …");
    await quietly("building the Worker", workerBuild, ["--release", "--locked"], { env, cwd: ROOT, all: true });
    const [, file] = RESULTS;
    fs.writeFileSync(file, withoutNames(fs.readFileSync(file)));
    // The digest was taken before the build: a file saved meanwhile leads to one build too many, never to a stale one.
    fs.writeFileSync(STAMP, digest);
    const [, wasm] = RESULTS.map((file) => fs.readFileSync(file));
    const kilobytes = (bytes) => `${Math.round(bytes.length / 1024)} KB`;
    console.log(`Built in ${span(secondsSince(start))}: ${kilobytes(wasm)} of Wasm, ${kilobytes(gzipSync(wasm))} compressed.`);
  } finally {
    unlock();
  }
}

/**
 * The module without its `name` section: a ninth of the compressed Worker, and of use only in stack traces, which a
 * gate that does not panic never prints. worker-build asks wasm-opt to keep it and cannot be told otherwise.
 */
function withoutNames(wasm) {
  const HEADER_BYTES = 8;
  const kept = [wasm.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < wasm.length; ) {
    const [size, content] = unsignedLeb128(wasm, at + 1);
    const end = content + size;
    const [nameLength, name] = unsignedLeb128(wasm, content);
    const isCustom = wasm[at] === 0;
    if (!(isCustom && wasm.toString("latin1", name, name + nameLength) === "name")) kept.push(wasm.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/** The number that starts at `at`, and where it ends. */
function unsignedLeb128(bytes, at) {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at];
  }
}

function isCurrent(digest) {
  return fs.existsSync(STAMP) && RESULTS.every((file) => fs.existsSync(file))
    && fs.readFileSync(STAMP, "utf8") === (digest ?? inputDigest());
}

function inputDigest() {
  const hash = createHash("sha256");
  const visit = (relative) => {
    const stat = fs.statSync(path.join(ROOT, relative), { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of fs.readdirSync(path.join(ROOT, relative)).sort()) visit(`${relative}/${name}`);
    } else if (stat) {
      hash.update(`${relative} ${stat.size}\n`).update(fs.readFileSync(path.join(ROOT, relative)));
    }
  };
  INPUTS.forEach(visit);
  return hash.digest("hex");
}

/** All tools of worker-build, or one line on how to get them. */
function tools() {
  const [workerBuild, wasmBindgen] = cargoTools().map((tool) => tool.file);
  const own = { WASM_BINDGEN_BIN: wasmBindgen, WASM_OPT_BIN: npmBinary("wasm-opt"), ESBUILD_BIN: npmBinary("esbuild") };
  const missing = [workerBuild, npmBinary("node"), ...Object.values(own)].find((file) => !fs.existsSync(file));
  if (missing) throw new Failure(`The build tools are not complete (${path.basename(missing)} is missing): run npm run setup once.`);
  return { workerBuild, env: { ...toolEnvironment(), ...own, RUST_BACKTRACE: "0" } };
}
