// What every view may ask for: the line, the live stream, a message to the operator.
//
// Invariant: there is one `Desk` for a line; its live stream is closed when another line is chosen.
//
// Deliberately not here: the data of the views.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Words } from "./i18n";
import { Failed } from "./api";
import type { LiveMessage } from "./contract";

export type Tone = "good" | "bad" | "plain";
export interface Desk {
  line: string;
  /** Shows a short message and reads it out. */
  say(text: string, tone?: Tone): void;
  /** Reads a message out without showing it. */
  announce(text: string): void;
  listen(listener: (message: LiveMessage | { type: "resync" }) => void): () => void;
}

export const DeskContext = createContext<Desk>({ line: "", say: () => {}, announce: () => {}, listen: () => () => {} });
export const useDesk = () => useContext(DeskContext);

/** What went wrong, in the page's language, with the gate's own words where it sent some. */
export function failure(words: Words, error: unknown): string {
  const { failed } = words.t;
  if (!(error instanceof Failed)) return failed.broken;
  const detail = error.problem?.detail ?? "";
  const own = error.status === 0 ? failed.offline
    : error.status === 404 ? failed.notFound
    : error.status === 429 ? failed.busy
    : error.status < 500 ? failed.refused
    : failed.broken;
  return detail === "" ? own : `${own} ${detail}`;
}

export interface Loaded<T> { data: T | null; error: unknown; isLoading: boolean; reload: () => void; set: (data: T) => void }

/** Loads something and keeps showing the last of it while it is loaded again. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: unknown; isLoading: boolean }>({ data: null, error: null, isLoading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    load(control.signal).then(
      (data) => setState({ data, error: null, isLoading: false }),
      (error: unknown) => {
        if (!control.signal.aborted) setState((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => control.abort();
  }, [...inputs, round]);
  return {
    ...state,
    reload: () => setRound((before) => before + 1),
    set: (data) => setState({ data, error: null, isLoading: false }),
  };
}
