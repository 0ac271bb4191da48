// The Python for tests that drive a published Python SDK or a tester: a virtual environment under target/python, with the packages
// of tests/runtime/sdk/requirements.txt and nothing else.
//
// Invariant: an environment that is found complete was made of these requirements, by this Python: both are in the
// digest that is its name, pip checks every package against the hash in the file, and the environment gets its name by
// a rename, as the last step. So an interrupted or a simultaneous run leaves nothing that is taken for complete.
//
// Deliberately not here: installing Python. Where there is none that is new enough, the caller leaves those tests out.

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { quietly } from "./terminal.mjs";
import { ROOT, isAlive } from "./tools.mjs";

const REQUIREMENTS = path.join(ROOT, "tests", "runtime", "sdk", "requirements.txt");
const FOLDER = path.join(ROOT, "target", "python");

// Debian keeps ensurepip, without which an environment has no pip, in a package of its own.
const FIT = "import ensurepip, sys, venv; print(sys.version, sys.base_prefix); sys.exit(sys.version_info < (3, 11))";

/** Resolves with the path of an interpreter, or with undefined where there is no Python 3.11 or newer with venv. */
export async function python() {
  const found = spawnSync("python3", ["-c", FIT], { encoding: "utf8" });
  if (found.status !== 0) return undefined;
  const digest = createHash("sha256").update(fs.readFileSync(REQUIREMENTS)).update(found.stdout).digest("hex");
  const environment = path.join(FOLDER, digest.slice(0, 16));
  if (!works(environment)) await make(environment);
  return interpreter(environment);
}

// An environment holds a link to the Python that made it, which may have gone.
function works(environment) {
  return spawnSync(interpreter(environment), ["-c", "import pywa, schemathesis"]).status === 0;
}

async function make(environment) {
  fs.mkdirSync(FOLDER, { recursive: true });
  removeOthers(environment);
  const work = fs.mkdtempSync(path.join(FOLDER, `.making-${process.pid}-`));
  try {
    await quietly("making a Python environment", "python3", ["-m", "venv", work], {
      hint: "On Debian and Ubuntu: apt-get install python3-venv.",
    });
    const options = ["--require-hashes", "--no-input", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    await quietly("installing Python packages", interpreter(work), ["-m", "pip", "install", ...options], {
      hint: "The same command tries again.",
    });
    // Whoever comes second keeps what is there. The scripts of the environment name its first folder and break by the
    // rename; its interpreter, the one thing that is used, finds itself.
    if (works(environment)) return;
    fs.rmSync(environment, { recursive: true, force: true });
    fs.renameSync(work, environment);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Environments of other requirements or another Python, and what a killed run left behind. */
function removeOthers(environment) {
  for (const name of fs.readdirSync(FOLDER)) {
    if (name === path.basename(environment)) continue;
    const pid = /^\.making-(\d+)-/.exec(name)?.[1];
    if (!pid || !isAlive(Number(pid))) fs.rmSync(path.join(FOLDER, name), { recursive: true, force: true });
  }
}

const interpreter = (environment) => path.join(environment, "bin", "python");
