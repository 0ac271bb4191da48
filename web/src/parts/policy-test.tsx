// "What would happen to this webhook?": the rules tried on a sample or on a pasted delivery.
//
// Invariant: nothing is stored and nobody is written to; what is tested is said (the text in the editor, or what is in
// force).
//
// Deliberately not here: a history of tests.

import { useState } from "preact/hooks";
import * as api from "../api";
import type { Holder, TestedEvent } from "../contract";
import { failure, useDesk } from "../desk";
import { useWords } from "../i18n";
import { parsed, type Draft } from "../policy/draft";
import { sample, SAMPLES, type Sample } from "../policy/samples";
import { lineAndColumn, scan } from "../policy/scan";
import { className, eventSentence } from "../sentences";
import { Button, Choice, Empty, Tag } from "./basics";
import { Editor, jump } from "./editor";
import { GateSays } from "./lanes";
import { Moment } from "./time";

const EDITOR = "delivery-text";

export function PolicyTest({ draft }: { draft: Draft }) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  const [chosen, setChosen] = useState<Sample | "own">("text");
  const [text, setText] = useState(() => sample("text", line));
  const [holder, setHolder] = useState<Holder>("automation");
  const [arrives, setArrives] = useState("");
  const [isDraft, setDraft] = useState(true);
  const [fates, setFates] = useState<TestedEvent[] | null>(null);
  const [wrong, setWrong] = useState("");
  const document = parsed(draft.text);

  const choose = (next: Sample | "own") => {
    setChosen(next);
    if (next !== "own") setText(sample(next, line));
  };
  const run = async () => {
    setWrong("");
    const { mistake } = scan(text);
    const delivery = parsed(text);
    if (delivery === null) {
      setFates(null);
      setWrong(mistake ? t.policy.json(...lineAndColumn(text, mistake.offset), mistake.found) : t.policy.notObject);
      if (mistake) jump(EDITOR, mistake.offset);
      return;
    }
    try {
      const at = new Date(arrives).getTime();
      setFates(await api.testRules({
        delivery,
        holder,
        ...(isDraft && document ? { document } : {}),
        ...(Number.isNaN(at) ? {} : { at_ms: at }),
      }));
    } catch (error) {
      setFates(null);
      const mistakes = error instanceof api.Failed ? error.mistakes.map(({ path, message }) => `${path}: ${message}`) : [];
      setWrong([failure(words, error), ...mistakes].join(" "));
    }
  };

  return (
    <section class="test" aria-labelledby="test-title">
      <h2 id="test-title">{t.policy.testTitle}</h2>
      <div class="test-form">
        <div class="stack">
          <label>{t.policy.sample}
            <select value={chosen} onChange={(event) => choose(event.currentTarget.value as Sample | "own")}>
              {([...SAMPLES, "own"] as const).map((name) => <option key={name} value={name}>{t.policy.samples[name]}</option>)}
            </select>
          </label>
          <div>
            <p class="label">{t.policy.holder}</p>
            <Choice label={t.policy.holder} value={holder} onChoose={setHolder} options={(["automation", "human"] as const).map((value) => ({ value, label: t.policy.holders[value] }))} />
          </div>
          <label>{t.policy.arrives}
            <input type="datetime-local" value={arrives} onInput={(event) => setArrives(event.currentTarget.value)} />
          </label>
          <label class="check"><input type="checkbox" checked={isDraft} onChange={(event) => setDraft(event.currentTarget.checked)} />{t.policy.testDraft}</label>
          {isDraft && document === null && <p class="notice warn">{t.policy.draftWrong}</p>}
          <Button kind="main" onPress={run}>{t.policy.run}</Button>
        </div>
        <Editor id={EDITOR} label={t.policy.delivery} value={text} rows={14} isWrong={wrong !== ""}
          onInput={(next) => { setText(next); setChosen("own"); }} />
      </div>
      <div aria-live="polite" data-testid="fates">
        {wrong !== "" && <p class="notice bad">{wrong}</p>}
        {fates !== null && <h3>{t.policy.fates}</h3>}
        {fates !== null && (fates.length === 0
          ? <Empty title={t.policy.noFates} hint="" />
          : <ol class="items card" aria-label={t.policy.fates}>{fates.map((fate, index) => <Fate key={index} fate={fate} />)}</ol>)}
      </div>
    </section>
  );
}

function Fate({ fate }: { fate: TestedEvent }) {
  const words = useWords();
  const { t } = words;
  return (
    <li>
      <div>
        <p><strong>{className(words, fate.class)}</strong> <code>{fate.id}</code></p>
        <p>{eventSentence(words, fate)} {t.policy.thenHolds(fate.holder === "human" ? t.policy.aPerson : t.policy.theBot)}</p>
        {fate.due_at_ms !== null && <p>{t.talk.fields.due}: <Moment at={fate.due_at_ms} /></p>}
        <GateSays text={fate.explanation} />
      </div>
      <Tag tone={fate.state === "delivered" ? "good" : fate.state === "withheld" ? "human" : "plain"}>{t.stateTags[fate.state] ?? fate.state}</Tag>
    </li>
  );
}
