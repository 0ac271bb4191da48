// Where things stand in a JSON text: the offset of every value by its path, and of the first mistake of spelling.
//
// Invariant: a text without a mistake here is one that JSON.parse takes; paths are written as the gate writes them,
// `rules[2].when.kind[0]`.
//
// Deliberately not here: the values. JSON.parse makes them.

export interface Scanned { places: Map<string, number>; mistake: { offset: number; found: string } | null }

class Unexpected {
  readonly offset: number;
  constructor(offset: number) { this.offset = offset; }
}

const SPACE = /[ \t\n\r]*/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const OTHER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const DEPTH_MAX = 64;

export function scan(text: string): Scanned {
  const places = new Map<string, number>();
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  const space = () => { match(SPACE); };
  const take = (character: string) => {
    space();
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const need = (character: string) => { if (!take(character)) throw new Unexpected(at); };

  const members = (path: string, depth: number) => {
    if (take("}")) return;
    do {
      space();
      const start = at;
      const key = match(TEXT);
      if (key === null) throw new Unexpected(at);
      const name = JSON.parse(key) as string;
      const own = path === "" ? name : `${path}.${name}`;
      need(":");
      value(own, depth);
      // A key leads to where it is written: the place to mend may be the key itself.
      places.set(own, start);
    } while (take(","));
    need("}");
  };
  const items = (path: string, depth: number) => {
    if (take("]")) return;
    let index = 0;
    do value(`${path}[${index++}]`, depth); while (take(","));
    need("]");
  };
  const value = (path: string, depth: number) => {
    space();
    if (depth > DEPTH_MAX) throw new Unexpected(at);
    places.set(path, at);
    if (take("{")) members(path, depth + 1);
    else if (take("[")) items(path, depth + 1);
    else if (match(TEXT) === null && (match(OTHER) ?? "") === "") throw new Unexpected(at);
  };

  try {
    value("", 0);
    space();
    if (at < text.length) throw new Unexpected(at);
    return { places, mistake: null };
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return { places, mistake: { offset: error.offset, found: text[error.offset] ?? "…" } };
  }
}

/** Where a path stands; where it does not, the nearest that does: a missing key is at its object. */
export function locate(places: Map<string, number>, path: string): number {
  for (let rest = path; rest !== ""; rest = rest.replace(/(\.?[^.[\]]+|\[\d+\])$/, "")) {
    const found = places.get(rest);
    if (found !== undefined) return found;
    if (!/(\.?[^.[\]]+|\[\d+\])$/.test(rest)) break;
  }
  return places.get("") ?? 0;
}

export function lineAndColumn(text: string, offset: number): [number, number] {
  const before = text.slice(0, offset).split("\n");
  return [before.length, (before.at(-1) ?? "").length + 1];
}
