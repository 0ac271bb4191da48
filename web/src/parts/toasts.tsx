// Short messages to the operator, shown for a while and read out.
//
// Invariant: the regions stand in the page from the first drawing, because a screen reader hears only changes. A
// failure stays until it is closed.
//
// Deliberately not here: a history of messages.

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { Tone } from "../desk";
import { useWords } from "../i18n";

const SHOWN_MS = 6_000;
const SHOWN_AT_ONCE_MAX = 3;
interface Toast { id: number; text: string; tone: Tone }

export interface Speaker { toasts: Toast[]; spoken: string; say: (text: string, tone?: Tone) => void; announce: (text: string) => void; close: (id: number) => void }

export function useSpeaker(): Speaker {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const [spoken, setSpoken] = useState("");
  const next = useRef(0);
  const close = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const say = useCallback((text: string, tone: Tone = "plain") => {
    const id = next.current++;
    setToasts((all) => [...all, { id, text, tone }].slice(-SHOWN_AT_ONCE_MAX));
    if (tone !== "bad") setTimeout(() => close(id), SHOWN_MS);
  }, []);
  return useMemo(() => ({ toasts, spoken, say, announce: setSpoken, close }), [toasts, spoken]);
}

export function Toasts({ speaker }: { speaker: Speaker }) {
  const { t } = useWords();
  const shown = (isBad: boolean) => speaker.toasts.filter((toast) => (toast.tone === "bad") === isBad).map((toast) => (
    <div key={toast.id} class={`toast ${toast.tone}`}>
      <p>{toast.text}</p>
      <button type="button" class="toast-close" onClick={() => speaker.close(toast.id)} aria-label={t.app.close}>×</button>
    </div>
  ));
  return (
    <div class="toasts">
      <div role="status" data-testid="toasts">{shown(false)}</div>
      <div role="alert" data-testid="failures">{shown(true)}</div>
      <p class="unseen" role="status" data-testid="announcement">{speaker.spoken}</p>
    </div>
  );
}
