// What the three scripts here that drive a published Node SDK have in common: the command line, the clock, and the one
// line of JSON that says what the caller of the SDK got. pywa.py does the same for Python.
//
//   SCRIPT BASE_URL LINE_ID TOKEN OPERATION ARGUMENTS
//
//   text TO BODY | recipient BSUID BODY | template TO NAME LANGUAGE | media TO | read WAMID
//
// Invariant: exactly one line on standard output, and status 0, whenever the SDK's call came to an end, well or badly.
// An error that `describe` does not know is a defect of the script and ends it with status 1 and a stack.
//
// Deliberately not here: repeating a call, and any time limit. What a test wants to see is what the SDK does by itself.

const OPERATIONS = ["text", "recipient", "template", "media", "read"];

/** A picture of one pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

export const picture = () => new Blob([PNG], { type: "image/png" });

/**
 * `connect({ baseUrl, line, token })` makes the SDK's client and returns its operations; each resolves with some of
 * { id, media, success }. An operation that the SDK has not is left out. `describe(error)` gives
 * { class, status, code, message, details } of an error that a caller of the SDK may meet.
 */
export async function run(connect, describe) {
  const [baseUrl, line, token, operation, ...rest] = process.argv.slice(2);
  if (!OPERATIONS.includes(operation)) throw new Error(`unknown operation: ${operation}`);
  const operations = connect({ baseUrl, line, token });
  if (!operations[operation]) return print({ unsupported: true });
  // Filled in on the way, so that it is also known of a picture that was uploaded and then not sent.
  const result = { id: null, media: null, success: null };
  const start = performance.now();
  const ms = () => Math.round(performance.now() - start);
  try {
    await operations[operation](result, ...rest);
    print({ ok: true, ...result, ms: ms() });
  } catch (error) {
    const known = describe(error);
    if (!known) throw error;
    const fields = ["class", "status", "code", "message", "details"].map((name) => [name, known[name] ?? null]);
    print({ ok: false, error: Object.fromEntries(fields), media: result.media, ms: ms() });
  }
}

/** What `fetch` throws when there was no answer; Node keeps the reason in `cause`. */
export function noAnswer(error) {
  if (!(error instanceof TypeError) || error.message !== "fetch failed") return undefined;
  return { class: "TypeError", message: error.message, details: error.cause?.code ?? error.cause?.message };
}

const print = (line) => console.log(JSON.stringify(line));
