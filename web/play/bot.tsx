// The bot: what it does just now, what it is made of today, and what it was delivered and answered, newest first.
import { clock, span, useNow } from "./time";
import type { Answer, Bot, Delivery, Fault, SampleBot } from "./view";

const FAULTS: [Fault, string][] = [
  ["none", "No fault"],
  ["error", "Answers 500"],
  ["timeout", "Does not answer"],
  ["twice", "Answers twice"],
  ["down", "Is down"],
];

const OUTCOME: Record<(Delivery | Answer)["outcome"], [tone: string, word: string]> = {
  taken: ["good", "got it"],
  answered500: ["bad", "failed: 500"],
  noAnswer: ["bad", "does not answer"],
  unreachable: ["bad", "is down"],
  sent: ["good", "sent"],
  refused: ["bad", "refused"],
  duplicate: ["bad", "refused: sent already"],
  failed: ["bad", "not sent"],
};

interface Props {
  bot: Bot;
  isOn: boolean;
  onSet: (settings: { thinkSeconds: number } | { fault: Fault }) => void;
}

export function BotPane({ bot, isOn, onSet }: Props) {
  return (
    <section class="pane bot" data-pane="bot" aria-labelledby="bot-title">
      <h2 id="bot-title">Bot <span>{bot.own ? "yours" : "answers by itself"}</span></h2>
      {bot.own ? <p class="empty">Your own bot is behind the gate. What it sends appears on the phones; what it is refused, in the gate’s decisions.</p> : <Sample bot={bot} isOn={isOn} onSet={onSet} />}
    </section>
  );
}

function Sample({ bot, isOn, onSet }: Omit<Props, "bot"> & { bot: SampleBot }) {
  return (
    <>
      <State bot={bot} />
      <div class="settings">
        <label for="think">Thinks for <output for="think">{bot.thinkSeconds} s</output></label>
        <input id="think" type="range" min={0} max={20} step={1} value={bot.thinkSeconds} aria-valuetext={span(bot.thinkSeconds)} onChange={({ currentTarget }) => onSet({ thinkSeconds: Number(currentTarget.value) })} />
        <label for="fault">Fault</label>
        <select id="fault" value={bot.fault} onChange={({ currentTarget }) => onSet({ fault: currentTarget.value as Fault })}>
          {FAULTS.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
      </div>
      <div class="log" role="group" aria-label="What the bot was delivered and answered, newest first" tabIndex={0}>
        {bot.log.length === 0 && <p class="empty">Nothing has been delivered yet</p>}
        <ol>{bot.log.map((entry) => <Row key={entry.key} entry={entry} isOn={isOn} />)}</ol>
      </div>
    </>
  );
}

function State({ bot }: { bot: SampleBot }) {
  const [thought] = bot.thoughts;
  const now = useNow(Boolean(thought));
  const last = bot.log[0];
  if (thought) {
    return (
      <div class="state" data-state="thinking">
        <p>Thinking … <b>{span((thought.until - now) / 1000)}</b></p>
        <progress aria-label="How far the bot has thought" max={thought.until - thought.since} value={Math.min(now, thought.until) - thought.since} />
      </div>
    );
  }
  const [tone, word] = last?.kind === "answer" ? OUTCOME[last.outcome] : ["", ""];
  return (
    <div class="state" data-state={last?.kind === "answer" ? last.outcome : "idle"} data-tone={tone}>
      <p>{last?.kind === "answer" ? `Answer ${word}` : "Idle"}</p>
    </div>
  );
}

function Row({ entry, isOn }: { entry: Delivery | Answer; isOn: boolean }) {
  const [tone, word] = OUTCOME[entry.outcome];
  const isStruck = entry.kind === "answer" && entry.outcome !== "sent";
  return (
    <li data-tone={tone} data-kind={entry.kind}>
      <span class="dir">{entry.kind === "delivery" ? (isOn ? `in, attempt ${entry.attempt}` : "in") : "out"}</span>
      <span class="text">{isStruck ? <del>{entry.text}</del> : entry.text}</span>
      <span class="outcome">{word}</span>
      <time>{clock(entry.at, true)}</time>
      {entry.kind === "answer" && entry.sentence && <span class="sentence">{entry.sentence}</span>}
    </li>
  );
}
