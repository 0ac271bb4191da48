// Runs the built Worker in a runtime whose namespaces know jurisdictions, and prints which objects it asked for in which.
//
//     jurisdiction.mjs JURISDICTION [older]
//
// With `older` the objects are of a version that is asked by `fetch` only, as during a deployment.
//
// The runtime of `wrangler dev` refuses the call (workerd, "Jurisdiction restrictions are not implemented"), so the three
// namespaces are stand-ins here: they note by what name an object is asked for, and in which jurisdiction, and pass the
// rest on. Everything else is real: the Worker, its objects, their storage.
//
// What is printed: {"/health": status, "inside": {binding: names}, "outside": {binding: names}}.
//
// Miniflare is what wrangler itself runs on, and comes with it.
//
// Deliberately not here: whether that is right (jurisdiction.rs).
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Miniflare, convertV4MiniflareOptions } from "miniflare";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const APP_SECRET = "app secret of the jurisdiction";
const ADMIN_TOKEN = "token of the jurisdiction";

const WRAPPER = `
  import Gate, { Conversation as C, Desk as D, Office as O } from "./gate.js";
  const OLDER = ${process.argv[3] === "older"};
  const asked = { inside: {}, outside: {} };
  class DurableObjectNamespace {
    constructor(binding, real, place) { Object.assign(this, { binding, real, place }); }
    jurisdiction(place) { return new DurableObjectNamespace(this.binding, this.real, place); }
    getByName(name) {
      const where = this.place === "eu" ? asked.inside : asked.outside;
      (where[this.binding] ??= []).push(name);
      const object = this.real.getByName(name);
      if (!OLDER) return object;
      const refused = "The receiving Durable Object does not support RPC, because its class was not declared with \`extends DurableObject\`.";
      return { ask: () => Promise.reject(new TypeError(refused)), fetch: (request) => object.fetch(request) };
    }
  }
  const stand = (env) => {
    const all = { ...env };
    for (const name of ["CONVERSATION", "DESK", "OFFICE"]) all[name] = new DurableObjectNamespace(name, env[name]);
    return all;
  };
  export class Conversation extends C { constructor(state, env) { super(state, stand(env)); } }
  export class Desk extends D { constructor(state, env) { super(state, stand(env)); } }
  export class Office extends O { constructor(state, env) { super(state, stand(env)); } }
  export default {
    fetch(request, env, context) {
      return new URL(request.url).pathname === "/asked" ? Response.json(asked) : Gate.fetch(request, stand(env), context);
    },
  };
`;

const built = (name) => fs.readFileSync(path.join(ROOT, "build", name));
const runtime = new Miniflare(convertV4MiniflareOptions({
  modulesRoot: "/",
  modules: [
    { type: "ESModule", path: "/wrapper.mjs", contents: WRAPPER },
    { type: "ESModule", path: "/gate.js", contents: built("index.js").toString() },
    { type: "CompiledWasm", path: "/index_bg.wasm", contents: built("index_bg.wasm") },
  ],
  compatibilityDate: "2026-10-20",
  durableObjects: {
    CONVERSATION: { className: "Conversation", useSQLite: true },
    DESK: { className: "Desk", useSQLite: true },
    OFFICE: { className: "Office", useSQLite: true },
  },
  kvNamespaces: ["CONFIG"],
  bindings: {
    ADMIN_TOKEN,
    META_APP_SECRET: APP_SECRET,
    META_VERIFY_TOKEN: "word of the jurisdiction",
    BOT_URL: "http://127.0.0.1:9/webhook",
    LOCAL_DEVELOPMENT: "true",
    JURISDICTION: process.argv[2],
  },
}));

try {
  const ask = async (address, options = {}) => (await runtime.dispatchFetch(`http://gate.test${address}`, options)).status;
  const message = { id: "wamid.J", from: "15550109999", timestamp: "1793700000", type: "text", text: { body: "hello" } };
  const value = {
    messaging_product: "whatsapp",
    metadata: { display_phone_number: "15550100001", phone_number_id: "300000000000001" },
    contacts: [{ wa_id: "15550109999", user_id: "US.1234", profile: { name: "A" } }],
    messages: [{ ...message, from_user_id: "US.1234" }],
  };
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "2", changes: [{ field: "messages", value }] }] });
  const signature = `sha256=${crypto.createHmac("sha256", APP_SECRET).update(body).digest("hex")}`;
  const operator = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
  const statuses = {
    "/health": await ask("/health"),
    "/webhook": await ask("/webhook", { method: "POST", body, headers: { "x-hub-signature-256": signature } }),
    "/api/v1/lines": await ask("/api/v1/lines", operator),
    "/api/v1/diagnosis": await ask("/api/v1/diagnosis", operator),
  };
  // The conversation's object tells the desk a moment later.
  let asked;
  for (let turn = 0; turn < 100; turn += 1) {
    asked = await (await runtime.dispatchFetch("http://gate.test/asked")).json();
    if ([...(asked.inside.DESK ?? []), ...(asked.outside.DESK ?? [])].some((name) => name.startsWith("desk/"))) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  console.log(JSON.stringify({ statuses, ...asked }));
} finally {
  await runtime.dispose();
}
