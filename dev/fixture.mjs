// Makes tests/upgrade/VERSION: what this version leaves behind in its storage, for every later version to go on with.
//
//   node dev/fixture.mjs                    of this version, where there is none yet; `npm run release` does it
//   node dev/fixture.mjs --of FOLDER        of the version whose built clone is in FOLDER
//
// Invariant: a fixture is made once. A version that was released has the storage that it has; to change its fixture
// would be to test against a storage that nobody has. It is left by a SIGKILL of every process of the gate at once.
//
// Deliberately not here: what is played (story.mjs), how storage becomes text (storage.mjs).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { choosePort } from "./gate.mjs";
import { dump } from "./storage.mjs";
import { startRecorder, tell } from "./story.mjs";
import { Failure, fail } from "./terminal.mjs";
import { ROOT, nodeBinary, toolEnvironment } from "./tools.mjs";

// The secrets of tests/runtime/gate.rs, whose gates go on with the storage.
const APP_SECRET = "app secret of the runtime tests";
const ADMIN_TOKEN = "token of the operator";

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const [option, folder] = process.argv.slice(2);
    if (option !== undefined && (option !== "--of" || !folder)) throw new Failure("usage: node dev/fixture.mjs [--of FOLDER]");
    await makeFixture(folder && path.resolve(folder));
  } catch (error) {
    fail(error);
  }
  process.exit();
}

/** Makes the fixture of the version in this folder, unless it is there. Returns its folder. */
export async function makeFixture(clone = ROOT) {
  const { version } = JSON.parse(fs.readFileSync(path.join(clone, "package.json"), "utf8"));
  const fixture = path.join(ROOT, "tests", "upgrade", version);
  if (fs.existsSync(path.join(fixture, "story.json"))) {
    console.log(`tests/upgrade/${version} is there already, and stays as it is.`);
    return fixture;
  }
  const state = fs.mkdtempSync(path.join(os.tmpdir(), "baton-fixture-"));
  const bot = await startRecorder();
  try {
    const gate = await start({ clone, state, botUrl: `${bot.url}/webhook` });
    let story;
    try {
      story = await tell({ url: gate.url, secret: APP_SECRET, token: ADMIN_TOKEN, bot });
    } finally {
      await gate.kill();
    }
    const made = Date.now();
    // A fixture that is cut short must not be taken for one, so its story comes last.
    fs.rmSync(fixture, { recursive: true, force: true });
    await dump(state, fixture);
    fs.writeFileSync(path.join(fixture, "story.json"), `${JSON.stringify({ version, made_at_ms: made, ...story }, null, 1)}\n`);
    console.log(`Made tests/upgrade/${version}; commit it.`);
    return fixture;
  } finally {
    bot.close();
    fs.rmSync(state, { recursive: true, force: true });
  }
}

/** Starts the gate of a clone as the runtime tests do. */
async function start({ clone, state, botUrl }) {
  const port = await choosePort(0);
  const own = { META_APP_SECRET: APP_SECRET, META_APP_SECRET_PREVIOUS: "", META_VERIFY_TOKEN: "word of the shop", BOT_SECRET: "", ADMIN_TOKEN };
  const variables = Object.fromEntries(Object.entries(own).map(([name, value]) => [`BATON_VAR_${name}`, value]));
  const child = spawn(nodeBinary(), [path.join(clone, "dev", "start.mjs"), "--no-demo", "--no-play", "--bot", botUrl, "--port", String(port), "--state", state], {
    cwd: clone, env: { ...toolEnvironment(), ...variables }, stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = async () => {
    // The runtime first: nothing gets a chance to tidy up.
    for (const id of family(child.pid).reverse()) {
      try {
        process.kill(id, "SIGKILL");
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
    }
    await ended;
  };
  let printed = "";
  const url = await new Promise((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      printed += text;
      const [, ready] = /^ready (\S+)$/m.exec(printed) ?? [];
      if (ready) resolve(ready);
    });
    child.once("exit", () => reject(new Failure(`The gate in ${clone} ended while starting:\n${printed}`)));
  });
  return { url, kill };
}

/** A process and all that descend from it, parents before their children. Needs /proc, as a release does. */
function family(root) {
  const parents = new Map();
  for (const name of fs.readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      // The name of the program stands in parentheses and may hold anything, so what counts is behind the last one.
      const [, parent] = fs.readFileSync(`/proc/${name}/stat`, "utf8").split(")").at(-1).trim().split(" ");
      parents.set(Number(name), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [root];
  for (let at = 0; at < found.length; at += 1) {
    found.push(...[...parents].filter(([, parent]) => parent === found[at]).map(([id]) => id));
  }
  return found;
}
