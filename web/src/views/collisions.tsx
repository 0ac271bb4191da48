// Messages of the bot's that met a person's turn: how many a day, how late, and each with its sentence.
//
// Invariant: the chart and the delays are of the last month, whatever the list is narrowed to.
//
// Deliberately not here: what the bot wanted to say. The gate does not keep it.

import { useEffect } from "preact/hooks";
import * as api from "../api";
import { now } from "../clock";
import type { CollisionOutcome } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { customerName, number } from "../format";
import { useWords } from "../i18n";
import { Button, Choice, Empty, Loading, Tag, Trouble } from "../parts/basics";
import { Chart } from "../parts/chart";
import { Moment } from "../parts/time";
import { conversationHref, href, replaceWith } from "../route";
import { collisionSentence } from "../sentences";
import { QuantileTile, Tile } from "./health";

const DAY_MS = 86_400_000;
const SINCES = { day: 1, week: 7, month: 30 } as const;
type Since = keyof typeof SINCES;
const OUTCOMES: CollisionOutcome[] = ["prevented", "dropped", "leaked", "would_prevent"];

export function CollisionsView({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { t, locale } = words;
  const { line, listen } = useDesk();
  const outcome = OUTCOMES.find((each) => each === query.get("outcome"));
  const asked = query.get("since") ?? "";
  const since: Since = Object.hasOwn(SINCES, asked) ? (asked as Since) : "month";
  const statistics = useLoaded((signal) => api.statistics(line, "month", signal), [line]);
  useEffect(() => listen((message) => { if (message.type === "resync") statistics.reload(); }), [listen]);
  const data = statistics.data;
  const show = (next: { outcome?: string; since?: string }) =>
    replaceWith(href(line, "collisions", { outcome: outcome ?? "", since, ...next }));
  const series = (key: CollisionOutcome, color: string) => ({ label: t.collide[key], color, values: (data?.buckets ?? []).map((bucket) => bucket[key]) });
  return (
    <>
      <h1 tabIndex={-1}>{t.collide.title}</h1>
      <p class="intro">{t.collide.intro}</p>
      {statistics.error !== null && <Trouble text={failure(words, statistics.error)} onRetry={statistics.reload} />}
      {data === null ? statistics.isLoading && <Loading /> : <>
        <dl class="tiles">
          {OUTCOMES.map((each) => <Tile key={each} title={t.collide[each]} value={number(locale, data.totals[each])} isBad={each === "leaked" && data.totals.leaked > 0} />)}
          <QuantileTile title={t.collide.late} of={data.late_ms} />
        </dl>
        <Chart title={t.collide.perDay} kind="bars" isDaily at={data.buckets.map((bucket) => bucket.at_ms)}
          series={[series("prevented", "c2"), series("dropped", "c4"), series("leaked", "c5"), series("would_prevent", "c3")]} />
      </>}
      <h2>{t.collide.list}</h2>
      <div class="filters">
        <Choice<CollisionOutcome | "all"> label={t.collide.outcome} value={outcome ?? "all"} onChoose={(next) => show({ outcome: next === "all" ? "" : next })}
          options={(["all", ...OUTCOMES] as const).map((value) => ({ value, label: t.collide[value] }))} />
        <Choice label={t.collide.since} value={since} onChoose={(next) => show({ since: next })}
          options={(Object.keys(SINCES) as Since[]).map((value) => ({ value, label: t.collide.sinces[value] }))} />
      </div>
      <List outcome={outcome} since={since} />
    </>
  );
}

function List({ outcome, since }: { outcome: CollisionOutcome | undefined; since: Since }) {
  const words = useWords();
  const { t } = words;
  const { line, listen, say } = useDesk();
  const query = () => ({ line, since_ms: now() - SINCES[since] * DAY_MS, ...(outcome ? { outcome } : {}) });
  const { data, error, isLoading, reload, set } = useLoaded((signal) => api.collisions(query(), signal), [line, outcome, since]);
  useEffect(() => listen((message) => { if (message.type === "resync") reload(); }), [listen]);
  const more = async () => {
    if (!data?.next_cursor) return;
    try {
      const next = await api.collisions({ ...query(), cursor: data.next_cursor });
      set({ ...next, collisions: [...data.collisions, ...next.collisions] });
    } catch (reason) {
      say(`${t.failed.load} ${failure(words, reason)}`, "bad");
    }
  };
  if (error !== null) return <Trouble text={failure(words, error)} onRetry={reload} />;
  if (data === null) return isLoading ? <Loading /> : null;
  if (data.collisions.length === 0) return <Empty title={t.collide.empty} hint={t.collide.emptyHint} />;
  return (
    <>
      <ul class="items card" aria-label={t.collide.list}>
        {data.collisions.map((collision, index) => (
          <li key={`${collision.conversation} ${collision.at_ms} ${index}`}>
            <div>
              <p><a href={conversationHref(line, collision.customer)}>{customerName(collision.customer)}</a> · <Moment at={collision.at_ms} />{collision.kind !== "" && <> · <span class="hint">{collision.kind}</span></>}</p>
              <p title={collision.explanation}>{collisionSentence(words, collision)}</p>
            </div>
            <Tag tone={collision.outcome === "leaked" ? "bad" : collision.outcome !== "prevented" ? "warn" : "good"}>{t.collide.outcomes[collision.outcome] ?? collision.outcome}</Tag>
          </li>
        ))}
      </ul>
      {data.next_cursor !== null && <div class="center"><Button onPress={more}>{t.app.more}</Button></div>}
    </>
  );
}
