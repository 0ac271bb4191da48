// The gate: who holds the baton, for how long still, and its last decisions in its own sentences, newest first.
import { clock, span, useNow } from "./time";
import type { Decision, View } from "./view";

// The question, the person's answer and the bot's: with more, somebody has gone on by hand.
const TOUR_MESSAGES = 3;
const SIGN: Record<Decision["tone"], string> = { pass: "→", stop: "✕", turn: "⇄", wait: "…", leak: "!" };

export function GatePanel({ view }: { view: View }) {
  const { gate } = view;
  return (
    <section class="gate" data-on={gate.on} aria-labelledby="gate-title">
      <div class="turn">
        <h2 id="gate-title" class="hidden">The gate</h2>
        <Turn view={view} />
        <Hint view={view} />
      </div>
      <div class="decisions" role="log" aria-label="Decisions of the gate, newest first" tabIndex={0}>
        {gate.on && gate.decisions.length === 0 && <p class="empty">What the gate decides, and why, stands here.</p>}
        {!gate.on && <OffNote view={view} />}
        {gate.on && <ol>{gate.decisions.map((one) => <DecisionRow key={one.key} decision={one} />)}</ol>}
      </div>
    </section>
  );
}

/** Who speaks, in one line that can be read from afar. */
function Turn({ view: { gate, person, customer } }: { view: View }) {
  const isHuman = gate.on && gate.holder === "human";
  const now = useNow(isHuman);
  if (gate.status === "starting") return <p class="holder" data-holder="none">The gate is starting …</p>;
  if (gate.status === "down") return <p class="holder" data-holder="none">The gate has stopped</p>;
  if (!gate.on) return <p class="holder" data-holder="none">Baton is off</p>;
  if (!isHuman) return <p class="holder" data-holder="bot">The bot holds the baton</p>;
  const left = Math.max(0, ((gate.holdUntil ?? now) - now) / 1000);
  return (
    <>
      <p class="holder" data-holder="person">{person} holds the baton</p>
      <p class="left">{gate.isAwaited ? <>{customer} waits: back to the bot in <b>{span(left)}</b></> : <>for <b>{span(left)}</b> more</>}</p>
      {gate.leaseSeconds !== null && <progress aria-label={`What is left of ${person}'s time`} max={Math.max(gate.leaseSeconds, left)} value={left} />}
    </>
  );
}

const STEPS = {
  asks: () => "1. The customer asks, and the bot begins to think.",
  answers: (person: string) => `2. Meanwhile ${person} answers from the phone.`,
  late: () => "3. Now the bot is ready to answer too …",
};
const OUTCOMES = {
  collision: "Two voices: the bot answered over the person.",
  prevented: "One voice: the bot was too late, and was refused.",
  none: "The bot did not come too late this time.",
};

/** What there is to see just now, or to do next. */
function Hint({ view }: { view: View }) {
  const { gate, tour, person, bot } = view;
  const seen = outcomeOf(view);
  const words = () => {
    if (gate.status !== "up") return "";
    if (tour.state === "running") return STEPS[tour.step](person);
    if (seen) return bot.own ? OUTCOMES[seen] : `${OUTCOMES[seen]} Now switch Baton ${gate.on ? "off" : "on"}, and ${tour.state === "done" ? "press again" : "do the same"}.`;
    if (!bot.own && bot.thoughts.length > 0) return `The bot thinks. Answer as ${person} before it does.`;
    return gate.on ? "Press Show me, or write in the phones below." : "Without Baton: press Show me, or write in the phones below.";
  };
  return (
    <>
      <p class="hint" role="status" data-outcome={seen}>{words()}</p>
      {gate.on && gate.status === "up" && gate.holder !== "human" && gate.leaseSeconds !== null && <p class="small">{leaseNote(gate.leaseSeconds, gate.ownLeaseSeconds)}</p>}
    </>
  );
}

/** What came of it: the tour's end, or what was made to happen by hand just now. */
function outcomeOf({ tour, gate, messages }: View): keyof typeof OUTCOMES | undefined {
  if (tour.state === "running") return undefined;
  const last = messages[messages.length - 1];
  if (last?.from === "bot" && last.lateMs !== null) return "collision";
  if (last?.from === "person" && gate.on && gate.prevented > 0) return "prevented";
  return tour.state === "done" && messages.length <= TOUR_MESSAGES ? tour.outcome : undefined;
}

function leaseNote(here: number, own: number | null): string {
  const note = `Whoever answers from the phone holds it for ${span(here)}.`;
  return own === null || own === here ? note : `${note} Short, for playing: yours is ${span(own)}.`;
}

function OffNote({ view: { messages, person } }: { view: View }) {
  const late = messages.filter(({ lateMs }) => lateMs !== null);
  const last = late[late.length - 1];
  if (!last) return <p class="empty">Meta calls the bot, the bot sends to Meta, and nobody stands between.</p>;
  return (
    <p class="collision">
      <b>Two voices.</b> {person} had answered {span((last.lateMs ?? 0) / 1000)} before the bot did, and nobody stopped it.
    </p>
  );
}

function DecisionRow({ decision: { at, tone, title, quote, text, due } }: { decision: Decision }) {
  const left = due ? (due - Date.now()) / 1000 : 0;
  useNow(left > 0);
  return (
    <li data-tone={tone}>
      <span class="sign" aria-hidden="true">{SIGN[tone]}</span>
      <div>
        <b>{title}</b>
        {quote && <q>{quote}</q>}
        <span class="why">{text}</span>
        {left > 0 && <span class="due" aria-hidden="true">next attempt in {span(left)}</span>}
      </div>
      <time>{clock(at, true)}</time>
    </li>
  );
}
