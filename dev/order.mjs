// In which order the functions of a Wasm module compress best: a compressor finds what it can repeat in the last 32 KiB
// that it has read, so what is alike must lie close together.
//
// Invariant: functions are renamed here and nothing else. wasm-opt sorts them by the names that they get, and afterwards
// each has its own again.
//
// Deliberately not here: the best order of all, which nobody can afford to look for. Each function is followed by the one
// that repeats most of what stands before it.

/** How many bytes must be alike to count. */
const PIECE = 5;
/** How far back to look: less far than a compressor does, because between what stands there and here is more to come. */
const WINDOW = 20_000;
/** A piece that more functions have than this says nothing about any of them. */
const COMMON = 300;
/** Between the functions with the most repeated bytes (0) and those with the largest part of them repeated (1). */
const SHARE = 0.6;

const CUSTOM = 0;
const CODE = 10;
const FUNCTION_NAMES = 1;
/** Digits of a place, which stand before a name with a space between. */
const DIGITS = 5;

/** The module with the place of each function before its name. */
export function placed(module) {
  const imported = WebAssembly.Module.imports(new WebAssembly.Module(module)).filter(({ kind }) => kind === "function").length;
  const places = new Map(order(bodies(module)).map((number, place) => [imported + number, place]));
  return renamed(module, (name, number) => `${String(places.get(number) ?? 0).padStart(DIGITS, "0")} ${name}`);
}

/** The module without the places. */
export function unplaced(module) {
  return renamed(module, (name) => name.slice(DIGITS + 1));
}

/** The numbers of functions, from which to read them one after the other. */
function order(bodies) {
  const { pieces, users } = cut(bodies);
  const seen = new Uint16Array(users.length);
  const repeated = new Float64Array(bodies.length);
  const left = new Set(bodies.keys());
  const near = [];
  const order = [];
  // What many functions have is near wherever they are.
  const worth = users.map(({ length }) => (length > COMMON ? 0 : 1 / Math.log2(1 + length)));
  const count = (piece, sign) => {
    if (worth[piece] > 0) for (const user of users[piece]) repeated[user] += sign * worth[piece];
  };
  for (let length = 0, next = 0; next !== undefined; next = best(left, repeated, bodies)) {
    left.delete(next);
    order.push(next);
    near.push(next);
    length += bodies[next].length;
    for (const piece of pieces[next]) if (seen[piece]++ === 0) count(piece, 1);
    while (near.length > 1 && length - bodies[near[0]].length > WINDOW) {
      const last = near.shift();
      length -= bodies[last].length;
      for (const piece of pieces[last]) if (--seen[piece] === 0) count(piece, -1);
    }
  }
  return order;
}

function best(left, repeated, bodies) {
  let [found, most] = [undefined, -1];
  for (const number of left) {
    const score = repeated[number] / (bodies[number].length + PIECE) ** SHARE;
    if (score > most) [found, most] = [number, score];
  }
  return found;
}

/** Which pieces each function has, by their numbers, and which functions have each piece. */
function cut(bodies) {
  const numbers = new Map();
  const users = [];
  const pieces = bodies.map((body, user) => {
    const own = new Set();
    for (let at = 0; at + PIECE <= body.length; at += 1) {
      const text = body.toString("latin1", at, at + PIECE);
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      if (own.has(number)) continue;
      own.add(number);
      (users[number] ??= []).push(user);
    }
    return own;
  });
  return { pieces, users };
}

function bodies(module) {
  const { start, end } = sections(module).find(({ id }) => id === CODE);
  let [count, at] = read(module, start);
  const all = [];
  for (; count > 0 && at < end; count -= 1) {
    const [length, body] = read(module, at);
    at = body + length;
    all.push(module.subarray(body, at));
  }
  return all;
}

/** The module with other names for its functions, which are all that it names then. */
function renamed(module, rename) {
  const isNames = ({ id, start }) => id === CUSTOM && text(module, start)[0] === "name";
  const all = sections(module);
  const section = all.find(isNames);
  const functions = sections(module.subarray(0, section.end), text(module, section.start)[1]).find(({ id }) => id === FUNCTION_NAMES);
  let [count, at] = read(module, functions.start);
  const names = [written(count)];
  for (; count > 0; count -= 1) {
    const [number, start] = read(module, at);
    const [name, end] = text(module, start);
    names.push(written(number), list(Buffer.from(rename(name, number))));
    at = end;
  }
  const body = Buffer.concat([list(Buffer.from("name")), Buffer.of(FUNCTION_NAMES), list(Buffer.concat(names))]);
  const others = all.filter((section) => !isNames(section)).map(({ from, end }) => module.subarray(from, end));
  return Buffer.concat([module.subarray(0, 8), ...others, Buffer.of(CUSTOM), list(body)]);
}

/** The sections of a module, or those within one: a number, a length, and the content. */
function sections(module, first = 8) {
  const all = [];
  for (let from = first; from < module.length;) {
    const [length, start] = read(module, from + 1);
    all.push({ id: module[from], from, start, end: start + length });
    from = start + length;
  }
  return all;
}

/** A number as Wasm writes it (LEB128), and where what follows it begins. */
function read(module, at) {
  let number = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = module[at++];
    number += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [number, at];
  }
}

function written(number) {
  const bytes = [];
  for (; number > 0x7f; number = Math.floor(number / 128)) bytes.push((number & 0x7f) | 0x80);
  return Buffer.of(...bytes, number);
}

function text(module, at) {
  const [length, start] = read(module, at);
  return [module.toString("utf8", start, start + length), start + length];
}

const list = (bytes) => Buffer.concat([written(bytes.length), bytes]);
