// What the server streams (dev/play/stage.mjs, `view`), and the way back: one POST for each thing that the user does.
//
// Invariant: the page shows what it was given and concludes nothing from it about who may speak.

export type Speaker = "customer" | "person" | "bot";
export type Fault = "none" | "error" | "timeout" | "twice" | "down";
export type Tone = "pass" | "stop" | "turn" | "wait" | "leak";

export interface Message {
  key: number;
  at: number;
  from: Speaker;
  text: string;
  /** How long after the person's answer the bot spoke; null where it spoke over nobody. */
  lateMs: number | null;
}

export interface Decision {
  key: number;
  at: number;
  tone: Tone;
  title: string;
  quote?: string;
  text: string;
  /** When the next attempt is due. */
  due?: number | null;
}

export interface Gate {
  on: boolean;
  status: "starting" | "up" | "down";
  canSwitch: boolean;
  holder: "human" | "automation";
  /** When the baton goes back to the bot if nobody writes. */
  holdUntil: number | null;
  /** Whether the customer waits for the person. */
  isAwaited: boolean;
  leaseSeconds: number | null;
  ownLeaseSeconds: number | null;
  prevented: number;
  decisions: Decision[];
}

export interface Delivery {
  key: number;
  at: number;
  kind: "delivery";
  text: string;
  attempt: number;
  outcome: "taken" | "answered500" | "noAnswer" | "unreachable";
}

export interface Answer {
  key: number;
  at: number;
  kind: "answer";
  text: string;
  outcome: "sent" | "refused" | "duplicate" | "failed";
  sentence?: string;
}

export interface SampleBot {
  own: false;
  thinkSeconds: number;
  fault: Fault;
  log: (Delivery | Answer)[];
  thoughts: { text: string; since: number; until: number }[];
}

export type Bot = SampleBot | { own: true };

export type Tour =
  | { state: "idle" }
  | { state: "running"; step: "asks" | "answers" | "late" }
  | { state: "done"; outcome: "collision" | "prevented" | "none" };

export interface View {
  customer: string;
  person: string;
  gate: Gate;
  messages: Message[];
  typing: boolean;
  bot: Bot;
  tour: Tour;
  trouble: string | null;
}

interface Actions {
  customer: { text: string };
  person: { text: string };
  bot: { thinkSeconds: number } | { fault: Fault };
  gate: { on: boolean };
  reset: object;
  tour: object;
}

/** Does it, and resolves what went wrong, or nothing. */
export async function act<Name extends keyof Actions>(name: Name, body: Actions[Name]): Promise<string | undefined> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="play-token"]')?.content ?? "";
  try {
    const response = await fetch(`/play/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-play-token": token },
      body: JSON.stringify(body),
    });
    return response.ok ? undefined : ((await response.json()) as { error: string }).error;
  } catch {
    return GONE;
  }
}

const GONE = "The playground does not answer. Is npm start still running?";

/** Follows the server; `onTrouble` is told that it has gone. When it is back, it may be another one: the page loads anew. */
export function follow(onView: (view: View) => void, onTrouble: (trouble: string) => void): () => void {
  const source = new EventSource("/play/events");
  let isGone = false;
  source.onmessage = ({ data }: MessageEvent<string>) => (isGone ? location.reload() : onView(JSON.parse(data) as View));
  source.onerror = () => {
    isGone = true;
    onTrouble(GONE);
  };
  return () => source.close();
}
