// What could not be delivered: the list, and sending it on its way again, one by one or together.
//
// Invariant: a replay is said with the number that the gate gave; what is replayed leaves the list by loading it anew.
//
// Deliberately not here: deleting a dead letter. It is kept as long as the policy says.

import { useState } from "preact/hooks";
import * as api from "../api";
import { now } from "../clock";
import type { DeadLetter, ReplayOrder } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { customerName, localInput } from "../format";
import { useWords } from "../i18n";
import { conversationHref } from "../route";
import { className, reasonText } from "../sentences";
import { Button, Empty, Loading, Trouble } from "./basics";
import { Moment } from "./time";

const DAY_MS = 86_400_000;

export function DeadLetterList({ round }: { round: number }) {
  const words = useWords();
  const { t } = words;
  const { line, say } = useDesk();
  const { data, error, isLoading, reload, set } = useLoaded((signal) => api.deadLetters({ line }, signal), [line, round]);
  const [since, setSince] = useState(localInput(now() - DAY_MS));
  const order = async (what: string, wanted: ReplayOrder) => {
    try {
      const { replayed, is_complete } = await api.replayMany(wanted);
      say(is_complete ? t.act.replayed(replayed) : `${t.act.replayed(replayed)} ${t.act.replayMore}`, "good");
      reload();
    } catch (reason) {
      say(`${t.act.failed(what)} ${failure(words, reason)}`, "bad");
    }
  };
  const more = async () => {
    if (!data?.next_cursor) return;
    try {
      const next = await api.deadLetters({ line, cursor: data.next_cursor });
      set({ ...next, dead_letters: [...data.dead_letters, ...next.dead_letters] });
    } catch (reason) {
      say(`${t.failed.load} ${failure(words, reason)}`, "bad");
    }
  };
  const sinceMs = new Date(since).getTime();
  return (
    <section class="card" aria-labelledby="dead-letters">
      <h2 id="dead-letters">{t.health.dead}</h2>
      {error !== null && <Trouble text={failure(words, error)} onRetry={reload} />}
      {data === null ? isLoading && <Loading /> : data.dead_letters.length === 0 ? <Empty title={t.health.noDead} hint={t.health.noDeadHint} /> : <>
        <div class="acts">
          <Button onPress={() => order(t.act.replayAll, { line, all: true })}>{t.act.replayAll}</Button>
          <Button disabled={Number.isNaN(sinceMs)} onPress={() => order(t.act.replaySince, { line, since_ms: sinceMs })}>{t.act.replaySince}</Button>
          <input type="datetime-local" aria-label={t.act.replaySince} value={since} onInput={(event) => setSince(event.currentTarget.value)} />
        </div>
        <ul class="items">
          {data.dead_letters.map((letter) => (
            <li key={`${letter.conversation} ${letter.id}`}>
              <div>
                <p><a href={conversationHref(line, letter.customer)}>{customerName(letter.customer)}</a> · {className(words, letter.class)} · {t.health.gaveUp} <Moment at={letter.died_at_ms} /></p>
                <p class="hint" title={letter.explanation}>{sentence(letter)}</p>
              </div>
              <Button label={`${t.act.replayOne}: ${customerName(letter.customer)}`}
                onPress={() => order(t.act.replayOne, { line, customer: letter.customer, id: letter.id })}>{t.act.replayOne}</Button>
            </li>
          ))}
        </ul>
        {data.next_cursor !== null && <div class="center"><Button onPress={more}>{t.app.more}</Button></div>}
      </>}
    </section>
  );

  function sentence(letter: DeadLetter): string {
    const reason = letter.reason === null ? undefined : reasonText(words, letter.reason);
    if (reason === undefined) return letter.explanation;
    const parts = [`${t.states.dead}: ${reason}.`, `${t.health.attemptsMade(letter.attempts)}.`];
    if (letter.bot !== null) parts.push(t.forBot(letter.bot));
    return parts.join(" ");
  }
}
