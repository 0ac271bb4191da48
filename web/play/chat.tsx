// A phone: the chat as its owner sees it, and a field to write in. The customer's and the shop's are the same chat.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { clock, span } from "./time";
import type { Message, View } from "./view";

interface Props {
  pane: "customer" | "person";
  title: string;
  note: string;
  me: "customer" | "person";
  view: View;
  disabled: boolean;
  /** What one might write, one after the other. */
  lines: string[];
  onSend: (text: string) => Promise<string | undefined>;
}

export function ChatPane({ pane, title, note, me, view, disabled, lines, onSend }: Props) {
  const { messages, typing } = view;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const mine = messages.filter(({ from }) => from === me).length;
  const suggestion = lines[mine] ?? "";
  const [typed, setTyped] = useState<string>();
  useEffect(() => setTyped(undefined), [mine]);
  const toEnd = () => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  };
  useEffect(toEnd, [messages.length, typing]);
  useEffect(() => {
    if (!list.current) return undefined;
    const observer = new ResizeObserver(toEnd);
    observer.observe(list.current);
    return () => observer.disconnect();
  }, []);

  const text = typed ?? suggestion;
  const send = async (event: Event) => {
    event.preventDefault();
    if (text.trim() && !(await onSend(text))) setTyped(undefined);
  };
  return (
    <section class="pane phone" data-pane={pane} aria-labelledby={id}>
      <h2 id={id}>{title} <span>{note}</span></h2>
      <div class="chat" ref={list} role="log" aria-label={`Chat, ${title}`} aria-live={me === "customer" ? "polite" : "off"} tabIndex={0}>
        {messages.length === 0 && <p class="empty">{me === "customer" ? "Write to the shop" : "Nobody has written yet"}</p>}
        {messages.map((message) => <Bubble key={message.key} message={message} me={me} view={view} />)}
        {typing && me === "customer" && <p class="bubble theirs typing"><span class="hidden">somebody types</span><i /><i /><i /></p>}
      </div>
      <form onSubmit={send}>
        <label class="hidden" for={`${id}-text`}>{me === "customer" ? "Write as the customer" : "Write as the shop"}</label>
        <input
          id={`${id}-text`} type="text" autocomplete="off" maxLength={1000} placeholder="Message" value={text}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)} onFocus={({ currentTarget }) => currentTarget.select()}
        />
        <button type="submit" disabled={disabled || !text.trim()} aria-label={me === "customer" ? "Send as the customer" : "Send as the shop"}>
          <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M3 20.5 21.5 12 3 3.5 3 10l12 2-12 2z" fill="currentColor" /></svg>
        </button>
      </form>
    </section>
  );
}

function Bubble({ message, me, view }: { message: Message; me: Props["me"]; view: View }) {
  const { from, text, at, lateMs } = message;
  const side = me === "customer" ? from === "customer" : from !== "customer";
  const name = { customer: view.customer, person: view.person, bot: "Bot" }[from];
  return (
    <div class={`bubble ${side ? "ours" : "theirs"}`} data-from={from} data-late={lateMs !== null}>
      {from !== me && <span class="who">{name}</span>}
      <span class="text">{text}</span>
      <time>{clock(at)}</time>
      {lateMs !== null && <strong class="badge">Two voices: {view.person} answered {span(lateMs / 1000)} before</strong>}
    </div>
  );
}
