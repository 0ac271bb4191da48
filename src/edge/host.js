// What crosses the border between Wasm and the runtime in one piece, where the bindings of `worker` would cross it many
// times. Each crossing costs about as much as parsing a short text (docs/performance.md), and a webhook had some hundred.
//
// Invariant: nothing is decided here. A function takes what it is given to the runtime and brings back what the runtime
// says; what that means is written in Rust (`host.rs` and those who use it).
//
// Lists cross as text: rows of SQLite as JSON, headers as lines. Text is the only thing that crosses as a whole.
//
// Deliberately not here: anything that only the operator's API needs; there the bindings of `worker` will do.

// Wasm's futures are woken by this function, some twenty times for a webhook. The runtime's own is made for callbacks that
// may be anything and costs ten times what a settled promise does.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => {
  settled.then(task);
};

/** What `exchange` says where there is no status. */
const LOST = 0;
const TOO_LATE = -1;

/** Method, address, announced length and signature of a request, a line each; the last is missing where there is none. */
export function head(request) {
  const { headers } = request;
  const signature = headers.get("x-hub-signature-256");
  const known = `${request.method}\n${request.url}\n${headers.get("content-length") ?? ""}`;
  return signature === null ? known : `${known}\n${signature}`;
}

/** Headers of answers of each type, read by the runtime once. */
const usual = new Map();

/** An answer; `more` are further headers, as lines. */
export function answer(status, body, type, more) {
  let headers = usual.get(type);
  if (headers === undefined) {
    headers = new Headers({ "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" });
    usual.set(type, headers);
  }
  const answered = new Response(body, { status, headers });
  for (const [name, value] of Object.entries(fields(more))) answered.headers.set(name, value);
  return answered;
}

/** What an object answers to a text. */
export function ask(namespace, name, text) {
  return namespace.getByName(name).ask(text);
}

/** Runs a statement with values given as a JSON list; its rows as JSON, or nothing where there are none. */
export function query(sql, statement, values) {
  const cursor = values === "" ? sql.exec(statement) : sql.exec(statement, ...JSON.parse(values));
  const rows = cursor.raw().toArray();
  return rows.length === 0 ? undefined : JSON.stringify(rows);
}

/** Runs statements that bring no rows, all or none: `all` is a JSON list of lists, each a statement and its values. */
export function write(storage, all) {
  const { sql } = storage;
  const statements = JSON.parse(all);
  const run = () => {
    for (const statement of statements) sql.exec(...statement);
  };
  // A single statement is a transaction by itself.
  if (statements.length === 1) run();
  else storage.transactionSync(run);
}

/**
 * Posts a body and reads the answer as far as `bytesMax`, all within a time. Gives the status, as a number; with a
 * `retry-after` as text, the two with a space between; and one of the constants above where there is no status.
 */
export async function exchange(url, headers, body, withinMs, bytesMax) {
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(), withinMs);
  let ended = LOST;
  try {
    const answered = await fetch(url, { method: "POST", headers: fields(headers), body, redirect: "manual", signal });
    const retryAfter = answered.headers.get("retry-after");
    ended = retryAfter === null ? answered.status : `${answered.status} ${retryAfter}`;
    await readAway(answered, bytesMax);
  } catch {
    if (ended === LOST && signal.aborted) ended = TOO_LATE;
  } finally {
    clearTimeout(timer);
  }
  return ended;
}

/** Reads an answer to its end, or as far as `bytesMax`. */
async function readAway(answered, bytesMax) {
  const { headers, body } = answered;
  // What is compressed may be longer than it is announced.
  const announced = headers.has("content-encoding") ? null : headers.get("content-length");
  if (announced !== null && Number(announced) <= bytesMax) {
    await answered.arrayBuffer();
    return;
  }
  if (body === null) return;
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) break;
  }
}

/** Lines of names and values, as an object. */
function fields(lines) {
  const parts = lines.split("\n");
  const object = {};
  for (let at = 0; at + 1 < parts.length; at += 2) object[parts[at]] = parts[at + 1];
  return object;
}
