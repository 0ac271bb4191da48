// The module that the runtime loads: it passes requests and calls on to the Wasm module that worker-build made.
//
// What worker-build generates wraps each object in proxies, which are made anew for every call, and gives objects no
// methods but `fetch`. Here objects are classes of the runtime, so that they can be called (`ask`), and calls go straight
// to the module.
//
// Invariant: a module that was torn by a trap is never called again. A trap is noted for worker-build's own proxies, and
// while it stands everything goes by way of them: they start the module anew.
//
// Deliberately not here: anything about webhooks.

import { DurableObject } from "cloudflare:workers";
import Worker, * as built from "worker-build";

const state = globalThis.__worker_init_state;
const { fetch } = Worker.prototype;

/** Calls a method of the module, and notes where it was torn. */
function call(method, self, argument) {
  try {
    const result = method.call(self, argument);
    return result instanceof Promise ? result.catch(note) : result;
  } catch (error) {
    return note(error);
  }
}

function note(error) {
  if (error instanceof WebAssembly.RuntimeError) {
    console.error("Critical", error);
    state.criticalError = true;
  }
  throw error;
}

export default {
  fetch(request, env, ctx) {
    if (state.criticalError) return new Worker(ctx, env).fetch(request);
    return call(fetch, { env, ctx }, request);
  },
};

/** The class of the runtime for a class of the module. */
function object(Class) {
  const { ask, fetch } = Class.prototype;
  return class extends DurableObject {
    constructor(context, env) {
      super(context, env);
      this.inner = new Class(context, env);
    }

    ask(text) {
      return state.criticalError ? this.inner.ask(text) : call(ask, this.inner, text);
    }

    fetch(request) {
      return state.criticalError ? this.inner.fetch(request) : call(fetch, this.inner, request);
    }
  };
}

/** The same for a class that is woken. */
function sleeper(Class) {
  const { alarm } = Class.prototype;
  return class extends object(Class) {
    alarm() {
      return state.criticalError ? this.inner.alarm() : call(alarm, this.inner);
    }
  };
}

export const Conversation = sleeper(built.Conversation);
export const Office = object(built.Office);

export class Desk extends sleeper(built.Desk) {
  // A live stream says nothing but "ping", which is answered without these (`edge/desk.rs`).
  webSocketMessage() {}
  webSocketClose() {}
  webSocketError() {}
}
