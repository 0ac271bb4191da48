// One conversation in the list: who, who holds and why, since when, until when, and what can be done.
//
// Invariant: it is drawn again only when its conversation changes; its times tick by themselves.
//
// Deliberately not here: the order of the rows.

import { memo } from "../memo";
import type { Conversation, Turn } from "../contract";
import { useDesk } from "../desk";
import { customerName } from "../format";
import { useWords } from "../i18n";
import { conversationHref } from "../route";
import { whyHeld } from "../sentences";
import { Acts } from "./acts";
import { Tag } from "./basics";
import { Ago, Since, Until } from "./time";

export function who(conversation: { customer: string; profile?: string | null }): string {
  return conversation.profile || customerName(conversation.customer);
}

export const Row = memo(function Row({ conversation, onTurn }: {
  conversation: Conversation; onTurn: (conversation: Conversation, turn: Turn) => void;
}) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  const { customer, profile, holder, paused, waiting_since_ms, dead_letters } = conversation;
  const others = conversation.names.filter((name) => name !== customer);
  return (
    <li class={`row ${holder} ${waiting_since_ms === null ? "" : "waits"}`} data-customer={customer}>
      <div class="row-who">
        <a href={conversationHref(line, customer)}>{who(conversation)}</a>
        <span class="row-number">
          {[...(profile ? [customer] : []), ...others].map((name) => <span key={name}>{customerName(name)}</span>)}
        </span>
      </div>
      <div class="row-state">
        <p class="tags">
          {holder === "human" ? <Tag tone="human" icon="person">{t.now.held}</Tag> : <Tag tone="bot" icon="bot">{t.now.bot}</Tag>}
          {paused && <Tag tone="plain" icon="pause">{t.now.pausedTag}</Tag>}
          {dead_letters > 0 && <Tag tone="bad" icon="dead">{t.now.deadTag(dead_letters)}</Tag>}
        </p>
        <p class="row-why" title={conversation.explanation}>{whyHeld(words, conversation)}</p>
      </div>
      <Times conversation={conversation} />
      <Acts customer={customer} who={who(conversation)} holder={holder} onTurn={(turn) => onTurn(conversation, turn)} />
    </li>
  );
});

export function Times({ conversation }: { conversation: Pick<Conversation, "holder" | "paused" | "waiting_since_ms" | "hands_back_at_ms" | "lease_until_ms"> & { last_message_at_ms?: number | null } }) {
  const { t } = useWords();
  const { holder, paused, waiting_since_ms, hands_back_at_ms, lease_until_ms, last_message_at_ms = null } = conversation;
  return (
    <div class="times">
      {waiting_since_ms !== null
        ? <p class="waits">{t.now.waits} <strong><Since at={waiting_since_ms} /></strong></p>
        : last_message_at_ms !== null && <p>{t.now.lastWrote} <Ago at={last_message_at_ms} /></p>}
      {holder === "human" && hands_back_at_ms !== null && !paused && <p>{t.now.botIn} <strong><Until at={hands_back_at_ms} /></strong></p>}
      {holder === "human" && lease_until_ms !== null && (paused || hands_back_at_ms === null) && (
        <p>{paused ? t.now.pauseIn : t.now.leaseIn} <strong><Until at={lease_until_ms} /></strong></p>
      )}
    </div>
  );
}
