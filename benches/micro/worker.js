// Verifies bodies in a Worker, by the benchmark's own Wasm or by WebCrypto: GET /wasm/BYTES/TIMES, GET /webcrypto/BYTES/TIMES.
//
// The Wasm is the program of main.rs, for which the little of WASI that it uses is here. A Worker's clock stands still
// while it computes, so nothing is timed here: whoever asks reads how long the process was busy (dev/micro.mjs).
//
// Deliberately not here: files, clocks and a terminal; the program is told that there are none.

import program from "micro.wasm";

const [SUCCESS, NONE] = [0, 8];
const secret = new TextEncoder().encode("the app secret of a measurement");
const algorithm = { name: "HMAC", hash: "SHA-256" };

export default {
  async fetch(request) {
    const [, hand, bytes, times] = new URL(request.url).pathname.split("/");
    if (hand === "wasm") run(["micro", "repeat", bytes, times]);
    else await verify(Number(bytes), Number(times));
    return new Response("ok");
  },
};

/** As src/edge/verify.rs does it, with a key that is imported each time. */
async function verify(bytes, times) {
  const [body, signature] = [new Uint8Array(bytes).fill(97), new Uint8Array(32)];
  for (let time = 0; time < times; time++) {
    const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["verify"]);
    if (await crypto.subtle.verify("HMAC", key, signature, body)) throw new Error("zeros are no signature");
  }
}

function run(words) {
  const texts = words.map((word) => new TextEncoder().encode(`${word}\0`));
  const view = () => new DataView(instance.exports.memory.buffer);
  const answers = {
    args_sizes_get(count, size) {
      view().setUint32(count, texts.length, true);
      view().setUint32(size, texts.reduce((sum, text) => sum + text.length, 0), true);
      return SUCCESS;
    },
    args_get(list, at) {
      texts.forEach((text, index) => {
        view().setUint32(list + 4 * index, at, true);
        new Uint8Array(instance.exports.memory.buffer).set(text, at);
        at += text.length;
      });
      return SUCCESS;
    },
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return SUCCESS;
    },
    environ_get: () => SUCCESS,
    random_get(at, length) {
      crypto.getRandomValues(new Uint8Array(instance.exports.memory.buffer, at, length));
      return SUCCESS;
    },
    proc_exit(code) {
      throw new Error(`the benchmark ended with ${code}`);
    },
  };
  const names = WebAssembly.Module.imports(program).map(({ name }) => name);
  const imports = Object.fromEntries(names.map((name) => [name, answers[name] ?? (() => NONE)]));
  const instance = new WebAssembly.Instance(program, { wasi_snapshot_preview1: imports });
  instance.exports._start();
}
