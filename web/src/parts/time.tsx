// Times that tick: since when, until when, at what time.
//
// Invariant: each is a `<time>` with the exact moment, and redraws itself alone. They stand in no live region.
//
// Deliberately not here: deciding which time is of interest.

import { useCallback } from "preact/hooks";
import { now, useTicking } from "../clock";
import { clockTime, fullTime, moment, roughSpan, span } from "../format";
import { useWords } from "../i18n";

const iso = (at: number) => new Date(at).toISOString();

/** How long it has been, counting up. */
export function Since({ at }: { at: number }) {
  const { locale } = useWords();
  const text = useTicking(useCallback(() => span(now() - at), [at]));
  return <time dateTime={iso(at)} title={fullTime(locale, at)}>{text}</time>;
}

/** How long it still is, counting down. */
export function Until({ at }: { at: number }) {
  const { locale, t } = useWords();
  const text = useTicking(useCallback(() => (at > now() ? span(at - now()) : t.now.due), [at, t]));
  return <time dateTime={iso(at)} title={fullTime(locale, at)}>{text}</time>;
}

/** How long ago, in round numbers. */
export function Ago({ at }: { at: number }) {
  const { locale, t } = useWords();
  const text = useTicking(useCallback(() => {
    const past = now() - at;
    return past < 10_000 ? t.now.justNow : t.now.ago(roughSpan(past < 60_000 ? Math.floor(past / 10_000) * 10_000 : past));
  }, [at, t]));
  return <time dateTime={iso(at)} title={fullTime(locale, at)}>{text}</time>;
}

export function Moment({ at }: { at: number }) {
  const { locale } = useWords();
  return <time dateTime={iso(at)} title={fullTime(locale, at)}>{moment(locale, at)}</time>;
}

export function Clock({ at }: { at: number }) {
  const { locale } = useWords();
  return <time dateTime={iso(at)} title={fullTime(locale, at)}>{clockTime(locale, at)}</time>;
}
