// Runs the tool's code, with this process's input, output and environment as its own. Started by baton.mjs alone.
//
// Invariant: the code reaches nothing by itself: it has no folder, and WASI has no network. All else it asks for.

import fs from "node:fs";
import { WASI } from "node:wasi";

const code = new URL("./baton.wasm", import.meta.url);
const wasi = new WASI({ version: "preview1", args: ["baton", ...process.argv.slice(2)], env: process.env, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(fs.readFileSync(code), wasi.getImportObject());
process.exitCode = wasi.start(instance);
