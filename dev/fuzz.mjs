// Runs the fuzz targets of fuzz/: for a while, for the ten seconds of npm test, or once with the file of a find.
//
// It runs on whatever Node the developer has and uses Node's own modules only, as run.mjs does.
//
// Invariant: what npm test checks is the same everywhere. The seeds are replayed with the stable toolchain alone; only
// the search beyond them needs libFuzzer, and where that cannot be built one line says so. A find ends with what
// broke, what the input says, and the command that shows it again.
//
// Why not cargo-fuzz, and why no nightly toolchain: docs/decisions/0009-fuzzing.md.
//
// Deliberately not here: what the targets check, and their seeds (fuzz/src).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { Failure, dim, fail, green, quietly, red, secondsSince, span } from "./terminal.mjs";
import { ROOT, toolEnvironment } from "./tools.mjs";

const HELP = `npm run fuzz                              every target, 60 seconds each
npm run fuzz -- TARGET … --seconds N      these targets, N seconds each
npm run fuzz -- TARGET --replay FILE      what the target makes of this input, and what the input says
npm run fuzz -- --short                   what npm test runs: the seeds, then 10 seconds each
`;

const FUZZ = path.join(ROOT, "fuzz");
const MANIFEST = ["--manifest-path", path.join(FUZZ, "Cargo.toml"), "--locked"];
const TARGETS = fs.readdirSync(path.join(FUZZ, "fuzz_targets")).map((file) => path.parse(file).name).sort();
// A folder of its own: the gate's library is a cdylib too, so Cargo gives its file no hash, and the library as the fuzz
// targets see it would take the place of the one that the tests are linked with.
const TARGET_DIR = path.resolve(ROOT, process.env.CARGO_TARGET_DIR || "target", "fuzz");
const SEEDS = path.join(TARGET_DIR, "fuzz-seeds");

const SECONDS = 60;
const SHORT_SECONDS = 10;
const HEARTBEAT_MS = 60_000;
// One input may take this long, and this much memory: far more than any needs, far less than a developer waits for.
const LIMITS = ["-timeout=10", "-rss_limit_mb=1024"];
// libFuzzer's weighing of inputs by how rare it is what they reach costs as much as the conversations themselves, and
// within seconds to minutes a plain choice tries twice as many and reaches more.
const PLAIN_CHOICE = "-entropic=0";
// The longest input that is tried. The largest sample has 3 KB; a step of a conversation has 4 bytes.
const MAX_LEN = { conversation: 240 };
const MAX_LEN_OTHERS = 8192;
// What cargo-fuzz gives rustc, without a sanitizer: the crate forbids unsafe code, so there is nothing for one to see.
// All of these are options of the stable compiler.
const INSTRUMENTED = [
  "--cfg=fuzzing",
  "-Cpasses=sancov-module",
  ...["level=4", "inline-8bit-counters", "pc-table", "trace-compares"].map((what) => `-Cllvm-args=-sanitizer-coverage-${what}`),
];

const env = { ...toolEnvironment(), RUST_BACKTRACE: "0" };
const children = new Set();
// Whoever started us is gone: nothing of ours is left to run for hours.
const end = () => {
  for (const child of children) child.kill("SIGKILL");
  process.exit(130);
};
process.on("disconnect", end).on("SIGINT", end).on("SIGTERM", end).on("SIGHUP", end);

try {
  await main(parse(process.argv.slice(2)));
} catch (error) {
  fail(error);
} finally {
  // The channel to whoever started us would keep this process alive.
  if (process.connected) process.off("disconnect", end).disconnect();
}

