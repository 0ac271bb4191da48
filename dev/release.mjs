// Makes dist/baton-VERSION.tgz: all that a deployment needs, for machines that have only Node. It is an npm package and
// a folder to work in. What it is for and how it is used: docs/release.md.
//
//   npm run release                    the archive, and the fixture of this version for the tests of later ones
//   npm run release -- --archive-only  the archive
//
// Invariant: the same sources make the same bytes: files are sorted, have one fixed time and one of two modes, and
// nothing of this machine is in their contents. What is in the archive is pinned by its npm-shrinkwrap.json, which is a
// part of the repository's own lock file.
//
// Deliberately not here: publishing it anywhere. Files of the archive that are made only for it (pack.mjs).

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { makeFixture } from "./fixture.mjs";
import { licences, packageOf, readmeOf, shrinkwrapOf, wranglerOf } from "./pack.mjs";
import { tar } from "./tar.mjs";
import { Failure, fail, quietly, secondsSince, span } from "./terminal.mjs";
import { ROOT, nodeBinary, toolEnvironment } from "./tools.mjs";

const DIST = path.join(ROOT, "dist");
const TOOL_TARGET = "wasm32-wasip1";
// What the archive has as it is in the repository, and where.
const AS_IS = [".dev.vars.example", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "build/index.js", "build/index_bg.wasm", "docs", "scenarios", "web/dist"];
// Pictures and records of decisions are for those who read the repository.
const LEFT_OUT = /^docs\/(?:img|decisions)\//;
const TOOL = { "bin/baton.mjs": "cli/node/baton.mjs", "bin/host.mjs": "cli/node/host.mjs", "bin/wasi.mjs": "cli/node/wasi.mjs" };
const EXECUTABLE = ["bin/baton.mjs"];

try {
  const options = process.argv.slice(2);
  if (options.some((option) => option !== "--archive-only")) throw new Failure("npm run release takes --archive-only and nothing else");
  await release({ archiveOnly: options.length > 0 });
} catch (error) {
  fail(error);
}
process.exit();

async function release({ archiveOnly }) {
  const start = Date.now();
  const own = JSON.parse(read("package.json"));
  // First what is quick, and may be wrong.
  const made = {
    "LICENSES.txt": licences(),
    "README.md": readmeOf(read("docs/release.md")),
    "npm-shrinkwrap.json": shrinkwrapOf(own, JSON.parse(read("package-lock.json"))),
    "package.json": packageOf(own),
    "wrangler.toml": wranglerOf(read("wrangler.toml")),
  };
  await run("building the Worker", nodeBinary(), [path.join(ROOT, "dev", "build.mjs")]);
  const wasm = await buildTool();
  const files = new Map([
    ...AS_IS.flatMap(filesIn).filter((file) => !LEFT_OUT.test(file)).map((file) => [file, fs.readFileSync(path.join(ROOT, file))]),
    ...Object.entries(TOOL).map(([name, source]) => [name, fs.readFileSync(path.join(ROOT, source))]),
    ["bin/baton.wasm", wasm],
    ...Object.entries(made),
  ].map(([name, content]) => [name, Buffer.from(content)]));
  files.set("SHA256SUMS", Buffer.from(sums(files)));
  const archive = gzip(tar("package", files, (name) => EXECUTABLE.includes(name)));

  const name = `baton-${own.version}.tgz`;
  fs.mkdirSync(DIST, { recursive: true });
  fs.writeFileSync(path.join(DIST, name), archive);
  fs.writeFileSync(path.join(DIST, "SHA256SUMS"), sums(new Map([[name, archive]])));
  describe(name, archive, files);
  if (!archiveOnly) await makeFixture();
  console.log(`Released in ${span(secondsSince(start))}.`);
}

/** The tool's code for bin/baton.mjs, without the paths of this machine. */
async function buildTool() {
  const env = { ...toolEnvironment(), CARGO_PROFILE_RELEASE_STRIP: "symbols" };
  const ask = (file, argv) => spawnSync(file, argv, { env, cwd: ROOT, encoding: "utf8" }).stdout?.trim() ?? "";
  const sysroot = ask("rustc", ["--print", "sysroot"]);
  if (!fs.existsSync(path.join(sysroot, "lib", "rustlib", TOOL_TARGET))) {
    console.log(`Adding Rust's ${TOOL_TARGET} target …`);
    await run("adding the target", "rustup", ["target", "add", TOOL_TARGET], env);
  }
  const cargoHome = env.CARGO_HOME || path.join(process.env.HOME ?? "", ".cargo");
  const names = [[ROOT, "baton"], [cargoHome, "cargo"], [sysroot, "rust"]].map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  console.log("Building the tool …");
  // Flags in this form may hold spaces; they are the only ones that count then.
  await run("building the tool", "cargo", ["build", "--locked", "--release", "--bin", "baton", "--target", TOOL_TARGET], { ...env, CARGO_ENCODED_RUSTFLAGS: names.join("\u001f") });
  const folder = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target");
  return fs.readFileSync(path.join(folder, TOOL_TARGET, "release", "baton.wasm"));
}

function run(label, file, argv, env = toolEnvironment()) {
  return quietly(label, file, argv, { env, cwd: ROOT, all: true });
}

function read(file) {
  return fs.readFileSync(path.join(ROOT, file), "utf8");
}

function filesIn(name) {
  const whole = path.join(ROOT, name);
  if (!fs.statSync(whole).isDirectory()) return [name];
  return fs.readdirSync(whole).flatMap((entry) => filesIn(`${name}/${entry}`));
}

function sums(files) {
  const line = ([name, content]) => `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
  return [...files].sort(([one], [other]) => (one < other ? -1 : 1)).map(line).join("");
}

/** Compressed, without the name of the system that did it. */
function gzip(bytes) {
  const OS_BYTE = 9;
  const UNKNOWN = 255;
  const zipped = gzipSync(bytes, { level: 9 });
  zipped[OS_BYTE] = UNKNOWN;
  return zipped;
}

function describe(name, archive, files) {
  const kilobytes = (bytes) => `${(bytes / 1024).toFixed(0)} KB`.padStart(9);
  const part = (label, wanted) => {
    const found = [...files].filter(([file]) => wanted.test(file)).map(([, content]) => content);
    const size = found.reduce((sum, content) => sum + content.length, 0);
    console.log(`  ${label.padEnd(28)}${kilobytes(size)}${kilobytes(gzipSync(Buffer.concat(found), { level: 9 }).length)} compressed`);
  };
  console.log(`dist/${name}: ${kilobytes(archive.length).trim()}, ${files.size} files`);
  part("the Worker", /^build\//);
  part("the desk's page", /^web\//);
  part("the tool", /^bin\//);
  part("documents and licences", /^docs\/|^[A-Z][^/]*$|\.md$/);
}
