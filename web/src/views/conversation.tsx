// One conversation: who holds and why, what happened in four lanes, and what can be done.
//
// Invariant: the record is loaded again whenever the live stream says that this conversation has changed, and not more
// than once a second; what was open stays open, because items keep their keys.
//
// Deliberately not here: the timeline itself (parts/lanes.tsx).

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as api from "../api";
import type { Conversation, ConversationRecord } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { customerName, number } from "../format";
import { useWords } from "../i18n";
import { Acts } from "../parts/acts";
import { Button, Dialog, Empty, Facts, Loading, Tag, Trouble } from "../parts/basics";
import { Icon } from "../parts/icons";
import { GateSays, Lanes } from "../parts/lanes";
import { Times } from "../parts/row";
import { Moment } from "../parts/time";
import { href } from "../route";
import { whyHeld } from "../sentences";
import { happenings, lastCause } from "../timeline";

const AGAIN_AFTER_MS = 400;
/** With more happenings than this the newest is off the screen. */
const MANY = 4;

export function Talk({ customer }: { customer: string }) {
  const words = useWords();
  const { t } = words;
  const { line, listen, say } = useDesk();
  const { data: record, error, isLoading, reload } = useLoaded((signal) => api.conversation(line, customer, signal), [line, customer]);
  const [profile, setProfile] = useState<string | null>(null);
  const [isErasing, setErasing] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  useEffect(() => {
    const soon = () => { timer.current ??= setTimeout(() => { timer.current = null; reload(); }, AGAIN_AFTER_MS); };
    const isThis = (each: Conversation) => each.conversation === record?.conversation || each.customer === customer || each.names.includes(customer);
    return listen((message) => {
      if (message.type === "resync") soon();
      if (message.type === "gone" && message.conversation === record?.conversation) soon();
      if (message.type === "conversation" && isThis(message.conversation)) { setProfile(message.conversation.profile); soon(); }
    });
  }, [listen, record?.conversation, customer]);
  useEffect(() => () => { if (timer.current) clearTimeout(timer.current); }, []);
  useEffect(() => {
    // The record does not have the customer's own name; the list does.
    const control = new AbortController();
    api.conversations({ line, q: customer.slice(0, 64), limit: 1 }, control.signal).then((answer) => {
      const found = answer.conversations[0];
      if (found && (found.customer === customer || found.names.includes(customer))) setProfile(found.profile);
    }, () => {});
    return () => control.abort();
  }, [line, customer]);

  const isGone = error instanceof api.Failed && error.status === 404;
  const title = profile ?? customerName(customer);
  const erased = () => { location.hash = href(line, "now"); say(t.act.erased, "good"); };
  return (
    <>
      <p class="back"><a href={href(line, "now")}><Icon name="back" />{t.app.back}</a></p>
      <h1 tabIndex={-1}>{title}</h1>
      {isGone
        ? <Empty title={t.talk.gone} hint={t.talk.goneHint} />
        : <>
          {error !== null && <Trouble text={failure(words, error)} onRetry={reload} />}
          {record === null ? isLoading && <Loading /> : <Record record={record} title={title} onChange={reload} onErase={() => setErasing(true)} />}
        </>}
      {isErasing && record && <Erase record={record} onClose={() => setErasing(false)} onErased={erased} />}
    </>
  );
}

function Record({ record, title, onChange, onErase }: { record: ConversationRecord; title: string; onChange: () => void; onErase: () => void }) {
  const words = useWords();
  const { t, locale } = words;
  const { line, say } = useDesk();
  const all = useMemo(() => happenings(record), [record]);
  const dead = record.events.filter((event) => event.state === "dead").length;
  const { prevented, dropped, leaked, would_prevent } = record.collision_counts;
  const replay = async () => {
    try {
      say(t.act.replayed((await api.replay(line, record.customer)).replayed), "good");
      onChange();
    } catch (error) {
      say(`${t.act.failed(t.act.replay)} ${failure(words, error)}`, "bad");
    }
  };
  return (
    <>
      <section class={`turn-card ${record.holder}`} aria-label={t.talk.who}>
        <div class="turn-who">
          <p class="tags">
            {record.holder === "human" ? <Tag tone="human" icon="person">{t.now.held}</Tag> : <Tag tone="bot" icon="bot">{t.now.bot}</Tag>}
            {record.paused && <Tag tone="plain" icon="pause">{t.now.pausedTag}</Tag>}
            {dead > 0 && <Tag tone="bad" icon="dead">{t.now.deadTag(dead)}</Tag>}
          </p>
          <p class="turn-why">{whyHeld(words, { ...record, cause: lastCause(record) })}</p>
          <Times conversation={record} />
          <GateSays text={record.explanation} />
        </div>
        <Acts customer={record.customer} who={title} holder={record.holder} onTurn={onChange} />
      </section>
      <Facts rows={[
        [t.talk.names, record.names.map(customerName).join(", ") || customerName(record.customer)],
        [t.talk.since, record.since_ms === null ? "–" : <Moment at={record.since_ms} />],
        [t.talk.token, number(locale, record.token)],
        [t.views.collisions, t.talk.collisionCounts(prevented, dropped, leaked, would_prevent)],
      ]} />
      <div class="head">
        <h2>{t.talk.timeline}</h2>
        {all.length > MANY && <Button kind="quiet" onPress={goToLatest}>{t.talk.latest}</Button>}
      </div>
      {all.length === 0 ? <Empty title={t.talk.empty} hint={t.talk.emptyHint} /> : <Lanes happenings={all} />}
      <div class="acts end">
        {dead > 0 && <Button icon="dead" onPress={replay}>{t.act.replay}</Button>}
        <Button kind="danger" onPress={onErase}>{t.act.erase}</Button>
      </div>
    </>
  );
}

function goToLatest() {
  const latest = document.querySelector<HTMLElement>(".happenings > li:last-child");
  latest?.scrollIntoView({ block: "center" });
  latest?.focus({ preventScroll: true });
}

function Erase({ record, onClose, onErased }: { record: ConversationRecord; onClose: () => void; onErased: () => void }) {
  const words = useWords();
  const { t } = words;
  const { line, say } = useDesk();
  const [typed, setTyped] = useState("");
  const isConfirmed = typed.replace(/[\s+]/g, "") === record.customer;
  const erase = async () => {
    try {
      await api.erase(line, record.customer);
      onClose();
      onErased();
    } catch (error) {
      say(`${t.act.failed(t.act.erase)} ${failure(words, error)}`, "bad");
    }
  };
  return (
    <Dialog title={t.act.eraseTitle} onClose={onClose}>
      <p>{t.act.eraseText}</p>
      <label class="stack">
        {t.act.eraseType(record.customer)}
        <input type="text" value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <Button kind="danger" disabled={!isConfirmed} onPress={erase}>{t.act.erase}</Button>
    </Dialog>
  );
}
