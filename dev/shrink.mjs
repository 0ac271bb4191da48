// Makes what worker-build has built small: takes out what is never used, and puts the rest in the form that compresses best.
//
// Invariant: what is left does the same. Only classes that nothing in the script makes are taken out of it, and of the
// module only what the script does not name and nothing that it names needs.
//
// Deliberately not here: passes of wasm-opt that rest on promises about the code (that it never traps, that low memory
// is unused): a check that fails must end the request, whatever it costs.

import fs from "node:fs";
import path from "node:path";
import { placed, unplaced } from "./order.mjs";
import { quietly } from "./terminal.mjs";
import { ROOT, npmBinary } from "./tools.mjs";

const ENTRY = path.join(ROOT, "src", "edge", "entry.js");

// Classes that crates export to JavaScript for uses that the gate has none of.
const UNUSED = ["ContainerStartupOptions", "IntoUnderlyingByteSource", "IntoUnderlyingSink", "IntoUnderlyingSource", "MinifyConfig", "R2Range"];

// What worker-build makes uses features that only the runtime has; the short form of imports is one that compresses worse.
const FEATURES = ["--all-features", "--disable-compact-imports"];

// For the size of the *compressed* module: the usual `-O` alone makes it larger than no wasm-opt at all. Its inlining
// repeats code, and its order puts functions that are called often first, which shortens the module and tears apart what
// is alike (order.mjs). Alignments are hints that no engine of today uses, and packing the data is what compression does
// anyway. The names themselves go at last: they are of use only in profiles, and in stack traces, which a gate that does
// not panic never prints.
const PASSES = ["-O2", "--skip-pass=inlining-optimizing", "--skip-pass=reorder-functions", "--skip-pass=memory-packing", "--dealign"];
const WITHOUT_NAMES = ["--strip-debug", "--strip-producers", "--strip-target-features"];

// What wasm-bindgen calls things that cross the border ends in a digest, which does not compress.
const DIGESTED = /(?:__wbg_\w+_|wasm_bindgen__\w+__h)[0-9a-f]{16}\b/g;

/**
 * Shrinks the script and the module of the Worker, where they are. The script comes out with `src/edge/entry.js`, the
 * module that the runtime loads, around it; `named` is where the module goes with the names of its functions.
 */
export async function shrink(script, module, named, env) {
  const work = (what, tool, args) => quietly(what, npmBinary(tool), args, { env, all: true });
  fs.writeFileSync(script, withoutUnused(fs.readFileSync(script, "utf8")));
  const made = `${script}.made.js`;
  fs.renameSync(script, made);
  const bundling = ["--bundle", "--minify", "--format=esm", "--external:cloudflare:workers", "--external:./index_bg.wasm", `--alias:worker-build=${made}`];
  await work("bundling the script", "esbuild", [ENTRY, ...bundling, `--outfile=${script}`, "--log-level=warning"]);
  fs.rmSync(made);
  const graph = `${module}.graph.json`;
  fs.writeFileSync(graph, JSON.stringify(exportsNamedBy(fs.readFileSync(script, "utf8"), fs.readFileSync(module))));
  await work("taking out what is unused", "wasm-metadce", [module, ...FEATURES, "-g", "-f", graph, "-o", module]);
  fs.rmSync(graph);
  await work("making the module small", "wasm-opt", [module, ...FEATURES, ...PASSES, "-g", "-o", named]);
  rewrite(named, placed);
  await work("putting what is alike together", "wasm-opt", [named, ...FEATURES, "--reorder-functions-by-name", "-g", "-o", named]);
  rewrite(named, unplaced);
  withoutDigests(script, named);
  await work("taking the names out of the module", "wasm-opt", [named, ...FEATURES, ...WITHOUT_NAMES, "-o", module]);
  const text = fs.readFileSync(script, "utf8");
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(fs.readFileSync(module)));
  const missing = imports.find(({ name }) => !text.includes(name));
  if (missing) throw new Error(`the script does not have ${missing.name}, which the module imports`);
}

function rewrite(file, change) {
  fs.writeFileSync(file, change(fs.readFileSync(file)));
}

/**
 * Numbers what ends in a digest, in script and module alike. What it is called keeps its length, so nothing else moves.
 * In the module no boundary of words stands before a name: its length does, in a byte that may be a letter.
 */
function withoutDigests(...files) {
  const numbers = new Map();
  const numbered = (name) => {
    if (!numbers.has(name)) numbers.set(name, `_${String(numbers.size).padStart(name.length - 1, "0")}`);
    return numbers.get(name);
  };
  for (const file of files) rewrite(file, (bytes) => Buffer.from(bytes.toString("latin1").replace(DIGESTED, numbered), "latin1"));
}

/** The script without the classes that nothing makes; esbuild has written each of their parts from the start of a line. */
function withoutUnused(script) {
  for (const name of UNUSED) {
    const parts = [
      new RegExp(`^var ${name} = class \\{\\n[^]*?^\\};\\n`, "m"),
      new RegExp(`^if \\(Symbol\\.dispose\\) ${name}\\.prototype.*\\n`, "m"),
      new RegExp(`^var ${name}Finalization = [^]*?^\\}\\);\\n`, "m"),
      new RegExp(`^var ${name}2 = new Proxy\\(${name}, .*\\n`, "m"),
      new RegExp(`^  ${name}2 as ${name},\\n`, "m"),
    ];
    script = parts.reduce((rest, part) => rest.replace(part, ""), script);
    // One that is used after all, or written in another form: the module keeps what belongs to it.
    if (script.includes(name)) throw new Error(`dev/shrink.mjs cannot take ${name} out of the script`);
  }
  return script;
}

/** For wasm-metadce: of what the module exports, that which the script names is used. */
function exportsNamedBy(script, module) {
  const all = WebAssembly.Module.exports(new WebAssembly.Module(module)).map(({ name }) => name);
  const reaches = all.filter((name) => script.includes(`.${name}`));
  return [{ name: "script", root: true, reaches }, ...all.map((name) => ({ name, export: name }))];
}
