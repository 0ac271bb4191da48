// A stand-in for graph.facebook.com, in its own words: messages, media, templates, numbers and webhook subscriptions,
// with a version in the path and without.
//
// Invariant: every accepted send is in `sends`, in order, and was announced to `onSend`, before it is answered; and
// nothing is answered without a bearer token, as at Meta.
//
// Deliberately not here: delivering anything, the statuses that follow a send (Meta's webhooks, which the player of
// scenarios posts), whether a token or a template is good, and the bytes of media.
// The format: https://developers.facebook.com/docs/whatsapp/cloud-api/reference

import { EventEmitter } from "node:events";
import { randomInt } from "node:crypto";
import { LINE_PHONE, newWamid } from "./meta.mjs";
import { serve } from "./http.mjs";
import { readUpload } from "./upload.mjs";

// One of each category: what a business may send, and at what price, depends on it.
const TEMPLATES = [
  template("410000000000001", "order_ready", "UTILITY", "Hello {{1}}, your order is ready. We are open until 19:00."),
  template("410000000000002", "spring_sale", "MARKETING", "Everything in linen is 20 % off until Saturday."),
  template("410000000000003", "login_code", "AUTHENTICATION", "{{1}} is your verification code."),
];

/** `lines` is the gate's table LINES: these are the numbers and accounts that exist. */
export async function startGraph({ lines }) {
  const graph = { events: new EventEmitter(), lines, media: new Map(), reads: [], sends: [], subscriptions: new Map() };
  const server = await serve(async (request) => {
    const { method, url, headers } = request;
    if (!/^Bearer \S/i.test(headers.authorization ?? "") && !url.searchParams.get("access_token")) return problem(401, 190, "Invalid OAuth access token - Cannot parse access token");
    const path = url.pathname.replace(/^\/v\d+\.\d+(?=\/)/, "");
    for (const [wanted, pattern, answer] of ROUTES) {
      const found = wanted === method && pattern.exec(path);
      const answered = found && await answer({ ...request, graph, id: found[1], graphUrl: server.url });
      if (answered) return answered;
    }
    return problem(400, 100, `Unsupported ${method.toLowerCase()} request. Object with ID '${path.split("/")[1]}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`);
  });
  const { events, reads, sends } = graph;
  return { ...server, reads, sends, onSend: (listener) => events.on("send", listener) };
}

// What a handler answers; undefined where the id names nothing that it knows.
const ROUTES = [
  ["POST", /^\/(\d+)\/messages$/, messages],
  ["POST", /^\/(\d+)\/media$/, upload],
  ["GET", /^\/(\d+)$/, ({ graph, id, graphUrl }) => graph.media.has(id) && ok({ messaging_product: "whatsapp", url: `${graphUrl}/attachments/?mid=${id}`, ...graph.media.get(id) })],
  ["DELETE", /^\/(\d+)$/, ({ graph, id }) => graph.media.delete(id) && ok({ success: true })],
  ["GET", /^\/(\d+)$/, line],
  ["GET", /^\/(\d+)\/message_templates$/, templates],
  ["GET", /^\/(\d+)\/subscriptions$/, ({ graph, id }) => ok({ data: graph.subscriptions.get(id) ?? [] })],
  ["POST", /^\/(\d+)\/subscriptions$/, subscribe],
  ["DELETE", /^\/(\d+)\/subscriptions$/, ({ graph, id }) => { graph.subscriptions.delete(id); return ok({ success: true }); }],
];

async function messages({ graph, id: line, bytes }) {
  const request = parse(await bytes());
  if (request?.messaging_product !== "whatsapp") return missing("messaging_product");
  // Marking as read and the typing indicator come by the same address and make no message.
  if (request.status === "read") {
    if (typeof request.message_id !== "string") return missing("message_id");
    graph.reads.push({ line, id: request.message_id, typing: Boolean(request.typing_indicator) });
    return ok({ success: true });
  }
  // Where both are given Meta takes the number.
  const recipient = request.to || request.recipient;
  if (typeof recipient !== "string") return missing("to");
  const { type = "text" } = request;
  if (typeof request[type] !== "object" || request[type] === null) return missing(type);
  const to = recipient.replace(/^\+/, "");
  const send = { id: newWamid(to, "business"), line, to, text: request.text?.body, request };
  graph.sends.push(send);
  graph.events.emit("send", send);
  const contact = { input: recipient, ...(request.to ? { wa_id: to } : { user_id: to }) };
  const message = { id: send.id, ...(type === "template" && { message_status: "accepted" }) };
  return ok({ messaging_product: "whatsapp", contacts: [contact], messages: [message] });
}

async function upload({ graph, headers, stream }) {
  const { fields, file } = (await readUpload(stream, headers["content-type"])) ?? { fields: {} };
  if (fields.messaging_product !== "whatsapp") return missing("messaging_product");
  if (!file) return missing("file");
  const id = newId();
  graph.media.set(id, { mime_type: file.type ?? fields.type, sha256: file.sha256, file_size: file.size, id });
  return ok({ id });
}

function line({ graph, id, url }) {
  if (!(id in graph.lines)) return undefined;
  const all = { verified_name: "The shop of the demo", display_phone_number: LINE_PHONE, quality_rating: "GREEN", platform_type: "CLOUD_API", is_on_biz_app: true, id };
  return ok(pick(all, url));
}

function templates({ graph, id, url }) {
  if (!Object.values(graph.lines).some(({ account }) => account === id)) return undefined;
  const name = url.searchParams.get("name") ?? "";
  return ok({ data: TEMPLATES.filter((one) => one.name.includes(name)).map((one) => pick(one, url)), paging: {} });
}

/** What n8n's trigger does, for one: an app has one subscription for each object, and the last callback counts. */
async function subscribe({ graph, id, url, headers, bytes }) {
  const body = await bytes();
  const isJson = headers["content-type"]?.includes("json");
  const given = { ...Object.fromEntries(url.searchParams), ...(isJson ? parse(body) : Object.fromEntries(new URLSearchParams(body.toString()))) };
  const absent = ["object", "callback_url", "verify_token"].find((name) => !given[name]);
  if (absent) return missing(absent);
  const { object, callback_url, fields = [] } = given;
  const names = Array.isArray(fields) ? fields : fields.split(",");
  const others = (graph.subscriptions.get(id) ?? []).filter((one) => one.object !== object);
  graph.subscriptions.set(id, [...others, { object, callback_url, active: true, fields: names.map((name) => ({ name, version: "v23.0" })) }]);
  return ok({ success: true });
}

function template(id, name, category, text) {
  return { name, parameter_format: "POSITIONAL", components: [{ type: "BODY", text }], language: "en", status: "APPROVED", category, id };
}

/** Only the fields that were asked for, and always the id, as the Graph API does. */
function pick(object, url) {
  const wanted = url.searchParams.get("fields")?.split(",");
  return wanted ? Object.fromEntries(Object.entries(object).filter(([name]) => name === "id" || wanted.includes(name))) : object;
}

const newId = () => `4${String(randomInt(1e14)).padStart(14, "0")}`;

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const ok = (json) => ({ status: 200, json });
const missing = (name) => problem(400, 100, `(#100) The parameter ${name} is required.`);

function problem(status, code, message) {
  return { status, json: { error: { message, type: "OAuthException", code, fbtrace_id: "AstandinGraphApi" } } };
}
