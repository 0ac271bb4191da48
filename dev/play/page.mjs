// Builds the playground's page, web/play → target/play, and reads it into memory.
//
// Invariant: what is served is what the sources say. A folder is named by the digest of all that goes into it and gets
// that name as the last step, so an interrupted build leaves nothing that is taken for complete, and several builds at
// once do not disturb each other.
//
// Deliberately not here: serving it (server.mjs), and the desk's page, which is deployed; this one never is.

import fs from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { quietly } from "../terminal.mjs";
import { ROOT, nodeBinary, toolEnvironment } from "../tools.mjs";

const TARGET = path.join(ROOT, "target", "play");
// Files and folders that can change the result.
const INPUTS = ["web/play", "web/tsconfig.json", "package-lock.json", "dev/play/page.mjs"];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

/** The files of the page by their path below /play: { type, bytes } each. */
export async function readPage() {
  const folder = path.join(TARGET, inputDigest());
  if (!fs.existsSync(folder)) await build(folder);
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(files.map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    return [path.relative(folder, file).split(path.sep).join("/"), { type, bytes: fs.readFileSync(file) }];
  }));
}

async function build(folder) {
  fs.mkdirSync(TARGET, { recursive: true });
  const work = fs.mkdtempSync(path.join(TARGET, ".building-"));
  try {
    const vite = path.join(ROOT, "node_modules", "vite", "bin", "vite.js");
    const argv = [vite, "build", "--config", path.join("web", "play", "vite.config.ts"), "--outDir", work, "--emptyOutDir", "--logLevel", "warn"];
    await quietly("building the playground's page", nodeBinary(), argv, { env: toolEnvironment(), cwd: ROOT, hint: "Its sources are in web/play." });
    // Whoever comes second finds the same already there.
    if (!fs.existsSync(folder)) fs.renameSync(work, folder);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function inputDigest() {
  const hash = createHash("sha256");
  const visit = (relative) => {
    const file = path.join(ROOT, relative);
    if (fs.statSync(file).isDirectory()) {
      for (const name of fs.readdirSync(file).sort()) visit(`${relative}/${name}`);
    } else {
      const bytes = fs.readFileSync(file);
      hash.update(`${relative} ${bytes.length}\n`).update(bytes);
    }
  };
  INPUTS.forEach(visit);
  return hash.digest("hex").slice(0, 16);
}
