// Storage of a gate as SQL text, and back: how tests/upgrade keeps what released versions have left behind.
//
//   node dev/storage.mjs restore FIXTURE STATE    makes a storage folder of a fixture, as if it had been left just now
//
// Invariant: what is restored is what was dumped, file for file and row for row, but for its times. All times of a gate
// are numbers of milliseconds since 1970, or made of such a number in a way that FORMS names; each is moved by the same
// span, so that a hold that had twenty seconds to go has twenty seconds to go, in whatever year the test runs.
//
// Deliberately not here: what is in a fixture (story.mjs), and when one is made (fixture.mjs).

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

// Where `wrangler dev` keeps objects and KV, below --persist-to. Its caches and logs are not the gate's.
const KEPT = ["do", "kv"].map((name) => path.join("v3", name));
const STORY = "story.json";
const MINUTE_MS = 60_000n;
const HOUR_MS = 60n * MINUTE_MS;
// Times further from the moment of the dump than this are none: no time of a gate is kept or set for longer.
const WINDOW_MS = 40n * 24n * HOUR_MS;
const FOREVER_MS = 10_000_000_000_000n;
const CLASS = 100_000_000_000_000n;
const SEQ_PER_MS = 1_024n;
const NS_PER_MS = 1_000_000n;

// The forms in which a time is stored: how it is read from a number, and how a number is made of it.
const FORMS = [
  // As it is; the desk's tallies are kept by the minute and by the hour, and stay so.
  { read: (number) => number, write: (at, number) => at - (at % (number % HOUR_MS === 0n ? HOUR_MS : number % MINUTE_MS === 0n ? MINUTE_MS : 1n)) },
  // The runtime's alarms.
  { read: (number) => number / NS_PER_MS, write: (at, number) => at * NS_PER_MS + (number % NS_PER_MS) },
  // The order of events: several of one millisecond count on.
  { read: (number) => number / SEQ_PER_MS, write: (at, number) => at * SEQ_PER_MS + (number % SEQ_PER_MS) },
  // The desk's ranks, newest first; by class of conversation (desk/page.rs).
  ...[0n, CLASS, 2n * CLASS].map((base) => ({ read: (number) => base + FOREVER_MS - number, write: (at) => base + FOREVER_MS - at })),
];

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [, , command, ...folders] = process.argv;
  if (command !== "restore" || folders.length !== 2) {
    console.error("usage: node dev/storage.mjs restore FIXTURE STATE");
    process.exit(2);
  }
  await restore(...folders);
}

/** Writes what a storage folder holds into a folder of text files. Nothing may be using it. */
export async function dump(state, fixture) {
  const sqlite = await database();
  for (const file of KEPT.flatMap((folder) => filesIn(path.join(state, folder)))) {
    const target = path.join(fixture, path.relative(state, file));
    if (file.endsWith(".sqlite")) write(`${target}.sql`, statements(sqlite, file));
    else if (!/-(wal|shm)$/.test(file)) write(target, fs.readFileSync(file));
  }
}

/** Makes a storage folder of a fixture. Its story, with its times moved too, is then in the folder as well. */
export async function restore(fixture, state, now = Date.now()) {
  const sqlite = await database();
  const { made_at_ms: made } = JSON.parse(fs.readFileSync(path.join(fixture, STORY), "utf8"));
  const move = (text) => moved(text, BigInt(made), BigInt(now) - BigInt(made));
  for (const file of filesIn(fixture)) {
    const target = path.join(state, path.relative(fixture, file));
    if (file.endsWith(".sqlite.sql")) {
      fs.mkdirSync(path.dirname(target), { recursive: true });
      const opened = new sqlite.DatabaseSync(target.slice(0, -".sql".length));
      // The runtime's own setting; a file in another mode would have to be converted while it is in use.
      opened.exec(`PRAGMA journal_mode = WAL;\nBEGIN;\n${move(fs.readFileSync(file, "utf8"))}\nCOMMIT;`);
      opened.close();
    } else {
      write(target, move(fs.readFileSync(file, "utf8")));
    }
  }
}

/** The text with every time in it moved by a span. Numbers within names, ids and bytes are none. */
export function moved(text, made, span) {
  return text.replace(/(?<![0-9A-Za-z_.]|x')\d{13,19}(?![0-9A-Za-z_.])/g, (digits) => {
    const number = BigInt(digits);
    const distance = (at) => (at > made ? at - made : made - at);
    const form = FORMS.find(({ read }) => distance(read(number)) < WINDOW_MS);
    return form ? String(form.write(form.read(number) + span, number)) : digits;
  });
}

/** SQLite comes with Node; it says each time that this is new. */
async function database() {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return await import("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

function statements(sqlite, file) {
  const opened = new sqlite.DatabaseSync(file);
  try {
    const made = opened.prepare("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY type = 'index', rowid").all();
    const lines = made.map(({ sql }) => `${sql};`);
    for (const { name } of made.filter(({ type }) => type === "table")) {
      const rows = opened.prepare(`SELECT * FROM "${name}"`);
      rows.setReadBigInts(true);
      for (const row of rows.all()) lines.push(`INSERT INTO "${name}" VALUES (${Object.values(row).map(literal).join(", ")});`);
    }
    return `${lines.join("\n")}\n`;
  } finally {
    opened.close();
  }
}

function literal(value) {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}

function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function write(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
}
