// Serves the playground on loopback: the page at /play, what happens as an event stream, and what the user does as POSTs.
//
// Invariant: only this page can do anything here. The name in Host must be this server's own (another one is a foreign
// page that had its name resolved to this machine); a POST must come from this origin, as JSON, with the token that
// stands in the page, which no other page can read. Nothing that the page loads has a secret of the gate's in it.
//
// Deliberately not here: what the actions do (stage.mjs, tour.mjs), and a way to reach this from another machine.

import http from "node:http";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { Failure } from "../terminal.mjs";

const HOST = "127.0.0.1";
const BODY_BYTES_MAX = 16 * 1024;
const STREAMS_MAX = 20;
const TOKEN_MARK = "PLAY_TOKEN";
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * `page()` resolves the page's files and is first asked when somebody comes. `attend(listener)` adds a listener and
 * returns what removes it, `view()` is what is streamed, and `actions` are functions of a POST's body, by name.
 */
export function servePlay({ port, page, attend, view, actions }) {
  const play = { token: randomBytes(24).toString("base64url"), streams: new Set(), page, attend, view, actions };
  const server = http.createServer(async (request, response) => {
    try {
      await handle(play, server.address().port, request, response);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      if (!(error instanceof Failure)) console.error(error);
      if (!response.headersSent) answer(response, error instanceof Failure ? 409 : 500, { error: error instanceof Failure ? error.message : "internal error" });
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, HOST, () => resolve({
      url: `http://${HOST}:${server.address().port}/play`,
      close: () => {
        for (const end of play.streams) end();
        server.closeAllConnections();
        server.close();
      },
    }));
  });
}

async function handle(play, port, request, response) {
  const { method, headers } = request;
  if (![`${HOST}:${port}`, `localhost:${port}`].includes(headers.host)) return answer(response, 421, { error: "this is not the address of the playground" });
  const { pathname } = new URL(request.url, `http://${HOST}`);
  if (method === "POST") return act(play, pathname, request, response);
  if (method !== "GET") return answer(response, 405, { error: "GET or POST" });
  if (pathname === "/") return response.writeHead(302, { ...HEADERS, location: "/play" }).end();
  if (pathname === "/play/events") return stream(play, request, response);
  const files = await play.page();
  const name = pathname === "/play" ? "index.html" : /^\/play\/(.+)/.exec(pathname)?.[1];
  const file = files.get(name);
  if (!file) return answer(response, 404, { error: "there is nothing here; the playground is at /play" });
  const bytes = name === "index.html" ? file.bytes.toString().replace(TOKEN_MARK, play.token) : file.bytes;
  return response.writeHead(200, { ...HEADERS, "content-type": file.type }).end(bytes);
}

/** One event for each change, with all that the page shows: a page that joins late, or again, has missed nothing. */
function stream(play, request, response) {
  if (play.streams.size >= STREAMS_MAX) return answer(response, 503, { error: "too many pages are open" });
  response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
  // Several changes in one turn of the loop are one event.
  let isDue = false;
  const send = () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      response.write(`data: ${JSON.stringify(play.view())}\n\n`);
    });
  };
  const leave = play.attend(send);
  const end = () => response.end();
  play.streams.add(end);
  response.on("close", () => {
    leave();
    play.streams.delete(end);
  });
  send();
}

async function act({ actions, token }, pathname, request, response) {
  const { headers } = request;
  const [, name] = /^\/play\/([a-z]+)$/.exec(pathname) ?? [];
  if (!Object.hasOwn(actions, name ?? "")) return answer(response, 404, { error: "there is no such action" });
  if (headers.origin !== `http://${headers.host}` || !isSame(headers["x-play-token"], token)) return answer(response, 403, { error: "only the playground's own page may do this: load it again" });
  if (!/^application\/json\b/.test(headers["content-type"] ?? "")) return answer(response, 415, { error: "JSON is expected" });
  const body = await read(request);
  if (typeof body !== "object" || body === null) return answer(response, 400, { error: "a JSON object of at most 16 KB is expected" });
  const mistake = await actions[name](body);
  return mistake ? answer(response, 400, { error: mistake }) : response.writeHead(204, HEADERS).end();
}

/** The body as JSON; undefined where it is too long or none. */
async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  try {
    return length <= BODY_BYTES_MAX ? JSON.parse(Buffer.concat(chunks)) : undefined;
  } catch {
    return undefined;
  }
}

function isSame(given = "", expected) {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function answer(response, status, json) {
  response.writeHead(status, { ...HEADERS, "content-type": "application/json" }).end(JSON.stringify(json));
}
