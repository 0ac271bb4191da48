// Where the CPU of a Worker goes: takes a profile of some seconds by the inspector of workerd, writes it as a .cpuprofile
// that Chromium's tools open, and prints the time by function. The measurement runs it while it keeps the Worker busy
// (`npm run bench -- --profile N`, benches/gate/profile.rs).
//
//   node benches/profile.mjs ADDRESS SECONDS FILE
//
// Invariant: a function's own time is counted once for each sample, and the time of a function with all that it calls
// once for each sample in which it is on the stack, however often it is there.
//
// Deliberately not here: names of Wasm functions. The module that is profiled has them (dev/build.mjs).

import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const SAMPLE_EVERY_US = 200;
const ANSWER_WITHIN_MS = 30_000;
const LINES = 40;
const NAME_WIDTH = 110;
const NOT_WORK = new Set(["(root)", "(idle)"]);

const [address, seconds, file] = process.argv.slice(2);
setTimeout(() => fail("The inspector did not answer in time"), Number(seconds) * 1000 + 3 * ANSWER_WITHIN_MS).unref();
const profile = await take(`http://${address}`, Number(seconds));
fs.writeFileSync(file, JSON.stringify(profile));
print(summed(profile));

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** A profile of what the first isolate does in these seconds. */
async function take(url, duration) {
  const isolates = await (await fetch(`${url}/json`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })).json();
  const { webSocketDebuggerUrl } = isolates.find(({ id, title }) => /main/.test(id ?? title)) ?? isolates[0];
  const { call, close } = await connect(webSocketDebuggerUrl);
  await call("Profiler.enable");
  await call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
  await call("Profiler.start");
  await sleep(duration * 1000);
  const result = await call("Profiler.stop");
  close();
  return result.profile;
}

/** The inspector's protocol: numbered questions, answered in any order. */
async function connect(url) {
  const socket = new WebSocket(url);
  const waiting = new Map();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`Nobody answers at ${url}`)));
  });
  let last = 0;
  const call = (method, params = {}) => {
    const asked = Promise.withResolvers();
    waiting.set((last += 1), asked);
    setTimeout(() => asked.reject(new Error(`${method} was not answered`)), ANSWER_WITHIN_MS).unref();
    socket.send(JSON.stringify({ id: last, method, params }));
    return asked.promise;
  };
  return { call, close: () => socket.close() };
}

/** Microseconds by function: of its own, and with all that it calls. */
function summed({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const times = new Map();
  let total = 0;
  const of = (name) => times.get(name) ?? times.set(name, { own: 0, whole: 0 }).get(name);
  samples.forEach((sample, at) => {
    const own = names.get(sample);
    if (NOT_WORK.has(own)) return;
    total += timeDeltas[at];
    of(own).own += timeDeltas[at];
    const stack = new Set();
    for (let node = sample; node !== undefined; node = parents.get(node)) stack.add(names.get(node));
    stack.delete("(root)");
    for (const name of stack) of(name).whole += timeDeltas[at];
  });
  return { total, times };
}

function nameOf({ functionName, url, lineNumber }) {
  return functionName || `(${url.split("/").at(-1) || "without a name"}:${lineNumber + 1})`;
}

function print({ total, times }) {
  const share = (part) => `${((100 * part) / total).toFixed(1)} %`.padStart(7);
  for (const [by, title] of [["own", "of its own"], ["whole", "with what it calls"]]) {
    console.log(`\n    ms   share  ${title}`);
    const sorted = [...times].sort(([, one], [, other]) => other[by] - one[by]).slice(0, LINES);
    for (const [name, time] of sorted) console.log(`${(time[by] / 1000).toFixed(0).padStart(6)} ${share(time[by])}  ${name.slice(0, NAME_WIDTH)}`);
  }
  console.log(`\n${(total / 1000).toFixed(0)} ms of JavaScript and Wasm were at work.`);
}
