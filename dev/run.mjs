// The one entry of every npm script: `node dev/run.mjs start|test|fuzz|bench|setup|build|baton|bench:micro|release|screenshots [options]`.
//
// It runs on whatever Node the developer has (20 or newer) and before anything is installed, so it and everything it
// imports (options, setup, tools, terminal) use Node's own modules only. Once set-up is done it hands over to the
// Node 22 in node_modules, which wrangler needs.
//
// Invariant: when this process ends, for whatever reason, the process it handed over to ends too. The two are joined
// by an IPC channel, whose closing the other side notices even after a SIGKILL.
//
// Deliberately not here: what the commands do (start.mjs, build.mjs, fuzz.mjs, bench.mjs, micro.mjs, setup.mjs, release.mjs,
// screenshots.mjs), and the tool itself (cli/).

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const NODE_FLOOR = 20;
const [command = "help", ...args] = process.argv.slice(2);

if (Number(process.versions.node.split(".")[0]) < NODE_FLOOR) {
  console.error(`Node ${NODE_FLOOR} or newer is needed, this is ${process.versions.node}: install a current Node and run the same command again.`);
  process.exit(1);
}

const { Failure, fail } = await import("./terminal.mjs");
try {
  process.exitCode = await main();
} catch (error) {
  fail(error);
}

async function main() {
  const { setup } = await import("./setup.mjs");
  const { ROOT, nodeBinary, toolEnvironment } = await import("./tools.mjs");
  const here = (file) => path.join(ROOT, "dev", file);
  switch (command) {
    case "start": {
      const { parseOptions, HELP } = await import("./options.mjs");
      // Options are read before the set-up, so that a typing error costs a second and not minutes.
      if (parseOptions(args).help) {
        process.stdout.write(HELP);
        return 0;
      }
      await setup();
      return hand(nodeBinary(), [here("start.mjs"), ...args], { env: toolEnvironment() });
    }
    case "test": {
      await setup();
      const built = await hand(nodeBinary(), [here("build.mjs")], { env: toolEnvironment() });
      if (built !== 0) return built;
      const tested = await hand("cargo", ["test", "--locked", ...args], { env: toolEnvironment(), cwd: ROOT });
      // Whoever asks cargo for certain tests wants those.
      if (tested !== 0 || args.length > 0) return tested;
      const opened = await testInBrowser({ nodeBinary, toolEnvironment, ROOT });
      if (opened !== 0) return opened;
      return hand(process.execPath, [here("fuzz.mjs"), "--short"], { env: toolEnvironment() });
    }
    case "fuzz":
      return hand(process.execPath, [here("fuzz.mjs"), ...args], { env: toolEnvironment() });
    case "bench": {
      const { parseOptions, HELP } = await import("./bench-options.mjs");
      if (parseOptions(args).help) {
        process.stdout.write(HELP);
        return 0;
      }
      await setup();
      return hand(nodeBinary(), [here("bench.mjs"), ...args], { env: toolEnvironment(), cwd: ROOT });
    }
    case "setup":
      noArguments();
      await setup();
      console.log("Set-up is complete. Next: npm start");
      return 0;
    case "build":
      noArguments();
      return hand(process.execPath, [here("build.mjs")], { env: toolEnvironment() });
    case "baton":
      // Setting a gate up deploys it, which takes all the tools. What their set-up says is not the tool's output.
      if (args.find((word) => !word.startsWith("-")) === "setup") {
        const { status } = spawnSync(process.execPath, [here("run.mjs"), "setup"], { stdio: ["inherit", 2, 2] });
        if (status !== 0) return status ?? 1;
      }
      // cargo knows where it builds, and on Unix becomes the tool: signals and exit codes are the tool's own. With
      // --quiet only what is wrong is said of the build, and on standard error, so that standard output is the tool's.
      return hand("cargo", ["run", "--locked", "--quiet", "--bin", "baton", "--", ...args], { env: toolEnvironment(), cwd: ROOT });
    case "release":
      await setup();
      return hand(nodeBinary(), [here("release.mjs"), ...args], { env: toolEnvironment(), cwd: ROOT });
    case "bench:micro":
      await setup();
      return hand(nodeBinary(), [here("micro.mjs"), ...args], { env: toolEnvironment(), cwd: ROOT });
    case "screenshots":
      noArguments();
      await setup();
      return hand(nodeBinary(), [here("screenshots.mjs")], { env: toolEnvironment(), cwd: ROOT });
    default:
      throw new Failure(`There is no command "${command}": npm start, npm test, npm run fuzz, npm run bench, npm run bench:micro, npm run setup, npm run build, npm run baton, npm run release or npm run screenshots`);
  }
}

/** The tests in a browser, where there is one; elsewhere it is said how to get one, and is an error only where that is wanted. */
async function testInBrowser({ nodeBinary, toolEnvironment, ROOT }) {
  const folder = path.join(ROOT, "tests", "browser");
  const { findChromium } = await import("../tests/browser/chromium.mjs");
  try {
    findChromium();
  } catch (error) {
    if (process.env.BATON_REQUIRE_BROWSER === "1") throw new Failure(error.message);
    console.log(`The tests in a browser are left out. ${error.message}`);
    return 0;
  }
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).sort();
  // One at a time: each has gates of its own, and the machine may have two cores.
  return hand(nodeBinary(), ["--test", "--test-concurrency=1", ...files.map((name) => path.join(folder, name))], { env: toolEnvironment(), cwd: ROOT });
}

function noArguments() {
  if (args.length > 0) throw new Failure(`npm run ${command} takes no options, but was given "${args[0]}"`);
}

/** Runs a process with our terminal, passes signals on, and resolves with its exit code. */
function hand(file, argv, { env, cwd }) {
  return new Promise((resolve, reject) => {
    // Only our own scripts know what to do with the IPC channel.
    const ours = argv[0]?.endsWith(".mjs");
    const child = spawn(file, argv, { env, cwd, stdio: ["inherit", "inherit", "inherit", ...(ours ? ["ipc"] : [])] });
    // A terminal sends SIGINT to the child as well; ours ends once however often it is told to.
    const pass = (signal) => child.kill(signal);
    process.on("SIGTERM", pass).on("SIGHUP", pass).on("SIGINT", pass);
    child.on("error", (error) => reject(new Failure(`${file} could not be started: ${error.message}`)));
    child.on("exit", (code, signal) => {
      process.off("SIGTERM", pass).off("SIGHUP", pass).off("SIGINT", pass);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}
