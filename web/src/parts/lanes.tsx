// The timeline of a conversation in four lanes: customer, phone, bot, gate.
//
// Invariant: it is an ordered list, and each item names its lane in words; the lanes' places and colours only repeat
// that. On a narrow screen the lanes are a rail of four tracks beside the text.
//
// Deliberately not here: the words of the messages. The gate does not show them.

import type { ComponentChildren } from "preact";
import { dayName } from "../format";
import { useWords, type Words } from "../i18n";
import { className, collisionSentence, eventSentence, whyHeld } from "../sentences";
import { LANES, type Happening } from "../timeline";
import { Facts, Tag } from "./basics";
import { Icon, type IconName } from "./icons";
import { Clock, Moment } from "./time";
import { delay } from "../format";

const LANE_ICONS: Record<(typeof LANES)[number], IconName> = { customer: "person", phone: "phone", bot: "bot", gate: "gate" };

export function Lanes({ happenings }: { happenings: Happening[] }) {
  const { t, locale } = useWords();
  let day = "";
  return (
    <div class="lanes">
      <div class="lane-heads" aria-hidden="true">
        <span />
        {LANES.map((lane) => <span key={lane} class={`lane-head ${lane}`}><Icon name={LANE_ICONS[lane]} /><span>{t.talk.lanes[lane]}</span></span>)}
      </div>
      <ol class="happenings" aria-label={t.talk.timeline}>
        {happenings.map((happening) => {
          const name = dayName(locale, happening.at);
          const isNewDay = name !== day;
          day = name;
          return (
            <li key={happening.key} class={`happening ${happening.lane}`} data-lane={happening.lane} tabIndex={-1}>
              {isNewDay && <p class="day">{name}</p>}
              <span class="happening-time"><Clock at={happening.at} /></span>
              <span class="rail" aria-hidden="true"><i /><i /><i /><i /></span>
              <div class="happening-body">
                <span class="happening-lane">{t.talk.lanes[happening.lane]}</span>
                <What happening={happening} />
              </div>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function What({ happening }: { happening: Happening }) {
  const words = useWords();
  const { t, locale } = words;
  switch (happening.what) {
    case "event": {
      const { event } = happening;
      const tone = event.state === "dead" ? "bad" : event.state === "delivered" ? "good" : event.state === "withheld" ? "human" : "plain";
      return (
        <>
          <p class="happening-title">{className(words, event.class)}{event.class !== "echo" && <> <Tag tone={tone}>{t.stateTags[event.state] ?? event.state}</Tag></>}</p>
          <p>{eventSentence(words, event)}</p>
          <Why explanation={event.explanation} rows={eventFacts(words, event)} />
        </>
      );
    }
    case "send": {
      const { send } = happening;
      return (
        <>
          <p class="happening-title">{t.talk.send}</p>
          <p>{t.talk.sends[send.state] ?? send.state}</p>
          <More summary={t.talk.details} rows={[[t.talk.fields.kind, send.kind], [t.talk.fields.id, <code>{send.id ?? t.app.none}</code>]]} />
        </>
      );
    }
    case "transition": {
      const { transition } = happening;
      const isTaken = transition.transition === "takeover";
      const holder = isTaken ? "human" as const : "automation" as const;
      return (
        <>
          <p class="happening-title">
            <Icon name={transition.transition === "warning" ? "warn" : isTaken ? "person" : "bot"} />
            {transition.transition === "warning" ? t.talk.warning : isTaken ? t.talk.takeover : t.talk.handback}
          </p>
          {transition.transition !== "warning" && <p>{whyHeld(words, { holder, paused: false, cause: transition.cause, explanation: transition.cause })}</p>}
          <More summary={t.talk.details} rows={[
            [t.talk.fields.token, String(transition.token)],
            ...(transition.event ? [[t.talk.fields.event, <code>{transition.event}</code>] as [string, ComponentChildren]] : []),
          ]} />
        </>
      );
    }
    case "collision": {
      const { collision } = happening;
      return (
        <>
          <p class="happening-title"><Icon name="collisions" />{t.talk.collision} <Tag tone={collision.outcome === "leaked" ? "bad" : "good"}>{t.collide.outcomes[collision.outcome] ?? collision.outcome}</Tag></p>
          <p>{collisionSentence(words, collision)}</p>
          <Why explanation={collision.explanation} rows={[
            [t.talk.fields.late, delay(locale, collision.late_ms)],
            [t.talk.fields.takenBy, <code>{collision.taken_by ?? t.app.none}</code>],
            ...(collision.message ? [[t.talk.fields.id, <code>{collision.message}</code>] as [string, ComponentChildren]] : []),
          ]} />
        </>
      );
    }
  }
}

interface Shown { id: string; class: string; attempts: number; rule: string | null; bot: string | null; reason: string | null; due_at_ms: number | null; sent_at_ms: number | null; accepted_at_ms: number }

export function eventFacts({ t }: Words, event: Shown): [string, ComponentChildren][] {
  const { fields } = t.talk;
  const rows: [string, ComponentChildren][] = [[fields.id, <code>{event.id}</code>], [fields.accepted, <Moment at={event.accepted_at_ms} />]];
  if (event.sent_at_ms !== null) rows.push([fields.sent, <Moment at={event.sent_at_ms} />]);
  rows.push([fields.attempts, String(event.attempts)]);
  if (event.due_at_ms !== null) rows.push([fields.due, <Moment at={event.due_at_ms} />]);
  if (event.rule !== null) rows.push([fields.rule, event.rule]);
  if (event.bot !== null) rows.push([fields.bot, event.bot]);
  if (event.reason !== null) rows.push([fields.reason, <code>{event.reason}</code>]);
  return rows;
}

/** The gate's own sentence, and what it rests on. */
function Why({ explanation, rows }: { explanation: string; rows: [string, ComponentChildren][] }) {
  const { t } = useWords();
  return <More summary={t.talk.whyNot} rows={rows}><GateSays text={explanation} /></More>;
}

export function GateSays({ text }: { text: string }) {
  const { t } = useWords();
  return text === "" ? null : <p class="gate-says"><span class="hint">{t.app.gateSays}:</span> <q lang="en">{text}</q></p>;
}

function More({ summary, rows, children }: { summary: string; rows: [string, ComponentChildren][]; children?: ComponentChildren }) {
  return <details class="more"><summary>{summary}</summary>{children}<Facts rows={rows} /></details>;
}
