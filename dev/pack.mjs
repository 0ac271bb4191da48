// The files of a release that are made for it: its package.json and lock file, wrangler.toml without the build, README,
// and the licences of what is compiled into it.
//
// Invariant: each is made of the repository's own file of that kind, so that nothing is said twice; a change there that
// these rules do not fit is an error, never a release with something missing.
//
// Deliberately not here: the rest of the archive (release.mjs).

import fs from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { parse as parseToml } from "smol-toml";
import { Failure } from "./terminal.mjs";
import { ROOT, toolEnvironment } from "./tools.mjs";

// What a deployment needs of npm: wrangler, and the Node that wrangler needs.
const DEPENDENCIES = ["node", "wrangler"];
// What Vite puts into the page.
const IN_PAGE = ["preact", "uplot"];
const WASM_TARGETS = ["wasm32-unknown-unknown", "wasm32-wasip1"];

/** The package.json of the archive. */
export function packageOf({ name, version, description, engines, type, devDependencies, allowScripts }) {
  const manifest = {
    name,
    version,
    private: true,
    description,
    license: "MIT OR Apache-2.0",
    type,
    engines,
    bin: { baton: "bin/baton.mjs" },
    scripts: { baton: "node bin/baton.mjs", deploy: "wrangler deploy", dev: "wrangler dev" },
    dependencies: Object.fromEntries(DEPENDENCIES.map((dependency) => [dependency, devDependencies[dependency]])),
    ...(allowScripts && { allowScripts }),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The part of the lock file that these dependencies need, with the same versions and checksums. */
export function shrinkwrapOf(own, lock) {
  const { dependencies } = JSON.parse(packageOf(own));
  const kept = new Map();
  const visit = (name, from, isOptional) => {
    const place = placeOf(lock.packages, name, from);
    if (!place && isOptional) return;
    if (!place) throw new Failure(`package-lock.json has no ${name} for ${from || "the archive"}: run npm install once`);
    if (kept.has(place)) return;
    const { dev: _, devOptional: __, ...entry } = lock.packages[place];
    kept.set(place, entry);
    for (const needed of Object.keys(entry.dependencies ?? {})) visit(needed, place, false);
    for (const needed of Object.keys({ ...entry.optionalDependencies, ...entry.peerDependencies })) visit(needed, place, true);
  };
  for (const name of DEPENDENCIES) visit(name, "", false);
  const { name, version, engines } = own;
  const packages = { "": { name, version, license: "MIT OR Apache-2.0", dependencies, bin: { baton: "bin/baton.mjs" }, engines } };
  for (const [place, entry] of [...kept].sort(([one], [other]) => (one < other ? -1 : 1))) packages[place] = entry;
  return `${JSON.stringify({ name, version, lockfileVersion: lock.lockfileVersion, requires: true, packages }, null, 2)}\n`;
}

/** Where a package finds another: beside its own, or further up. */
function placeOf(packages, name, from) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
    const place = `${folder}${folder && "/"}node_modules/${name}`;
    if (packages[place]) return place;
    if (!folder) return undefined;
  }
}

/** wrangler.toml for a folder in which everything is built. */
export function wranglerOf(text) {
  const without = text
    .replace(/(?:^#[^\n]*\n)*^\[build\]\n(?:[^\n[][^\n]*\n)+\n/m, "")
    .replace("built from web/ by the command above", "built");
  const { build, ...wanted } = parseToml(text);
  if (!build || JSON.stringify(parseToml(without)) !== JSON.stringify(wanted)) throw new Failure("wrangler.toml has changed in a way that dev/pack.mjs does not know: its block [build] could not be taken out");
  return without;
}

/** The README of the archive: docs/release.md, one folder higher. */
export function readmeOf(text) {
  return text.replaceAll(/\]\((?!https?:|#|\.\.\/)([^)]+)\)/g, "](docs/$1)").replaceAll("](../", "](");
}

/** The licences of all that is compiled into the Worker, the page and the tool. */
export function licences() {
  const texts = new Map();
  const add = (name, licence, folder) => {
    for (const file of fs.readdirSync(folder).filter((entry) => /^(licen[cs]e|copying|notice|unlicense)/i.test(entry)).sort()) {
      const whole = path.join(folder, file);
      if (!fs.statSync(whole).isFile()) continue;
      const text = fs.readFileSync(whole, "utf8").replaceAll("\r\n", "\n").trim();
      texts.set(text, [...(texts.get(text) ?? []), `${name} (${licence})`]);
    }
  };
  for (const { name, version, license, manifest_path: manifest } of crates()) add(`${name} ${version}`, license, path.dirname(manifest));
  for (const name of IN_PAGE) {
    const folder = path.join(ROOT, "node_modules", name);
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
    add(`${name} ${version}`, license, folder);
  }
  const sections = [...texts].map(([text, names]) => `${[...new Set(names)].sort().join("\n")}\n\n${text}\n`).sort();
  return ["The Worker, the page and the tool have in them the work of others, under these licences.\n", ...sections].join(`\n${"-".repeat(80)}\n\n`);
}

/** The crates of both Wasm builds, without those that only build or test. */
function crates() {
  const found = new Map();
  for (const target of WASM_TARGETS) {
    const { status, stdout, stderr } = spawnSync("cargo", ["metadata", "--locked", "--format-version", "1", "--filter-platform", target], { cwd: ROOT, env: toolEnvironment(), encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Failure(`cargo metadata failed: ${stderr.trim()}`);
    const { packages, resolve } = JSON.parse(stdout);
    const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
    const visited = new Set();
    const visit = (id) => {
      if (visited.has(id)) return;
      visited.add(id);
      found.set(id, packages.find((entry) => entry.id === id));
      for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) visit(pkg);
    };
    visit(resolve.root);
  }
  return [...found.values()].filter(({ source }) => source !== null);
}
