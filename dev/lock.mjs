// A lock among the processes of one clone: several may ask for the same build, one does it, the others find its result.
//
// Invariant: a lock whose owner has died is taken over, so nobody waits for ever.
//
// Deliberately not here: what is locked (build.mjs, web.mjs).

import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./tools.mjs";

const POLL_MS = 200;

/** Waits until the file is this process's, and resolves with what gives it back. */
export async function lock(file) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  for (;;) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: "wx" });
      const unlock = () => fs.rmSync(file, { force: true });
      process.once("exit", unlock);
      return unlock;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (ownerIsDead(file)) fs.rmSync(file, { force: true });
      else await sleep(POLL_MS);
    }
  }
}

function ownerIsDead(file) {
  // An empty file is a lock being written this very moment, and a missing one has just been released.
  const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  return text !== "" && !isAlive(Number(text));
}
