// Starts the gate on the real runtime (`wrangler dev`) and stops it again.
//
// wrangler is given a configuration of its own, written for this run from wrangler.toml: the command line could pass
// variables too, but not leave one out, it splits values at colons, and it shows secrets in the list of processes.
// Secrets go into a .dev.vars beside that configuration, which wrangler reads from its folder and never prints.
//
// Invariant: nothing of a gate outlives the process that started it (leash.mjs), and it reaches nothing but
// 127.0.0.1: no metrics, no update check, no request for location data.
//
// Deliberately not here: which values the variables have (settings.mjs).

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./terminal.mjs";
import { ROOT, isAlive, nodeBinary, toolEnvironment } from "./tools.mjs";

const HOST = "127.0.0.1";
/** Where a gate on this port is; known before it starts, since the bot is told of it first. */
export const gateUrl = (port) => `http://${HOST}:${port}`;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 8_000;
// How long the last output may take through the pipes after the process has ended.
const LAST_OUTPUT_MS = 100;
const TAIL_LINES = 15;
// What wrangler says once the build has said what is wrong.
const BUILD_FAILED = /Process exited with non-zero status|Running custom build/;

/**
 * Resolves once the gate answers. `settings` is what settings.mjs made; `port` must be free, see `choosePort`.
 * `died` resolves with the last lines of output when the gate ends without having been stopped.
 */
export async function startGate({ settings, state, port, onTrouble }) {
  const run = path.join(state, "run");
  const log = path.join(state, "wrangler.log");
  claim(state);
  writeConfiguration(run, settings);
  const wrangler = path.join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
  const argv = ["dev", "--config", path.join(run, "wrangler.json"), "--ip", HOST, "--port", String(port), "--inspector-ip", HOST,
    "--inspector-port", String(await freePort()), "--persist-to", state, "--show-interactive-dev-session=false", "--local"];
  const child = spawn(nodeBinary(), [path.join(ROOT, "dev", "leash.mjs"), nodeBinary(), wrangler, ...argv], {
    cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"], env: environment(run),
  });
  const tail = [];
  const logFile = fs.createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(logFile, { end: false });
    watchLines(stream, tail, (line) => onTrouble?.(line));
  }

  let stopping = false;
  // "exit" and not "close": a channel that was disconnected from this side keeps "close" from ever coming.
  const ended = new Promise((resolve) => child.once("exit", () => resolve())).then(async () => {
    killGroup(child.pid);
    await sleep(LAST_OUTPUT_MS);
    logFile.end();
    fs.rmSync(run, { recursive: true, force: true });
  });
  const died = ended.then(() => (stopping ? new Promise(() => {}) : tail.slice(-TAIL_LINES)));
  const stop = async () => {
    stopping = true;
    if (child.connected) child.disconnect();
    const late = await Promise.race([ended, sleep(STOP_LIMIT_MS, "late", { ref: false })]);
    if (late) killGroup(child.pid);
    await ended;
  };

  const ready = new Promise((resolve) => child.on("message", (message) => {
    if (String(message).includes("DEV_SERVER_READY")) resolve("ready");
  }));
  const outcome = await Promise.race([ready, died, sleep(START_LIMIT_MS, "late", { ref: false })]);
  if (outcome !== "ready") {
    await stop();
    const why = outcome === "late" ? `did not start within ${START_LIMIT_MS / 1000} s` : "ended while starting";
    throw new Failure([...tail.slice(-TAIL_LINES), `wrangler dev ${why}; its whole output is in ${relative(log)}`].join("\n"));
  }
  return { url: gateUrl(port), port, log, died, stop };
}

function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

export const relative = (file) => {
  const short = path.relative(process.cwd(), file);
  return short.startsWith("..") ? file : short;
};

/** The wanted port if it is free, any free one for 0, else one line that says the fix. */
export async function choosePort(wanted) {
  try {
    return await freePort(wanted);
  } catch (error) {
    if (error.code === "EADDRINUSE") throw new Failure(`Port ${wanted} is taken: end what uses it, or choose another with --port N (0 picks a free one)`);
    if (error.code === "EACCES") throw new Failure(`Port ${wanted} may not be used by this user: choose one above 1023 with --port N`);
    throw error;
  }
}

function freePort(wanted = 0) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once("error", reject).listen(wanted, HOST, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Two runtimes on one storage folder corrupt each other's view, so the folder has one owner at a time. */
function claim(state) {
  fs.mkdirSync(state, { recursive: true });
  const file = path.join(state, "owner.pid");
  const owner = fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : 0;
  if (owner > 0 && owner !== process.pid && isAlive(owner)) {
    throw new Failure(`The storage folder ${relative(state)} is in use by process ${owner}: end that gate, or choose another folder with --state DIR`);
  }
  fs.writeFileSync(file, String(process.pid));
  process.once("exit", () => fs.rmSync(file, { force: true }));
}

function writeConfiguration(run, { config, vars, secrets }) {
  fs.rmSync(run, { recursive: true, force: true });
  fs.mkdirSync(run, { recursive: true, mode: 0o700 });
  const { assets, build, main, ...rest } = config;
  const own = {
    ...rest,
    main: path.resolve(ROOT, main),
    assets: { ...assets, directory: path.resolve(ROOT, assets.directory) },
    vars,
    assets: { ...assets, directory: path.resolve(ROOT, assets.directory) },
    // wrangler takes watch_dir relative to the configuration and cwd as it is.
    ...(build && { build: { ...build, cwd: ROOT, watch_dir: [build.watch_dir ?? "src"].flat().map((folder) => path.relative(run, path.resolve(ROOT, folder))) } }),
  };
  fs.writeFileSync(path.join(run, "wrangler.json"), JSON.stringify(own, null, 2), { mode: 0o600 });
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${quote(name, value)}\n`);
  fs.writeFileSync(path.join(run, ".dev.vars"), lines.join(""), { mode: 0o600 });
}

/** The dotenv format has no escapes in single quotes and backquotes, so one that the value does not contain will do. */
function quote(name, value) {
  const mark = ["'", "`"].find((candidate) => !value.includes(candidate));
  if (!mark) throw new Failure(`${name} contains both ' and \`, which .dev.vars cannot express`);
  return `${mark}${value}${mark}`;
}

function environment(run) {
  return {
    ...toolEnvironment(),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
    NO_COLOR: "1",
    FORCE_COLOR: "0",
    // The banner is what asks the registry for a newer version.
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_CACHE_DIR: path.join(run, "cache"),
    // Gates that run at once have the same name; in a shared registry they would find each other.
    WRANGLER_REGISTRY_PATH: path.join(run, "registry"),
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_WRITE_LOGS: "false",
    X_LOCAL_EXPLORER: "false",
    X_LOCAL_OBSERVABILITY: "false",
  };
}

/** Keeps the last lines, and reports those that start an error of wrangler, of the Worker, or of a build after a change. */
function watchLines(stream, tail, trouble) {
  let rest = "";
  stream.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const raw of lines) {
      const line = stripVTControlCharacters(raw).trimEnd();
      if (!line) continue;
      tail.push(line);
      if (tail.length > TAIL_LINES * 4) tail.shift();
      const [, built] = /^\[custom build\] (.*)/.exec(line) ?? [];
      if (built === undefined ? /\[ERROR\]|Uncaught/.test(line) && !BUILD_FAILED.test(line) : /^(error|Built|Failed|\s+-->)/.test(built)) {
        trouble(built ?? line);
      }
    }
  });
}
