// Set-up: brings a fresh clone to the point where the Worker can be built and run. Idempotent; a second run only looks.
//
// Invariant: nothing is fetched except through npm, rustup and cargo, each at the version that a committed file names;
// and an interrupted run leaves nothing that a later run would take for complete: a compiled tool is renamed into
// place as its last step, and the stamp of node_modules is written after npm has finished.
//
// Deliberately not here: building the Worker (build.mjs), and any configuration beyond a first .dev.vars.

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { Failure, dim, quietly, secondsSince, span } from "./terminal.mjs";
import { ROOT, WASM_TARGET, cargoTools, isAlive, nodeBinary, toolEnvironment, toolWorks, toolsFolder } from "./tools.mjs";

// A tool that runs for seconds a day needs no optimised build: these cut the compilation from 11 minutes to 3 min
// 20 s on two cores.
const QUICK_COMPILE = {
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
  CARGO_PROFILE_RELEASE_LTO: "off",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
  CARGO_PROFILE_RELEASE_DEBUG: "0",
};

export async function setup() {
  await installNodeModules();
  await addWasmTarget();
  await compileTools();
  copyDevVars();
}

async function installNodeModules() {
  const modules = path.join(ROOT, "node_modules");
  const stampFile = path.join(modules, ".baton-stamp");
  const lock = fs.readFileSync(path.join(ROOT, "package-lock.json"));
  // The platform is part of the stamp: a folder shared with another system holds that system's binaries.
  const stamp = createHash("sha256").update(lock).update(`${process.platform} ${process.arch}`).digest("hex");
  const current = fs.existsSync(stampFile) && fs.readFileSync(stampFile, "utf8") === stamp;
  if (!current) {
    console.log("Installing the npm packages (wrangler, Node 22, esbuild, binaryen; about 20 s) …");
    const npm = process.env.npm_execpath;
    const [file, first] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
    await quietly("installing npm packages", file, [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: ROOT,
      hint: "See the lines above; npm run setup tries again.",
    });
  }
  const version = spawnSync(nodeBinary(), ["--version"], { encoding: "utf8" });
  if (version.status !== 0) {
    throw new Failure("The Node 22 of node_modules is missing because npm did not run the package's install script: run npm rebuild node, then the same command again.");
  }
  if (!current) fs.writeFileSync(stampFile, stamp);
}

async function addWasmTarget() {
  const env = toolEnvironment();
  const run = (file, argv) => spawnSync(file, argv, { env, cwd: ROOT, encoding: "utf8" });
  // Run in the repository's root, where a rust-toolchain.toml has its effect.
  if (run("cargo", ["--version"]).status !== 0) {
    throw new Failure("Rust is missing or its toolchain cannot be loaded: install it with rustup (https://rustup.rs), then run the same command again.");
  }
  const sysroot = run("rustc", ["--print", "sysroot"]).stdout?.trim();
  if (sysroot && fs.existsSync(path.join(sysroot, "lib", "rustlib", WASM_TARGET))) return;
  if (run("rustup", ["--version"]).status !== 0) {
    throw new Failure(`This Rust has no ${WASM_TARGET} target and there is no rustup to add it: install Rust with rustup (https://rustup.rs).`);
  }
  console.log(`Adding Rust's ${WASM_TARGET} target …`);
  await quietly("adding the Wasm target", "rustup", ["target", "add", WASM_TARGET], { env, cwd: ROOT });
}

async function compileTools() {
  const missing = cargoTools().filter((tool) => !toolWorks(tool));
  if (missing.length === 0) return;
  needOpenSsl(missing);
  const folder = toolsFolder();
  fs.mkdirSync(folder, { recursive: true });
  removeLeftovers(folder);
  const work = fs.mkdtempSync(path.join(folder, `.compiling-${process.pid}-`));
  try {
    console.log(`Compiling ${missing.map((tool) => `${tool.crate} ${tool.version}`).join(" and ")}: once per machine, 3 to 10 minutes …`);
    const env = { ...toolEnvironment(), ...QUICK_COMPILE, CARGO_TARGET_DIR: path.join(work, "target") };
    // A caller's cross-compilation settings are meant for the project, not for tools that run here.
    for (const name of ["CARGO_BUILD_TARGET", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"]) delete env[name];
    for (const tool of missing) {
      const start = Date.now();
      const root = path.join(work, tool.crate);
      await quietly(`compiling ${tool.crate}`, "cargo", ["install", "--locked", "--root", root, `${tool.crate}@${tool.version}`], {
        env, cwd: ROOT, hint: "npm run setup tries again.",
      });
      place(root, tool);
      console.log(dim(`  ${tool.crate} ${tool.version} is ready, ${span(secondsSince(start))}`));
    }
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function place(root, tool) {
  // Two clones may set themselves up at once: whoever comes second keeps what is there, if it works.
  if (toolWorks(tool)) return;
  fs.rmSync(tool.folder, { recursive: true, force: true });
  fs.renameSync(root, tool.folder);
  if (!toolWorks(tool)) throw new Failure(`${tool.file} was compiled but does not run; remove ${tool.folder} and run npm run setup again.`);
}

/** worker-build links OpenSSL on Linux. Asking first saves minutes of compiling before the same answer. */
function needOpenSsl(missing) {
  if (process.platform !== "linux" || process.env.OPENSSL_DIR || !missing.some((tool) => tool.crate === "worker-build")) return;
  if (spawnSync("pkg-config", ["--exists", "openssl"]).status !== 0) {
    throw new Failure("worker-build needs OpenSSL's headers: apt-get install pkg-config libssl-dev (Fedora: dnf install pkgconf openssl-devel), then run the same command again.");
  }
}

/** What a killed set-up left behind: up to a gigabyte of object files. */
function removeLeftovers(folder) {
  for (const name of fs.readdirSync(folder)) {
    const pid = /^\.compiling-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

function copyDevVars() {
  const target = path.join(ROOT, ".dev.vars");
  if (fs.existsSync(target)) return;
  fs.copyFileSync(path.join(ROOT, ".dev.vars.example"), target);
  console.log("Wrote .dev.vars from .dev.vars.example (secrets for local use only; git ignores it).");
}
