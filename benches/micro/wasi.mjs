// Runs the micro-benchmarks as Wasm: `node benches/micro/wasi.mjs MICRO.WASM FOLDER [criterion's options]`.
//
// The program gets a clock, its arguments, and the folder for what it measures; nothing else.

import fs from "node:fs";
import { WASI } from "node:wasi";

const [file, folder, ...options] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: ["micro", ...options],
  env: { CRITERION_HOME: "/measured" },
  preopens: { "/measured": folder },
  returnOnExit: true,
});
const { instance } = await WebAssembly.instantiate(fs.readFileSync(file), wasi.getImportObject());
process.exitCode = wasi.start(instance);
