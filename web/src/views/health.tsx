// How the gate and the bot are: counts over time, delays, dead letters, the watchdog, alerts.
//
// Invariant: numbers are the gate's; only the rate per minute and the share of attempts are worked out here. They are
// loaded again every half minute while the page is looked at.
//
// Deliberately not here: the charts (parts/chart.tsx) and the dead letters (parts/dead-letters.tsx).

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import type { Alert, Quantiles, Span, Statistics } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { customerName, delay, number, percent } from "../format";
import { useWords } from "../i18n";
import { Choice, Empty, Facts, Loading, Tag, Trouble } from "../parts/basics";
import { Chart } from "../parts/chart";
import { DeadLetterList } from "../parts/dead-letters";
import { Observed } from "../parts/observed";
import { GateSays } from "../parts/lanes";
import { Ago, Moment } from "../parts/time";
import { conversationHref, href, replaceWith } from "../route";
import { reasonText } from "../sentences";

const AGAIN_MS = 30_000;
const MINUTE_MS = 60_000;
const SPANS: Span[] = ["hour", "day", "month"];

export function Health({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { t } = words;
  const { line, listen } = useDesk();
  const span = SPANS.find((each) => each === query.get("span")) ?? "day";
  const [round, setRound] = useState(0);
  const statistics = useLoaded((signal) => api.statistics(line, span, signal), [line, span, round]);
  const alerts = useLoaded((signal) => api.alerts(line, signal), [line, round]);
  useEffect(() => {
    const again = () => setRound((before) => before + 1);
    const timer = setInterval(() => { if (document.visibilityState === "visible") again(); }, AGAIN_MS);
    const stop = listen((message) => { if (message.type !== "conversation" && message.type !== "gone") again(); });
    return () => { clearInterval(timer); stop(); };
  }, [listen]);
  const { data, error, isLoading, reload } = statistics;
  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{t.health.title}</h1>
        <Choice label={t.health.span} value={span} options={SPANS.map((value) => ({ value, label: t.health.spans[value] }))}
          onChoose={(next) => replaceWith(href(line, "health", { span: next }))} />
      </div>
      {error !== null && <Trouble text={failure(words, error)} onRetry={reload} />}
      {data === null ? isLoading && <Loading /> : <Measured data={data} span={span} />}
      <div class="two">
        <Alerts alerts={alerts.data} error={alerts.error} onRetry={alerts.reload} />
        <DeadLetterList round={round} />
      </div>
      <Observed />
    </>
  );
}

function Measured({ data, span }: { data: Statistics; span: Span }) {
  const { t, locale } = useWords();
  const at = data.buckets.map((bucket) => bucket.at_ms);
  const minutes = data.bucket_ms / MINUTE_MS;
  const rate = (key: "messages" | "echoes" | "delivered" | "sends") => data.buckets.map((bucket) => bucket[key] / minutes);
  const count = (key: "withheld" | "retries" | "dead_letters") => data.buckets.map((bucket) => bucket[key]);
  const { totals } = data;
  const name = t.health.series;
  return (
    <>
      <div class="two">
        <Watch data={data} />
        <BotCard data={data} />
      </div>
      <dl class="tiles">
        <QuantileTile title={t.health.timeToBot} of={data.time_to_bot_ms} />
        <QuantileTile title={t.health.echoDelay} hint={t.health.echoDelayHint} of={data.echo_delay_ms} />
        <Tile title={t.health.retries} value={number(locale, totals.retries)} />
        <Tile title={t.health.dead} value={number(locale, totals.dead_letters)} isBad={totals.dead_letters > 0} />
        <Tile title={t.health.leaks} value={number(locale, totals.leaked)} hint={t.health.leaksHint} isBad={totals.leaked > 0} />
      </dl>
      <div class="two">
        <Chart title={t.health.events} kind="lines" digits={2} at={at} isDaily={span === "month"} series={[
          { label: name.messages, values: rate("messages"), color: "c1" },
          { label: name.delivered, values: rate("delivered"), color: "c2", dash: [8, 3] },
          { label: name.sends, values: rate("sends"), color: "c3", dash: [2, 3] },
          { label: name.echoes, values: rate("echoes"), color: "c4", dash: [10, 3, 2, 3] },
        ]} />
        <Chart title={t.health.trouble} kind="bars" at={at} isDaily={span === "month"} series={[
          { label: name.withheld, values: count("withheld"), color: "c1" },
          { label: name.retries, values: count("retries"), color: "c4" },
          { label: name.dead_letters, values: count("dead_letters"), color: "c5" },
        ]} />
      </div>
    </>
  );
}

