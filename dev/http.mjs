// A small HTTP server on loopback, for the two stand-ins (bot.mjs, graph.mjs).
//
// Invariant: it listens on 127.0.0.1 alone, and an error in a handler is an answer 500, never an unanswered request.
//
// Deliberately not here: routing. Each stand-in has two or three cases and reads better with plain conditions.

import http from "node:http";

/** `handle` gets { method, url, headers, body } with the raw bytes and returns { status, json | text }. */
export function serve(handle) {
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let answer;
    try {
      const { method, headers } = request;
      answer = await handle({ method, headers, url: new URL(request.url, "http://loopback"), body: Buffer.concat(chunks) });
    } catch (error) {
      console.error(error);
      answer = { status: 500, text: "internal error" };
    }
    const { status, json, text = JSON.stringify(json) } = answer;
    response.writeHead(status, { "content-type": json ? "application/json" : "text/plain" }).end(text);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", () => resolve({
      url: `http://127.0.0.1:${server.address().port}`,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    }));
  });
}