function parse(argv) {
  const options = { targets: [], seconds: SECONDS, replay: [], short: false, help: false };
  const value = (name, text) => {
    if (!text) throw new Failure(`${name} needs a value; npm run fuzz -- --help lists the options`);
    return text;
  };
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at];
    if (word === "--help") options.help = true;
    else if (word === "--short") options.short = true;
    else if (word === "--seconds") options.seconds = wholeNumber(value(word, argv[(at += 1)]));
    else if (word === "--replay") options.replay.push(value(word, argv[(at += 1)]));
    else if (TARGETS.includes(word)) options.targets.push(word);
    else throw new Failure(`There is no target or option "${word}"; the targets are ${TARGETS.join(", ")}`);
  }
  if (options.replay.length > 0 && options.targets.length !== 1) throw new Failure("--replay goes with the name of one target");
  return options;
}

function wholeNumber(text) {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Failure(`--seconds takes a whole number from 1, not "${text}"`);
  return Number(text);
}

async function main({ targets, seconds, replay, short, help }) {
  if (help) return process.stdout.write(HELP);
  if (replay.length > 0) {
    const argv = ["run", "--quiet", ...MANIFEST, "--bin", targets[0], "--", ...replay.map((file) => path.resolve(file))];
    process.exitCode = (await run("cargo", argv, { stdio: "inherit" })).code;
    return;
  }
  if (short) await replaySeeds();
  const missing = whatIsMissing();
  if (missing && !short) throw new Failure(`The fuzz targets cannot be built here: ${missing}.`);
  if (missing) return console.log(`The fuzz targets were replayed with their seeds, and not searched further: ${missing}.`);
  await search(targets.length > 0 ? targets : TARGETS, { seconds: short ? SHORT_SECONDS : seconds, keep: !short });
}

/** Every target with everything that it starts from, on the stable toolchain, without libFuzzer. */
async function replaySeeds() {
  const start = Date.now();
  await quietly("replaying the seeds of the fuzz targets", "cargo", ["test", ...MANIFEST, "--target-dir", TARGET_DIR], {
    env, cwd: ROOT, hint: "If Cargo.lock has changed, fuzz/Cargo.lock follows with: cargo update --workspace --manifest-path fuzz/Cargo.toml",
  });
  console.log(`The seeds of ${TARGETS.length} fuzz targets hold ${dim(`(${span(secondsSince(start))})`)}`);
}

/** Why the targets cannot be linked with libFuzzer here, and what to do; `undefined` where they can. */
function whatIsMissing() {
  if (process.platform !== "linux") return "libFuzzer is linked on Linux only";
  const [compiler] = (process.env.CXX || "c++").split(" ");
  if (spawnSync(compiler, ["--version"], { env }).status !== 0) {
    return `libFuzzer needs a C++ compiler, and there is no ${compiler}: apt-get install g++ (Fedora: dnf install gcc-c++)`;
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "baton-fuzz-"));
  try {
    const argv = [...INSTRUMENTED, "--crate-type=lib", "--emit=obj", "-o", path.join(folder, "empty.o"), "-"];
    const knows = spawnSync("rustc", argv, { env, cwd: ROOT, input: "#![no_std]" }).status === 0;
    return knows ? undefined : "this rustc does not know LLVM's coverage pass: use the one of rustup";
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Searches with each target for some seconds. What is found on the way is kept for the next time where `keep` says so. */
async function search(targets, { seconds, keep }) {
  const host = /^host: (.*)$/m.exec(spawnSync("rustc", ["-vV"], { env, cwd: ROOT, encoding: "utf8" }).stdout)?.[1];
  if (!host) throw new Failure("rustc does not say for which machine it compiles: install Rust with rustup (https://rustup.rs)");
  const start = Date.now();
  await quietly("writing the seeds", "cargo", ["run", ...MANIFEST, "--target-dir", TARGET_DIR, "--example", "seeds", "--", SEEDS], { env, cwd: ROOT });
  // With --target the options are for the targets alone, not for the build scripts that run on the way; and in this
  // form they stand in for any that the developer has set for the project.
  const instrumented = { ...env, CARGO_ENCODED_RUSTFLAGS: INSTRUMENTED.join("\u001f") };
  const argv = ["build", ...MANIFEST, "--target-dir", TARGET_DIR, "--release", "--bins", "--target", host];
  await quietly("building the fuzz targets", "cargo", argv, { env: instrumented, cwd: ROOT });
  console.log(`Fuzzing ${targets.join(", ")} for ${span(seconds)} each ${dim(`(built in ${span(secondsSince(start))})`)}`);

  const waiting = [...targets];
  let finds = 0;
  const worker = async () => {
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      const isSound = await searchWith(target, path.join(TARGET_DIR, host, "release", target), { seconds, keep });
      if (!isSound) finds += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(os.cpus().length, targets.length) }, worker));
  if (finds > 0) throw new Failure(`${finds} of ${targets.length} fuzz targets found something. A find becomes a named test in tests/native before it is mended.`);
}

