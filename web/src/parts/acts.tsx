// What can be done with a conversation: take, hand back, pause. The same three buttons wherever one is shown.
//
// Invariant: nothing is shown as done before the gate has said so; a failure is said with the gate's reason.
//
// Deliberately not here: erasing and replaying (views/conversation.tsx), which are not one tap.

import { useRef, useState } from "preact/hooks";
import * as api from "../api";
import { now } from "../clock";
import type { Holder, Turn } from "../contract";
import { failure, useDesk } from "../desk";
import { localInput, moment } from "../format";
import { useWords } from "../i18n";
import { Button, Dialog } from "./basics";

const MINUTE = 60_000;
const PAUSE_MAX_MS = 7 * 24 * 60 * MINUTE;
const MORNING_HOUR = 9;

interface Props { customer: string; who: string; holder: Holder; onTurn: (turn: Turn) => void }

export function Acts({ customer, who, holder, onTurn }: Props) {
  const words = useWords();
  const { t, locale } = words;
  const { line, say } = useDesk();
  const [isPausing, setPausing] = useState(false);
  const box = useRef<HTMLDivElement>(null);

  const act = async (what: string, call: Promise<Turn>, done: string) => {
    try {
      const turn = await call;
      onTurn(turn);
      requestAnimationFrame(() => keepFocus(box.current));
      say(turn.changed ? done : t.act.unchanged, turn.changed ? "good" : "plain");
    } catch (error) {
      say(`${t.act.failed(what)} ${failure(words, error)}`, "bad");
    }
  };
  const pause = (until: number) => {
    setPausing(false);
    return act(t.act.pause, api.pause(line, customer, until), t.act.pausedUntil(who, moment(locale, until)));
  };

  return (
    <div class="acts" ref={box}>
      {holder === "automation"
        ? <Button kind="soft" icon="person" label={`${t.act.take}: ${who}`} onPress={() => act(t.act.take, api.take(line, customer), t.act.taken(who))}>{t.act.take}</Button>
        : <Button kind="soft" icon="bot" label={`${t.act.release}: ${who}`} onPress={() => act(t.act.release, api.release(line, customer), t.act.released(who))}>{t.act.release}</Button>}
      <Button icon="pause" label={`${t.act.pause}: ${who}`} onPress={() => setPausing(true)}>{t.act.pause}</Button>
      {isPausing && <PauseDialog who={who} onClose={() => setPausing(false)} onPause={pause} />}
    </div>
  );
}

/** A row that moves to its new place, or out of the list, must not take the focus with it. */
function keepFocus(box: HTMLElement | null) {
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  const next = box?.isConnected ? box.querySelector("button") : document.querySelector<HTMLElement>("main h1");
  next?.focus({ preventScroll: true });
}

function PauseDialog({ who, onClose, onPause }: { who: string; onClose: () => void; onPause: (until: number) => Promise<void> }) {
  const { t } = useWords();
  const [custom, setCustom] = useState(localInput(now() + 240 * MINUTE));
  const until = new Date(custom).getTime();
  const isRight = until > now() && until <= now() + PAUSE_MAX_MS;
  return (
    <Dialog title={t.act.pauseTitle} onClose={onClose}>
      <p>{t.act.pauseFor(who)}</p>
      <div class="stack">
        <Button onPress={() => onPause(now() + 30 * MINUTE)}>{t.act.pause30}</Button>
        <Button onPress={() => onPause(now() + 120 * MINUTE)}>{t.act.pause120}</Button>
        <Button onPress={() => onPause(tomorrowMorning())}>{t.act.pauseMorning}</Button>
      </div>
      <form class="stack" onSubmit={(event) => { event.preventDefault(); if (isRight) void onPause(until); }}>
        <label>
          {t.act.pauseCustom}
          <input type="datetime-local" value={custom} min={localInput(now())} max={localInput(now() + PAUSE_MAX_MS)}
            aria-describedby="pause-range" onInput={(event) => setCustom(event.currentTarget.value)} />
        </label>
        <p id="pause-range" class="hint">{t.act.pauseRange}</p>
        <button type="submit" class="button plain" disabled={!isRight}><span>{t.act.pauseSet}</span></button>
      </form>
    </Dialog>
  );
}

function tomorrowMorning(): number {
  const date = new Date(now());
  date.setDate(date.getDate() + 1);
  date.setHours(MORNING_HOUR, 0, 0, 0);
  return date.getTime();
}