export function QuantileTile({ title, hint, of }: { title: string; hint?: string; of: Quantiles }) {
  const { t, locale } = useWords();
  const shown = (value: number | null) => (value === null ? "–" : delay(locale, value));
  return (
    <div class="tile">
      <dt>{title}</dt>
      <dd>
        <span class="tile-value">{shown(of.p50)} <small>{t.health.half}</small></span>
        <span class="tile-value">{shown(of.p95)} <small>{t.health.most}</small></span>
        <span class="hint">{of.count === 0 ? t.health.notYet : t.health.measured(number(locale, of.count))}{hint ? ` · ${hint}` : ""}</span>
      </dd>
    </div>
  );
}

export function Tile({ title, value, hint, isBad = false }: { title: string; value: string; hint?: string; isBad?: boolean }) {
  return (
    <div class={`tile ${isBad ? "bad" : ""}`}>
      <dt>{title}</dt>
      <dd><span class="tile-value">{value}</span>{hint && <span class="hint">{hint}</span>}</dd>
    </div>
  );
}

function Watch({ data: { watchdog } }: { data: Statistics }) {
  const { t, locale } = useWords();
  return (
    <section class={`card ${watchdog.is_deaf ? "is-bad" : ""}`} aria-labelledby="watchdog">
      <h2 id="watchdog">{t.health.watchdog} {watchdog.is_deaf ? <Tag tone="bad" icon="warn">{t.health.deaf}</Tag> : <Tag tone="good" icon="good">{t.health.hears}</Tag>}</h2>
      {watchdog.is_deaf && <p class="big">{(watchdog.reason && t.health.deafReasons[watchdog.reason]) ?? watchdog.explanation}</p>}
      <Facts rows={[
        [t.health.lastEcho, watchdog.last_echo_at_ms === null ? "–" : <Ago at={watchdog.last_echo_at_ms} />],
        [t.health.lastMessage, watchdog.last_message_at_ms === null ? "–" : <Ago at={watchdog.last_message_at_ms} />],
        [t.health.sinceEcho, number(locale, watchdog.messages_since_echo)],
        [t.health.idleBy, watchdog.phone_idle_at_ms === null ? "–" : <Moment at={watchdog.phone_idle_at_ms} />],
      ]} />
      <GateSays text={watchdog.explanation} />
    </section>
  );
}

function BotCard({ data: { bot, totals } }: { data: Statistics }) {
  const words = useWords();
  const { t, locale } = words;
  const attempts = totals.delivered + totals.retries + totals.dead_letters;
  const isUnknown = bot.last_success_at_ms === null && bot.last_failure_at_ms === null;
  return (
    <section class={`card ${bot.is_down ? "is-bad" : ""}`} aria-labelledby="bot">
      <h2 id="bot">{t.health.bot} {bot.is_down
        ? <Tag tone="bad" icon="warn">{t.health.botDown}</Tag>
        : isUnknown ? <Tag tone="plain">{t.health.botUnknown}</Tag> : <Tag tone="good" icon="good">{t.health.botUp}</Tag>}</h2>
      <p class="big">{attempts === 0 ? "–" : percent(locale, totals.delivered / attempts)} <small>{t.health.attempts}</small></p>
      <Facts rows={[
        [t.health.lastSuccess, bot.last_success_at_ms === null ? "–" : <Ago at={bot.last_success_at_ms} />],
        [t.health.lastFailure, bot.last_failure_at_ms === null ? "–" : <Ago at={bot.last_failure_at_ms} />],
        ...(bot.last_failure === null ? [] : [[t.talk.fields.reason, reasonText(words, bot.last_failure) ?? bot.last_failure] as [string, string]]),
        ...(bot.failures_in_a_row === 0 ? [] : [["", t.health.inARow(bot.failures_in_a_row)] as [string, string]]),
      ]} />
    </section>
  );
}

function Alerts({ alerts, error, onRetry }: { alerts: Alert[] | null; error: unknown; onRetry: () => void }) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  return (
    <section class="card" aria-labelledby="alerts">
      <h2 id="alerts">{t.health.alerts}</h2>
      {error !== null && <Trouble text={failure(words, error)} onRetry={onRetry} />}
      {alerts !== null && (alerts.length === 0
        ? <Empty title={t.health.noAlerts} hint={t.health.noAlertsHint} />
        : (
          <ul class="items">
            {alerts.map((alert) => (
              <li key={alert.id}>
                <div>
                  <p title={alert.explanation}>
                    <strong>{t.health.kinds[alert.kind] ?? alert.explanation}</strong>
                    {alert.customer !== null && <> · <a href={conversationHref(line, alert.customer)}>{customerName(alert.customer)}</a></>}
                  </p>
                  <p class="hint"><Moment at={alert.opened_at_ms} />{alert.closed_at_ms !== null && <> – <Moment at={alert.closed_at_ms} /></>}</p>
                </div>
                <p class="tags">
                  {alert.closed_at_ms === null ? <Tag tone="bad">{t.health.open}</Tag> : <Tag tone="plain">{t.health.over}</Tag>}
                  {!alert.told && <Tag tone="warn">{t.health.untold}</Tag>}
                </p>
              </li>
            ))}
          </ul>
        ))}
    </section>
  );
}
