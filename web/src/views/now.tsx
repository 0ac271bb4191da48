// Who waits, who holds, what is stuck: the list that the desk opens with.
//
// Invariant: filter and search are in the address and are answered by the gate; what comes in live is put where it
// belongs, so that a take at another desk is seen within a second.
//
// Deliberately not here: the rows (parts/row.tsx) and the order (conversations.ts).

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { now } from "../clock";
import type { Conversation, Counts, Turn } from "../contract";
import { afterTurn, FILTERS, placed, queryOf, type Filter } from "../conversations";
import { failure, useDesk } from "../desk";
import { useWords } from "../i18n";
import { Button, Choice, Empty, Loading, Trouble } from "../parts/basics";
import { Icon } from "../parts/icons";
import { Row } from "../parts/row";
import { href, replaceWith } from "../route";

const SEARCH_AFTER_MS = 300;
const COUNT_AFTER_MS = 1_500;
// The gate takes no longer search; a message id, which is longer, is recognised here.
const Q_MAX = 64;
/** A number is looked for by its digits, however it was typed. */
const asked = (q: string) => (/^\+?[\d\s().\-]+$/.test(q) ? q.replace(/\D/g, "") : q).slice(0, Q_MAX);

export function Now({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { t } = words;
  const { line, listen, announce, say } = useDesk();
  const filter = FILTERS.find((each) => each === query.get("show")) ?? "all";
  const q = query.get("q") ?? "";
  const [list, setList] = useState<Conversation[] | null>(null);
  const [counts, setCounts] = useState<Counts | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const show = (next: { show?: Filter; q?: string }) => {
    const shown = next.show ?? filter;
    replaceWith(href(line, "now", { show: shown === "all" ? "" : shown, q: next.q ?? q }));
  };

  useEffect(() => {
    const control = new AbortController();
    const early: Conversation[] = [];
    // What comes in while the page is on its way is newer than the page, or is not taken (placed).
    const stop = listen((message) => { if (message.type === "conversation") early.push(message.conversation); });
    api.conversations({ line, ...queryOf(filter), q: asked(q) }, control.signal).then((answer) => {
      setError(null);
      setList(early.reduce((sum, each) => placed(sum, each, filter, q), answer.conversations));
      setCounts(answer.counts);
      setCursor(answer.next_cursor);
    }, (reason: unknown) => { if (!control.signal.aborted) setError(reason); }).finally(stop);
    return () => { control.abort(); stop(); };
  }, [line, filter, q, round]);

  const recount = useRecount(line, setCounts);
  useEffect(() => listen((message) => {
    if (message.type === "resync") setRound((before) => before + 1);
    if (message.type === "conversation") {
      setList((before) => before && placed(before, message.conversation, filter, q));
      recount();
    }
    if (message.type === "gone") {
      setList((before) => before && before.filter((each) => each.conversation !== message.conversation));
      recount();
    }
  }), [listen, filter, q, recount]);

  useFocusKept(list);
  const waiting = useRef<number | null>(null);
  useEffect(() => {
    if (!counts) return;
    if (waiting.current !== null && waiting.current !== counts.waiting) announce(t.now.waitingNow(counts.waiting));
    waiting.current = counts.waiting;
  }, [counts?.waiting]);

  const onTurn = useCallback((conversation: Conversation, turn: Turn) => {
    setList((before) => before && placed(before, afterTurn(conversation, turn, now()), filter, q));
    recount();
  }, [filter, q, recount]);
  const more = async () => {
    if (cursor === null) return;
    try {
      const answer = await api.conversations({ line, ...queryOf(filter), q: asked(q), cursor });
      setList((before) => answer.conversations.reduce((sum, each) => (
        sum.some((known) => known.conversation === each.conversation) ? sum : [...sum, each]), before ?? []));
      setCursor(answer.next_cursor);
    } catch (reason) {
      say(`${t.failed.load} ${failure(words, reason)}`, "bad");
    }
  };

  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{t.now.title}</h1>
        <Search value={q} onSearch={(next) => show({ q: next })} />
      </div>
      <Choice label={t.now.filter} value={filter} onChoose={(next) => show({ show: next })}
        options={FILTERS.map((value) => ({ value, label: t.now[value], count: value === "all" ? undefined : counts?.[value] }))} />
      {error !== null && <Trouble text={failure(words, error)} onRetry={() => setRound(round + 1)} />}
      {list === null
        ? error === null && <Loading />
        : list.length === 0
          ? <Nothing filter={filter} q={q} />
          : (
            <ul class="rows" aria-label={t.now.list}>
              {list.map((each) => <Row key={each.conversation} conversation={each} onTurn={onTurn} />)}
            </ul>
          )}
      {cursor !== null && list !== null && list.length > 0 && <div class="center"><Button onPress={more}>{t.app.more}</Button></div>}
    </>
  );
}

/** A row that is moved takes the focus along, and one that leaves the list gives it to the heading. */
function useFocusKept(list: Conversation[] | null) {
  // Drawing comes before the change of the page: what has the focus now may have lost it afterwards.
  const held = document.activeElement;
  useLayoutEffect(() => {
    if (!(held instanceof HTMLElement) || held === document.body || document.activeElement !== document.body) return;
    (held.isConnected ? held : document.querySelector<HTMLElement>("main h1"))?.focus({ preventScroll: true });
  }, [list]);
}

/** Asks for the counts again, a little after something has changed and not more often than that. */
function useRecount(line: string, onCounts: (counts: Counts) => void): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => () => { if (timer.current) clearTimeout(timer.current); }, [line]);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      // A count that fails is asked for again with the next change.
      api.conversations({ line, limit: 1 }).then((answer) => onCounts(answer.counts), () => {});
    }, COUNT_AFTER_MS);
  }, [line]);
}

function Search({ value, onSearch }: { value: string; onSearch: (q: string) => void }) {
  const { t } = useWords();
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => { if (value !== sent.current) { sent.current = value; setText(value); } }, [value]);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === sent.current) return;
    const timer = setTimeout(() => { sent.current = wanted; onSearch(wanted); }, SEARCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="search">
      <Icon name="search" />
      <input type="search" aria-label={t.now.search} placeholder={t.now.search} value={text} maxLength={256} spellcheck={false}
        autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
    </search>
  );
}

function Nothing({ filter, q }: { filter: Filter; q: string }) {
  const { t } = useWords();
  const { line } = useDesk();
  if (q.startsWith("wamid.")) {
    return <Empty title={t.now.emptySearch(q)} hint=""><a class="button main" href={href(line, "why", { id: q })}><span>{t.now.whyLink}</span></a></Empty>;
  }
  if (q !== "") return <Empty title={t.now.emptySearch(q)} hint={t.now.emptySearchHint} />;
  switch (filter) {
    case "all": return <Empty title={t.now.emptyAll} hint={t.now.emptyAllHint} />;
    case "waiting": return <Empty title={t.now.emptyWaiting} hint={t.now.emptyWaitingHint} />;
    case "human": return <Empty title={t.now.emptyHuman} hint={t.now.emptyHumanHint} />;
    case "dead_letters": return <Empty title={t.now.emptyDead} hint={t.now.emptyDeadHint} />;
  }
}
