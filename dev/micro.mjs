// `npm run bench:micro`: the micro-benchmarks natively and as Wasm, side by side; then who verifies a body faster in a
// Worker, Wasm or WebCrypto.
//
// Invariant: both sides are the same program (benches/micro), built as the Worker is: the profile `release`, and for Wasm
// the wasm-opt of the Worker's build. What is compared is the least of the samples, which is what the code takes where
// nobody else is at work; the median beside it says how far that was from being so. Where the clock of the runtime stands
// still, what counts is how long its process was busy, by the kernel's account.
//
// Deliberately not here: what is measured (benches/micro/cases.rs), and whole webhooks (benches/gate).

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { parse as parseToml } from "smol-toml";
import { Failure, fail, quietly } from "./terminal.mjs";
import { ROOT, nodeBinary, npmBinary, toolEnvironment } from "./tools.mjs";

const FOLDER = path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target"), "micro");
const WASM = path.join(FOLDER, "micro.wasm");
const TARGET = "wasm32-wasip1";
const KIB = 1024;
const SIZES = [1, 4, 8, 16, 32, 64, 256, 1024, 3072].map((kib) => kib * KIB);
const SAMPLES = 5;
/** Long enough for the kernel's ticks of 10 ms. */
const SAMPLE_MICROS = 250_000;
const TICK_MICROS = 10_000;
/** What the two take for a body, about: enough to choose how often a sample repeats it. */
const GUESS = { wasm: (bytes) => 2 + bytes / 370, webcrypto: (bytes) => 6 + bytes / 1500 };

const env = toolEnvironment();
try {
  await main(process.argv.slice(2));
} catch (error) {
  fail(error);
}

async function main(options) {
  fs.mkdirSync(FOLDER, { recursive: true });
  console.log("Building the micro-benchmarks, natively and as Wasm (some minutes the first time) …");
  const native = await build([]);
  await quietly("making the Wasm smaller", npmBinary("wasm-opt"), [await build(["--target", TARGET]), ...optimised(), "-o", WASM], { env });
  const under = ["--no-warnings", path.join(ROOT, "benches/micro/wasi.mjs"), WASM, path.join(FOLDER, "wasm")];
  const [ours, theirs] = [
    await measure("native", native, ["--bench", ...options]),
    await measure("wasm", nodeBinary(), [...under, "--bench", ...options]),
  ];
  compare(ours, theirs);
  if (options.length === 0) await inWorker();
}

/** The program, built. */
async function build(target) {
  const argv = ["bench", "--locked", "--profile", "release", "--bench", "micro", "--no-run", "--message-format=json", ...target];
  const output = await quietly("building the micro-benchmarks", "cargo", argv, { env, cwd: ROOT, hint: `For Wasm, rustup target add ${TARGET} once.` });
  const built = output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  return built.findLast(({ executable, target }) => executable && target?.name === "micro").executable;
}

/** What the Worker's build tells wasm-opt. */
function optimised() {
  return parseToml(fs.readFileSync(path.join(ROOT, "Cargo.toml"), "utf8")).package.metadata["wasm-pack"].profile.release["wasm-opt"];
}

/** Runs the program; nanoseconds, the least and the median, by the names of the cases, in their order. */
async function measure(side, file, argv) {
  const home = path.join(FOLDER, side);
  fs.rmSync(home, { recursive: true, force: true });
  fs.mkdirSync(home, { recursive: true });
  console.log(`Measuring, ${side} …`);
  await quietly("measuring", file, argv, { env: { ...env, CRITERION_HOME: home }, cwd: ROOT });
  const group = path.join(home, "micro");
  const folders = (fs.existsSync(group) ? fs.readdirSync(group) : []).map((name) => path.join(group, name, "new"));
  const measured = folders.filter((folder) => fs.existsSync(folder)).sort((one, other) => fs.statSync(one).mtimeMs - fs.statSync(other).mtimeMs);
  if (measured.length === 0) throw new Failure("No case was measured: is there one of that name?");
  const read = (folder, what) => JSON.parse(fs.readFileSync(path.join(folder, `${what}.json`), "utf8"));
  return new Map(measured.map((folder) => {
    const { times, iters } = read(folder, "sample");
    const least = Math.min(...times.map((time, at) => time / iters[at]));
    return [read(folder, "benchmark").function_id, { least, median: read(folder, "estimates").median.point_estimate }];
  }));
}

