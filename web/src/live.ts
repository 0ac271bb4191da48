// The live stream: one WebSocket for each shard of the line, as one source of messages and one state.
//
// Invariant: `state` is "live" only while every shard's socket is open and answers. After a gap a `resync` tells the
// listeners to load again what they show: messages of the gap are gone, and the page does not pretend otherwise.
//
// Deliberately not here: what a message changes (the views know), and storing messages.

import type { Line, LiveMessage } from "./contract";

export type LiveState = "connecting" | "live" | "broken";
type Heard = LiveMessage | { type: "resync" };

const PING_EVERY_MS = 30_000;
const PONG_WITHIN_MS = 10_000;
const WAIT_FIRST_MS = 1_000;
const WAIT_MAX_MS = 30_000;
// How the gate closes a stream whose session has ended.
const SESSION_ENDED = 4401;

export class Live {
  #listeners = new Set<(message: Heard) => void>();
  #shards: Shard[];
  #wasOpen = false;
  #wasBroken = false;
  #state: LiveState = "connecting";
  #onState: (state: LiveState) => void;

  /** `onRefused` is called when a socket did not open, or was closed for it: the session may have ended. */
  constructor(line: Line, onState: (state: LiveState) => void, onRefused: () => void) {
    this.#onState = onState;
    this.#shards = Array.from({ length: Math.max(1, line.shards) }, (_, shard) =>
      new Shard(line.id, shard, (message) => this.#tell(message), () => this.#changed(), onRefused));
    addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
  }

  listen(listener: (message: Heard) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  close() {
    removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#listeners.clear();
    this.#shards.forEach((shard) => shard.close());
  }

  #wake = () => {
    if (document.visibilityState === "visible") this.#shards.forEach((shard) => shard.wake());
  };

  #tell(message: Heard) {
    this.#listeners.forEach((listener) => listener(message));
  }

  #changed() {
    const isOpen = this.#shards.every((shard) => shard.isOpen);
    const hasFailed = this.#shards.some((shard) => shard.hasFailed);
    const state = isOpen ? "live" : hasFailed || this.#wasOpen ? "broken" : "connecting";
    if (state === "broken") this.#wasBroken = true;
    if (isOpen && this.#wasBroken) { this.#wasBroken = false; this.#tell({ type: "resync" }); }
    if (isOpen) this.#wasOpen = true;
    if (state !== this.#state) { this.#state = state; this.#onState(state); }
  }
}

/** One socket that comes back by itself. */
class Shard {
  isOpen = false;
  hasFailed = false;
  #line: string;
  #shard: number;
  #socket: WebSocket | null = null;
  #isClosed = false;
  #wait = WAIT_FIRST_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #pong: ReturnType<typeof setTimeout> | undefined;
  #onMessage: (message: LiveMessage) => void;
  #onChange: () => void;
  #onRefused: () => void;

  constructor(line: string, shard: number, onMessage: (message: LiveMessage) => void, onChange: () => void, onRefused: () => void) {
    this.#line = line;
    this.#shard = shard;
    this.#onMessage = onMessage;
    this.#onChange = onChange;
    this.#onRefused = onRefused;
    this.#open();
  }

  /** Tries again at once: the network is back, or the page is looked at again. */
  wake() {
    if (this.#isClosed) return;
    if (this.isOpen) this.#sendPing();
    else if (this.#socket === null) { this.#wait = WAIT_FIRST_MS; this.#open(); }
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  #open() {
    clearTimeout(this.#retry);
    const address = new URL("/api/v1/live", location.origin);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ line: this.#line, shard: String(this.#shard) }).toString();
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      this.isOpen = true;
      this.hasFailed = false;
      this.#wait = WAIT_FIRST_MS;
      this.#ping = setInterval(() => this.#sendPing(), PING_EVERY_MS);
      this.#onChange();
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#pong);
      this.#pong = undefined;
      if (typeof data !== "string" || data === "pong") return;
      let message: LiveMessage;
      try {
        message = JSON.parse(data) as LiveMessage;
      } catch {
        return;
      }
      this.#onMessage(message);
    };
    socket.onclose = ({ code }) => {
      this.#lost();
      if (code === SESSION_ENDED) this.#onRefused();
    };
  }

  #lost() {
    const hadOpened = this.isOpen;
    this.#drop();
    if (this.#isClosed) return;
    this.hasFailed = true;
    this.#retry = setTimeout(() => this.#open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, WAIT_MAX_MS);
    if (!hadOpened) this.#onRefused();
    this.#onChange();
  }

  #drop() {
    clearInterval(this.#ping);
    clearTimeout(this.#pong);
    this.#pong = undefined;
    this.isOpen = false;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #sendPing() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send("ping");
    this.#pong ??= setTimeout(() => this.#lost(), PONG_WITHIN_MS);
  }
}
