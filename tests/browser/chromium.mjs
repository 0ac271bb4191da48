// Where this machine has a Chromium.
//
// It uses Node's own modules only, because dev/run.mjs asks before anything else is loaded.
//
// Deliberately not here: installing one. It is the system's to bring, and to keep up to date.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES = [
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  path.join(os.homedir(), "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
];

/** The Chromium of this machine, or one line on how to get one. */
export function findChromium() {
  const wanted = process.env.CHROMIUM;
  const onPath = (process.env.PATH ?? "").split(path.delimiter).flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  const found = (wanted ? [wanted] : [...onPath, ...PLACES]).find((file) => fs.existsSync(file));
  if (found) return found;
  if (wanted) throw new Error(`CHROMIUM names ${wanted}, which does not exist`);
  throw new Error("These tests need Chromium: apt-get install chromium (macOS: brew install --cask chromium), or name one in the variable CHROMIUM");
}
