// The calls to the gate's API: one function that fetches, and one line for each operation.
//
// Invariant: every failure is a `Failed`, with the problem's own words where the gate sent some. A 401 is also told to
// whoever listens, once, so that the page can ask to sign in. A write carries the session's CSRF token; where it has
// gone stale (another tab has signed in), it is fetched anew and the write is made once more.
//
// Every call says that it is no navigation, so that Cloudflare Access answers 401 to it and not with its own page.
//
// Deliberately not here: repeating what failed. A person sees the failure and decides.

import type {
  Alert, Collisions, CollisionOutcome, ConversationRecord, Conversations, DeadLetters, Erased, Explanation, Holder,
  Line, Mistake, Policy, PolicyDocument, PolicyVersion, Problem, Replayed, ReplayedMany, ReplayOrder, RuleTest,
  Session, Span, Observation, Statistics, TestedEvent, Turn,
} from "./contract";
import { setClock } from "./clock";

const BASE = "/api/v1";
const TIMEOUT_MS = 30_000;

/** A call that did not succeed. `status` is 0 where there was no answer. */
export class Failed extends Error {
  readonly status: number;
  readonly problem: Problem | null;
  constructor(status: number, problem: Problem | null, message: string) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
  get mistakes(): Mistake[] {
    return this.problem?.mistakes ?? [];
  }
}

let csrf = "";
/** The line that the session is for; null where it is for all of them. */
let own: string | null = null;
let onSignedOut = () => {};
/** Who is told that the session has ended. */
export const whenSignedOut = (listener: () => void) => { onSignedOut = listener; };

type Query = Record<string, string | number | boolean | undefined>;
interface Call { method?: string; query?: Query; body?: unknown; signal?: AbortSignal | undefined; quiet?: boolean }

async function call<T>(path: string, options: Call = {}): Promise<T> {
  const { method = "GET", query = {}, body, quiet = false } = options;
  const address = new URL(BASE + path, location.origin);
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") address.searchParams.set(key, String(value));
  }
  const control = new AbortController();
  const abort = () => control.abort();
  options.signal?.addEventListener("abort", abort);
  const timer = setTimeout(abort, TIMEOUT_MS);
  const send = () => {
    const headers: Record<string, string> = { accept: "application/json", "x-requested-with": "XMLHttpRequest" };
    if (method !== "GET") headers["x-csrf-token"] = csrf;
    if (body !== undefined) headers["content-type"] = "application/json";
    return fetch(address, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: control.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  let response: Response;
  let content: unknown = null;
  try {
    response = await send();
    if (response.status === 403 && path !== "/session" && await renewed()) response = await send();
    setClock(response.headers.get("date"));
    if (response.status === 204) return undefined as T;
    const text = await response.text();
    content = /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : null;
  } catch (error) {
    if (options.signal?.aborted || error instanceof Failed) throw error;
    throw new Failed(0, null, "no answer");
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
  if (response.ok && content !== null) return content as T;
  if (response.status === 401 && !quiet) onSignedOut();
  const problem = content as Problem | null;
  throw new Failed(response.status, problem, problem?.detail ?? problem?.title ?? `HTTP ${response.status}`);
}

async function renewed(): Promise<boolean> {
  const before = csrf;
  await session().catch((error: unknown) => {
    if (error instanceof Failed && error.status === 401) onSignedOut();
    throw error;
  });
  return csrf !== before;
}

const keep = (answer: Session) => { csrf = answer.csrf; own = answer.line; return answer; };
const place = (line: string, customer: string) => `/conversations/${encodeURIComponent(line)}/${encodeURIComponent(customer)}`;
const post = <T>(path: string, body?: unknown) => call<T>(path, { method: "POST", ...(body === undefined ? {} : { body }) });

export const session = () => call<Session>("/session", { quiet: true }).then(keep);
export const signIn = (token: string) => call<Session>("/session", { method: "POST", body: { token }, quiet: true }).then(keep);
export const signOut = () => call<void>("/session", { method: "DELETE", quiet: true });
export const lines = () => call<{ lines: Line[] }>("/lines").then((answer) => answer.lines);

export interface ConversationQuery extends Query {
  line: string; holder?: Holder; waiting?: boolean; dead_letters?: boolean; q?: string; cursor?: string; limit?: number;
}
export const conversations = (query: ConversationQuery, signal?: AbortSignal) => call<Conversations>("/conversations", { query, signal });
export const conversation = (line: string, customer: string, signal?: AbortSignal) => call<ConversationRecord>(place(line, customer), { signal });
export const take = (line: string, customer: string) => post<Turn>(`${place(line, customer)}/take`);
export const release = (line: string, customer: string) => post<Turn>(`${place(line, customer)}/release`);
export const pause = (line: string, customer: string, until_ms: number) => post<Turn>(`${place(line, customer)}/pause`, { until_ms });
export const replay = (line: string, customer: string) => post<Replayed>(`${place(line, customer)}/replay`);
export const erase = (line: string, customer: string) => call<Erased>(place(line, customer), { method: "DELETE" });
export const explain = (wamid: string, line: string, customer: string) =>
  call<Explanation>(`/explain/${encodeURIComponent(wamid)}`, { query: { line, customer } });

export const deadLetters = (query: { line: string; since_ms?: number; cursor?: string }, signal?: AbortSignal) =>
  call<DeadLetters>("/dead-letters", { query, signal });
export const replayMany = (order: ReplayOrder) => post<ReplayedMany>("/dead-letters/replay", order);
export interface CollisionQuery extends Query { line: string; since_ms?: number; outcome?: CollisionOutcome; cursor?: string }
export const collisions = (query: CollisionQuery, signal?: AbortSignal) => call<Collisions>("/collisions", { query, signal });
export const statistics = (line: string, span: Span, signal?: AbortSignal) => call<Statistics>("/statistics", { query: { line, span }, signal });
export const observation = (line: string, signal?: AbortSignal) => call<Observation>("/observation", { query: { line }, signal });
export const alerts = (line: string, signal?: AbortSignal) => call<{ alerts: Alert[] }>("/alerts", { query: { line }, signal }).then((answer) => answer.alerts);

// Who has signed in for one line sees and changes that line's own policy.
const whose = () => (own === null ? {} : { query: { line: own } });
export const policy = (signal?: AbortSignal) => call<Policy>("/policy", { ...whose(), signal });
export const putPolicy = (document: PolicyDocument, base_version: number, note: string) =>
  call<Policy>("/policy", { ...whose(), method: "PUT", body: { document, base_version, ...(note === "" ? {} : { note }) } });
export const checkPolicy = (document: PolicyDocument, signal?: AbortSignal) =>
  call<{ mistakes: Mistake[] }>("/policy/check", { ...whose(), method: "POST", body: { document }, signal }).then((answer) => answer.mistakes);
export const policyVersions = (signal?: AbortSignal) => call<{ versions: PolicyVersion[] }>("/policy/versions", { ...whose(), signal }).then((answer) => answer.versions);
export const rollback = (version: number) => call<Policy>("/policy/rollback", { ...whose(), method: "POST", body: { version } });
export const testRules = (test: RuleTest) => call<{ events: TestedEvent[] }>("/policy/test", { ...whose(), method: "POST", body: test }).then((answer) => answer.events);
