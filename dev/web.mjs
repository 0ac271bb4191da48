// Builds what Cloudflare serves as static files into web/dist: the desk's page (web/src → web/dist/desk) and whatever
// stands in web/public, as it is. Run by itself (`node dev/web.mjs`) or through `buildWeb()`.
//
// Invariant: web/dist holds what the sources say. A digest of everything that goes in is kept, and while it matches
// there is nothing to do. All that the desk may load weighs at most LIMIT_BYTES compressed, or the build fails. Several
// builds may be asked for at once: a lock lets one work, and the others find its result.
//
// Deliberately not here: fetching, and other folders of web/dist. What else is built there stays as it is.

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { lock } from "./lock.mjs";
import { Failure, fail, quietly, secondsSince, span } from "./terminal.mjs";
import { ROOT, nodeBinary, npmBinary, toolEnvironment } from "./tools.mjs";

const WEB = path.join(ROOT, "web");
const DIST = path.join(WEB, "dist");
const DESK = path.join(DIST, "desk");
const PUBLIC = path.join(WEB, "public");
// Everything in web/dist is served, so the stamp and the lock stand elsewhere.
const KEPT = path.join(ROOT, "build");
const STAMP = path.join(KEPT, ".baton-web-stamp");
const LOCK = path.join(KEPT, ".baton-web-lock");
const INPUTS = ["web/src", "web/play", "web/public", "web/vite.config.ts", "web/tsconfig.json", "dev/web.mjs", "package-lock.json"];
const LIMIT_BYTES = 150 * 1024;

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await buildWeb();
  } catch (error) {
    fail(error);
  }
}

export async function buildWeb() {
  if (isCurrent(inputDigest())) return;
  const tools = Object.fromEntries(["tsc", "vite"].map((name) => [name, npmBinary(name)]));
  const missing = [nodeBinary(), ...Object.values(tools)].find((file) => !fs.existsSync(file));
  if (missing) throw new Failure(`The build tools are not complete (${path.basename(missing)} is missing): run npm run setup once.`);
  const unlock = await lock(LOCK);
  try {
    const digest = inputDigest();
    if (isCurrent(digest)) return;
    const start = Date.now();
    console.log("Building the desk's page …");
    const run = (label, file, ...argv) => quietly(label, nodeBinary(), [file, ...argv], { env: toolEnvironment(), cwd: ROOT, all: true });
    await run("checking the page's types", tools.tsc, "-p", path.join("web", "tsconfig.json"));
    await run("building the page", tools.vite, "build", "--config", path.join("web", "vite.config.ts"), "--logLevel", "warn");
    const files = copyPublic();
    const weight = compressedSize(DESK);
    if (weight > LIMIT_BYTES) {
      throw new Failure(`The desk's page weighs ${kilobytes(weight)} compressed, more than ${kilobytes(LIMIT_BYTES)}: make it lighter, or raise LIMIT_BYTES in dev/web.mjs with a reason.`);
    }
    // The digest was taken before the build: a file saved meanwhile leads to one build too many, never to a stale one.
    fs.writeFileSync(STAMP, JSON.stringify({ digest, files }));
    console.log(`Built the desk's page in ${span(secondsSince(start))}: ${kilobytes(weight)} compressed, of at most ${kilobytes(LIMIT_BYTES)}.`);
  } finally {
    unlock();
  }
}

function kilobytes(bytes) {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

/** Copies web/public, and removes what was copied before and is no longer there. Returns what it copied. */
function copyPublic() {
  const files = filesIn(PUBLIC).map((file) => path.relative(PUBLIC, file));
  for (const file of readStamp().files.filter((old) => !files.includes(old))) fs.rmSync(path.join(DIST, file), { force: true });
  for (const file of files) {
    const target = path.join(DIST, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(PUBLIC, file), target);
  }
  return files;
}

function compressedSize(folder) {
  return filesIn(folder).reduce((sum, file) => sum + gzipSync(fs.readFileSync(file)).length, 0);
}

function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function readStamp() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, "utf8"));
  } catch {
    return { digest: "", files: [] };
  }
}

function isCurrent(digest) {
  const stamp = readStamp();
  return stamp.digest === digest && fs.existsSync(path.join(DESK, "index.html"))
    && stamp.files.every((file) => fs.existsSync(path.join(DIST, file)));
}

function inputDigest() {
  const hash = createHash("sha256");
  for (const input of INPUTS) {
    const whole = path.join(ROOT, input);
    const isFolder = fs.statSync(whole, { throwIfNoEntry: false })?.isDirectory();
    for (const file of isFolder ? filesIn(whole) : [whole]) {
      const content = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
      hash.update(`${path.relative(ROOT, file).replaceAll("\\", "/")} ${content.length}\n`).update(content);
    }
  }
  return hash.digest("hex");
}
