// Runs one command in a process group of its own and ends the whole group as soon as whoever started us is gone.
// `wrangler dev` starts workerd, and neither ends when the terminal, a test or a crashed parent goes away.
//
// Invariant: after this process has ended, no process of its group is left. It is started as a group leader, its
// parent holds an IPC channel to it, and the closing of that channel (stop, crash or SIGKILL alike) is the signal.
//
// Deliberately not here: anything about wrangler. Messages of the command are passed on to the parent unread.

import { spawn } from "node:child_process";

const GRACE_MS = 3_000;
const [file, ...argv] = process.argv.slice(2);
const child = spawn(file, argv, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
let ending = false;

child.on("message", (message) => process.connected && process.send(message));
child.on("error", (error) => { console.error(error.message); endGroup(); });
child.on("exit", (code, signal) => {
  console.error(`The command ended (${signal ?? `exit code ${code}`})`);
  endGroup();
});
process.on("disconnect", end).on("SIGTERM", end).on("SIGHUP", end).on("SIGINT", end);

function end() {
  if (ending) return;
  ending = true;
  child.kill("SIGTERM");
  setTimeout(endGroup, GRACE_MS);
}

/** Ends everything that is left of the group, this process included. */
function endGroup() {
  process.kill(-process.pid, "SIGKILL");
}
