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
import { shrink } from "./shrink.mjs";
import { ROOT, cargoTools, npmBinary, toolEnvironment } from "./tools.mjs";
import { buildWeb } from "./web.mjs";

const BUILD = path.join(ROOT, "build");
const TARGET = path.join(ROOT, "target");
const STAMP = path.join(BUILD, ".baton-stamp");
const LOCK = path.join(BUILD, ".baton-lock");
const RESULTS = ["index.js", "index_bg.wasm"].map((name) => path.join(BUILD, name));
// The same module with the names of its functions, for profiles. Nothing imports it, so it is in no deployment.
const NAMED = path.join(BUILD, "index_bg.named.wasm");
const SNIPPET = "src/edge/host.js";
// Files and folders that can change the result.
const INPUTS = ["Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain.toml", ".cargo", "src", "dev/build.mjs", "dev/order.mjs", "dev/shrink.mjs", "dev/tools.mjs", "package-lock.json"];

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
    const folder = workerAlone();
    const asked = ["--release", "--out-dir", BUILD, folder, "--locked"];
    await quietly("building the Worker", workerBuild, asked, { env, cwd: folder, all: true });
    await shrink(...RESULTS, NAMED, env);
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
 * A package with the same sources that is the Worker and nothing else; its folder. The crate is a library of Rust as well,
 * for the tests and the tool, and a compiler that makes both at once keeps every public function of it as it is: a
 * thirtieth more of the compressed Worker. cargo has no switch for it that worker-build could pass on.
 */
function workerAlone() {
  const folder = path.join(TARGET, "worker");
  const both = 'crate-type = ["cdylib", "rlib"]';
  const manifest = fs.readFileSync(path.join(ROOT, "Cargo.toml"), "utf8").replaceAll("\r\n", "\n");
  if (!manifest.includes(both)) throw new Failure(`Cargo.toml no longer says ${both}, which dev/build.mjs looks for`);
  const alone = manifest
    .replace("[package]\n", '[package]\nbuild = "../../build.rs"\n')
    .replace(both, 'crate-type = ["cdylib"]\npath = "../../src/lib.rs"')
    .replace(/^\[\[(bin|test|bench)\]\]\n(.+\n)+/gm, "");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "Cargo.toml"), alone);
  fs.copyFileSync(path.join(ROOT, "Cargo.lock"), path.join(folder, "Cargo.lock"));
  // A script that the sources name is looked for in the package's own folder.
  fs.mkdirSync(path.join(folder, path.dirname(SNIPPET)), { recursive: true });
  fs.copyFileSync(path.join(ROOT, SNIPPET), path.join(folder, SNIPPET));
  return folder;
}

function isCurrent(digest) {
  return fs.existsSync(STAMP) && [...RESULTS, NAMED].every((file) => fs.existsSync(file))
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
  const needed = [workerBuild, npmBinary("node"), npmBinary("wasm-metadce"), ...Object.values(own)];
  const missing = needed.find((file) => !fs.existsSync(file));
  if (missing) throw new Failure(`The build tools are not complete (${path.basename(missing)} is missing): run npm run setup once.`);
  // NO_MINIFY: what is to be taken out of the script can be found by its name (shrink.mjs, which makes it small).
  return { workerBuild, env: { ...toolEnvironment(), ...own, CARGO_TARGET_DIR: TARGET, NO_MINIFY: "1", RUST_BACKTRACE: "0" } };
}
