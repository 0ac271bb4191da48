// What the last week says about the policy's times, and what the gate withheld or would have.
//
// Invariant: the numbers and the suggested values are the gate's; nothing is worked out here. It is loaded once, because a
// week changes little while somebody looks at it.
//
// Deliberately not here: changing the policy (parts/policy-edit.tsx).

import * as api from "../api";
import type { PersonTimes } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { delay, number } from "../format";
import { useWords } from "../i18n";
import { Facts, Tag, Trouble } from "./basics";

export function Observed() {
  const words = useWords();
  const { t, locale } = words;
  const { line } = useDesk();
  const { data, error, reload } = useLoaded((signal) => api.observation(line, signal), [line]);
  if (error !== null) return <Trouble text={failure(words, error)} onRetry={reload} />;
  if (data === null) return null;
  const times = (of: PersonTimes) =>
    of.p50 === null || of.p90 === null ? "–" : t.observed.times(delay(locale, of.p50 * 1_000), delay(locale, of.p90 * 1_000), number(locale, of.count));
  const keys: Record<string, string | undefined> = t.observed.keys;
  return (
    <section class="card" aria-labelledby="observed">
      <h2 id="observed">{t.observed.title} {data.mode === "observe" && <Tag tone="warn" icon="warn">{t.observed.observes}</Tag>}</h2>
      <Facts rows={[
        [t.observed.conversations, number(locale, data.conversations_with_a_person)],
        [t.observed.withheld, number(locale, data.would_be_withheld)],
        [t.observed.prevented, number(locale, data.would_be_prevented)],
        [t.observed.gaps, times(data.reply_gap_seconds)],
        [t.observed.answers, times(data.first_answer_seconds)],
        ...data.suggestions.map(({ key, value, why }) => [keys[key] ?? key, <span title={why}><code>{key} = {value}</code></span>] as [string, preact.JSX.Element]),
        ...data.missing.map(({ key, why }) => [keys[key] ?? key, <span class="hint" title={why}>{t.observed.tooFew}</span>] as [string, preact.JSX.Element]),
      ]} />
    </section>
  );
}
