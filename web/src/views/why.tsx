// "Why was this message not answered?": an answer by message id.
//
// Invariant: the question is in the address, so that an answer can be passed on as a link.
//
// Deliberately not here: a search by what was written. The gate does not show messages' words.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import type { Explanation } from "../contract";
import { failure, useDesk } from "../desk";
import { useWords } from "../i18n";
import { Empty, Facts, Loading, Tag, Trouble } from "../parts/basics";
import { eventFacts, GateSays } from "../parts/lanes";
import { Moment } from "../parts/time";
import { conversationHref, href, replaceWith } from "../route";
import { className, eventSentence } from "../sentences";

type Asked = { state: "idle" | "busy" } | { state: "known"; answer: Explanation } | { state: "failed"; error: unknown };

export function Why({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  const id = query.get("id") ?? "";
  const customer = query.get("customer") ?? "";
  const [typedId, setTypedId] = useState(id);
  const [typedCustomer, setTypedCustomer] = useState(customer);
  const [asked, setAsked] = useState<Asked>({ state: "idle" });
  const [round, setRound] = useState(0);

  useEffect(() => {
    setTypedId(id);
    setTypedCustomer(customer);
    if (id === "") return setAsked({ state: "idle" });
    let isCurrent = true;
    setAsked({ state: "busy" });
    api.explain(id, line, customer).then(
      (answer) => { if (isCurrent) setAsked({ state: "known", answer }); },
      (error: unknown) => { if (isCurrent) setAsked({ state: "failed", error }); },
    );
    return () => { isCurrent = false; };
  }, [line, id, customer, round]);

  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = { id: typedId.trim(), customer: typedCustomer.replace(/[\s+]/g, "") };
    if (wanted.id === "") return;
    setRound(round + 1);
    replaceWith(href(line, "why", wanted));
  };
  return (
    <>
      <h1 tabIndex={-1}>{t.whyPage.title}</h1>
      <p class="intro">{t.whyPage.intro}</p>
      <form class="ask" onSubmit={submit}>
        <label>{t.whyPage.id}
          <input type="text" class="code" required maxLength={256} value={typedId} placeholder="wamid.…" autocomplete="off" spellcheck={false}
            autocapitalize="none" onInput={(event) => setTypedId(event.currentTarget.value)} />
        </label>
        <label>{t.whyPage.customer}
          <input type="text" maxLength={160} value={typedCustomer} autocomplete="off" aria-describedby="why-customer"
            onInput={(event) => setTypedCustomer(event.currentTarget.value)} />
        </label>
        <p class="hint" id="why-customer">{t.whyPage.customerHint}</p>
        <button type="submit" class="button main"><span>{t.whyPage.button}</span></button>
      </form>
      <div aria-live="polite" data-testid="explanation">
        {asked.state === "busy" && <Loading />}
        {asked.state === "known" && <Answer answer={asked.answer} />}
        {asked.state === "failed" && <NoAnswer error={asked.error} onRetry={() => setRound(round + 1)} />}
      </div>
    </>
  );
}

function Answer({ answer }: { answer: Explanation }) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  const { event, send } = answer;
  return (
    <section class="card" aria-labelledby="answer">
      {event && <>
        <h2 id="answer">{className(words, event.class)} <Tag tone={event.state === "dead" ? "bad" : event.state === "delivered" ? "good" : "plain"}>{t.stateTags[event.state] ?? event.state}</Tag></h2>
        <p class="big">{eventSentence(words, event)}</p>
      </>}
      {!event && send && <>
        <h2 id="answer">{t.whyPage.send}</h2>
        <p class="big">{t.talk.sends[send.state] ?? send.state}</p>
      </>}
      {!event && !send && <h2 id="answer">{t.whyPage.none}</h2>}
      <GateSays text={answer.explanation} />
      {event && <Facts rows={eventFacts(words, event)} />}
      {send && <Facts rows={[[t.talk.fields.accepted, <Moment at={send.at_ms} />], [t.talk.fields.kind, send.kind]]} />}
      <a class="button plain" href={conversationHref(answer.line || line, answer.customer)}><span>{t.whyPage.open}</span></a>
    </section>
  );
}

function NoAnswer({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const words = useWords();
  const { t } = words;
  const status = error instanceof api.Failed ? error.status : 0;
  if (status === 404) return <Empty title={t.whyPage.none} hint={t.whyPage.noneHint} />;
  if (status === 422) return <p class="notice warn">{t.whyPage.needsCustomer}</p>;
  return <Trouble text={failure(words, error)} onRetry={onRetry} />;
}
