// The present, by the gate's clock, and one tick a second for whatever counts up or down.
//
// Invariant: a component that shows a span listens here and redraws itself alone; nothing above it is drawn again.
// A phone whose clock is wrong by more than the header's own second shows right spans all the same.
//
// Deliberately not here: how a span is written (format.ts).

import { useEffect, useState } from "preact/hooks";

const DATE_HEADER_EXACT_TO_MS = 2_000;
let offset = 0;

/** Compares this machine's clock with the `date` header of an answer. */
export function setClock(date: string | null) {
  const gate = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(gate)) return;
  const difference = gate - Date.now();
  offset = Math.abs(difference) > DATE_HEADER_EXACT_TO_MS ? difference : 0;
}

export const now = () => Date.now() + offset;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function listen(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => listeners.forEach((each) => each()), 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) { clearInterval(timer); timer = undefined; }
  };
}

/** The text that `write` gives now; the component is drawn again only when it changes. */
export function useTicking(write: () => string): string {
  const [, setText] = useState("");
  useEffect(() => listen(() => setText(write())), [write]);
  return write();
}