/** Returns whether nothing was found. */
async function searchWith(target, file, { seconds, keep }) {
  const corpus = keep ? path.join(FUZZ, "corpus", target) : fs.mkdtempSync(path.join(os.tmpdir(), "baton-corpus-"));
  const artifacts = path.join(FUZZ, "artifacts", target);
  for (const folder of [corpus, artifacts]) fs.mkdirSync(folder, { recursive: true });
  const words = path.join(SEEDS, `${target}.dict`);
  const argv = [
    corpus, path.join(SEEDS, target), ...(fs.existsSync(words) ? [`-dict=${words}`] : []), ...LIMITS, PLAIN_CHOICE,
    `-max_len=${MAX_LEN[target] ?? MAX_LEN_OTHERS}`, `-max_total_time=${seconds}`, `-artifact_prefix=${artifacts}${path.sep}`, "-print_final_stats=1",
  ];
  try {
    const { code, output } = await run(file, argv, { heartbeat: target });
    const last = (pattern) => [...output.matchAll(pattern)].at(-1)?.[1];
    if (code === 0) {
      const count = (text) => Number(text ?? 0).toLocaleString("en");
      const tried = `${count(last(/number_of_executed_units:\s*(\d+)/g))} inputs, ${count(last(/average_exec_per_sec:\s*(\d+)/g))} a second`;
      console.log(`${green("✓")} ${target}: ${tried}, ${count(last(/ cov: (\d+)/g))} places reached`);
      return true;
    }
    // A panic aborts, and to libFuzzer that is a signal like any other.
    const how = last(/SUMMARY: libFuzzer: (.*)/g)?.replace("deadly signal", "a check failed") ?? `ended with ${code}`;
    console.error(`${red("✗")} ${target}: ${how}`);
    const broke = /^thread .* panicked at [\s\S]*?(?=\n(?:note: |==\d+==|stack backtrace))/m.exec(output)?.[0] ?? output.slice(-2_000);
    console.error(broke.slice(0, 4_000));
    const find = last(/Test unit written to (.*)/g);
    if (find) console.error(`Once more, with what the input says: npm run fuzz -- ${target} --replay ${path.relative(ROOT, find)}`);
    return false;
  } finally {
    if (!keep) fs.rmSync(corpus, { recursive: true, force: true });
  }
}

/** Runs a process; resolves with its exit code and the end of its output, and says each minute how far it is. */
function run(file, argv, { stdio = ["ignore", "pipe", "pipe"], heartbeat } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { env, cwd: ROOT, stdio });
    children.add(child);
    let output = "";
    // A long run writes megabytes; what counts stands at its end.
    const keep = (chunk) => { output = (output + chunk).slice(-200_000); };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const beat = heartbeat && setInterval(() => {
      const [, tried, places] = [...output.matchAll(/#(\d+)\s.* cov: (\d+)/g)].at(-1) ?? [];
      if (tried) console.log(dim(`  … ${heartbeat}: ${Number(tried).toLocaleString("en")} inputs, ${places} places reached`));
    }, HEARTBEAT_MS);
    child.on("error", (error) => reject(new Failure(`${file} could not be started: ${error.message}`)));
    child.on("close", (code) => {
      clearInterval(beat);
      children.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}
