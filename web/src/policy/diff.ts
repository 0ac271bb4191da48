// What has changed between two texts, line by line.
//
// Invariant: the lines that are kept or removed are the old text, those kept or added are the new one.
//
// Deliberately not here: changes within a line.

export interface DiffLine { kind: "kept" | "added" | "removed"; text: string }

// Beyond this many pairs of lines the middle is shown as replaced as a whole: a phone must not stand still.
const PAIRS_MAX = 4_000_000;

export function diff(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const kept = (lines: string[]) => lines.map((text): DiffLine => ({ kind: "kept", text }));
  return [
    ...kept(a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...kept(a.slice(a.length - end)),
  ];
}

function middle(a: string[], b: string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: "removed", text });
  const added = (text: string): DiffLine => ({ kind: "added", text });
  if (a.length * b.length > PAIRS_MAX) return [...a.map(removed), ...b.map(added)];
  // length[i][j]: how many lines the rests from i and from j have in common.
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width);
  const common = (i: number, j: number) => length[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      length[i * width + j] = a[i] === b[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) { lines.push({ kind: "kept", text: a[i] ?? "" }); i += 1; j += 1; }
    else if (common(i + 1, j) >= common(i, j + 1)) lines.push(removed(a[i++] ?? ""));
    else lines.push(added(b[j++] ?? ""));
  }
  return [...lines, ...a.slice(i).map(removed), ...b.slice(j).map(added)];
}

const CONTEXT = 3;

/** Only what has changed, with a few lines around it; `null` stands for what is left out. */
export function hunks(lines: DiffLine[]): (DiffLine | null)[] {
  const isNear = lines.map(() => false);
  lines.forEach((line, at) => {
    if (line.kind === "kept") return;
    for (let near = Math.max(0, at - CONTEXT); near <= Math.min(lines.length - 1, at + CONTEXT); near += 1) isNear[near] = true;
  });
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, at) => {
    if (isNear[at]) shown.push(line);
    else if (shown.length > 0 && shown.at(-1) !== null) shown.push(null);
  });
  if (shown.at(-1) === null) shown.pop();
  return shown;
}
