// Which tools the project uses, at which version, and where they are. Read by the set-up, which puts them there, and
// by the build, which only looks.
//
// Invariant: a version is named once. The npm tools have theirs in package-lock.json, the crates in Cargo.lock; only
// worker-build, which neither file names, has its version here.
//
// Deliberately not here: installing anything (setup.mjs).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { Failure } from "./terminal.mjs";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const WORKER_BUILD_VERSION = "0.8.7";
export const WASM_TARGET = "wasm32-unknown-unknown";

/** The folder of compiled tools, shared by all clones of this user. A version has a folder of its own. */
export function toolsFolder() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.resolve(process.env.BATON_TOOLS || path.join(cache, "baton", "tools"));
}

/** The two tools that cargo compiles. `wasm-bindgen` must have exactly the version of the crate it serves. */
export function cargoTools() {
  const tool = (crate, version, binary) => {
    const folder = path.join(toolsFolder(), `${crate}-${version}`);
    return { crate, version, binary, folder, file: path.join(folder, "bin", binary) };
  };
  return [
    tool("worker-build", WORKER_BUILD_VERSION, "worker-build"),
    tool("wasm-bindgen-cli", lockedVersion("wasm-bindgen"), "wasm-bindgen"),
  ];
}

function lockedVersion(crate) {
  const file = path.join(ROOT, "Cargo.lock");
  if (!fs.existsSync(file)) throw new Failure("Cargo.lock is missing: it belongs to the repository, restore it with git");
  const entry = new RegExp(`^name = "${crate}"\\nversion = "([^"]+)"`, "m").exec(fs.readFileSync(file, "utf8").replaceAll("\r\n", "\n"));
  if (!entry) throw new Failure(`Cargo.lock names no ${crate}: restore it with git`);
  return entry[1];
}

/** Whether a compiled tool is there and answers with its version. */
export function toolWorks({ file, version }) {
  const { status, stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.trim().split(" ").at(-1) === version;
}

export const npmBinary = (name) => path.join(ROOT, "node_modules", ".bin", name);
export const nodeBinary = () => npmBinary("node");

/** The environment of everything that is started: the pinned Node first, rustup's default folder last. */
export function toolEnvironment() {
  const cargoHome = process.env.CARGO_HOME || path.join(os.homedir(), ".cargo");
  // Right after installing rustup a shell has no cargo in its PATH yet; the folder is always the same.
  const folders = [path.join(ROOT, "node_modules", ".bin"), process.env.PATH ?? "", path.join(cargoHome, "bin")];
  return { ...process.env, PATH: folders.join(path.delimiter) };
}

/** Whether a process is still at work. One that has ended but was not collected by its parent (a zombie) is not. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  try {
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // No /proc here (macOS), where the first process collects all orphans.
    return true;
  }
}
