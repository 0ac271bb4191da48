// What `npm run bench` does once the set-up is done: builds the Worker as it is released and the program that measures
// it (benches/gate), and runs that.
//
// Invariant: the program is built before anything is measured and then runs alone, without cargo and with this process
// asleep; when this process ends, for whatever reason, the program ends, and with it every runtime that it has started.
//
// Deliberately not here: what is measured, and its options (bench-options.mjs).

import path from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { parseOptions, words } from "./bench-options.mjs";
import { Failure, fail, quietly } from "./terminal.mjs";
import { ROOT, nodeBinary, toolEnvironment } from "./tools.mjs";

const env = toolEnvironment();
let child;
// The interruption reaches the program too, where it comes from a terminal; killing it once more does no harm.
const end = () => {
  child?.kill("SIGKILL");
  process.exit(130);
};
process.on("disconnect", end).on("SIGINT", end).on("SIGTERM", end).on("SIGHUP", end);

try {
  process.exitCode = await bench(parseOptions(process.argv.slice(2)));
} catch (error) {
  fail(error);
} finally {
  // The channel to whoever started us would keep this process alive.
  if (process.connected) process.off("disconnect", end).disconnect();
}

async function bench(options) {
  if (process.platform !== "linux") throw new Failure("npm run bench takes its figures from /proc, which only Linux has.");
  if (spawnSync(nodeBinary(), [path.join(ROOT, "dev", "build.mjs")], { env, cwd: ROOT, stdio: "inherit" }).status !== 0) return 1;
  const argv = ["build", "--locked", "--profile", "bench", "--bench", "gate", "--message-format=json-render-diagnostics"];
  const built = await quietly("building the measurement", "cargo", argv, { env, cwd: ROOT, hint: "See the lines above." });
  const artifacts = built.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const file = artifacts.find(({ target, executable }) => executable && target.name === "gate")?.executable;
  if (!file) throw new Failure("cargo has built the measurement and does not say where it is.");
  return run(file, words(options));
}

/** Runs the program with our terminal; resolves with its exit code. */
function run(file, argv) {
  return new Promise((resolve, reject) => {
    child = spawn(file, argv, { env: { ...env, NODE: nodeBinary() }, cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => reject(new Failure(`${file} could not be started: ${error.message}`)));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