function compare(native, wasm) {
  const head = ["native", "(median)", "Wasm", "(median)", "ratio"].map((word) => word.padStart(11));
  console.log(`\n${"".padEnd(40)}${head.join("")}`);
  for (const [name, ours] of native) {
    const theirs = wasm.get(name);
    const times = [ours.least, ours.median, theirs.least, theirs.median].map(time);
    console.log(`${name.padEnd(40)}${times.join("")}${(theirs.least / ours.least).toFixed(2).padStart(11)}`);
  }
}

function time(nanos) {
  const [value, unit] = nanos < 1e3 ? [nanos, "ns"] : nanos < 1e6 ? [nanos / 1e3, "µs"] : [nanos / 1e6, "ms"];
  return `${value.toPrecision(3)} ${unit}`.padStart(11);
}

/** The same bodies in a Worker on workerd, by either hand. */
async function inWorker() {
  if (!fs.existsSync("/proc/self/stat")) return console.log("\nHow long a Worker is busy is asked of Linux, which this is not.");
  console.log("\nCPU of a Worker that verifies a body, on workerd; the first one in a fresh isolate, and one of many\n");
  console.log(`${"KiB".padStart(6)}${"Wasm, first".padStart(14)}${"then".padStart(12)}${"WebCrypto, first".padStart(18)}${"then".padStart(12)}${"ratio".padStart(8)}`);
  for (const bytes of SIZES) {
    const [wasm, webcrypto] = [await busy("wasm", bytes), await busy("webcrypto", bytes)];
    const [first, other] = [wasm, webcrypto].map(({ first }) => (first < TICK_MICROS ? "< 10 ms" : time(first * 1e3).trim()));
    console.log(`${String(bytes / KIB).padStart(6)}${first.padStart(14)}${time(wasm.then * 1e3)}${other.padStart(18)}${time(webcrypto.then * 1e3)}${(webcrypto.then / wasm.then).toFixed(2).padStart(8)}`);
  }
}

/** Microseconds for the first body, and the least for one of many. */
async function busy(hand, bytes) {
  const worker = await start();
  try {
    const times = Math.ceil(SAMPLE_MICROS / GUESS[hand](bytes));
    // What it takes to start at all, which is no part of it.
    await worker.ask(`/${hand}/${bytes}/0`);
    const first = await worker.ask(`/${hand}/${bytes}/1`);
    await worker.ask(`/${hand}/${bytes}/${times}`);
    const samples = [];
    for (let sample = 0; sample < SAMPLES; sample++) samples.push((await worker.ask(`/${hand}/${bytes}/${times}`)) / times);
    return { first, then: Math.min(...samples) };
  } finally {
    worker.stop();
  }
}

async function start() {
  const port = await freePort();
  fs.copyFileSync(path.join(ROOT, "benches/micro/worker.js"), path.join(FOLDER, "worker.js"));
  fs.writeFileSync(path.join(FOLDER, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js"), (name = "micro.wasm", wasm = embed "micro.wasm")],
  compatibilityDate = "2026-10-20",
);
`);
  const child = spawn(path.join(ROOT, "node_modules/workerd/bin/workerd"), ["serve", "config.capnp"], { cwd: FOLDER, stdio: ["ignore", "ignore", "inherit"] });
  const ticks = () => fs.readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ").at(-1).split(" ").slice(11, 13).reduce((sum, ticks) => sum + Number(ticks), 0);
  const ask = async (what) => {
    const before = ticks();
    const answer = await fetch(`http://127.0.0.1:${port}${what}`);
    if ((await answer.text()) !== "ok") throw new Failure(`the Worker answered ${answer.status} to ${what}`);
    return (ticks() - before) * TICK_MICROS;
  };
  for (let tries = 100; ; tries--) {
    try {
      await ask("/webcrypto/1/1");
      return { ask, stop: () => child.kill() };
    } catch (error) {
      if (tries === 0) throw error;
      await sleep(50);
    }
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
