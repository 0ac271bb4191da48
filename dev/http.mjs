// A small HTTP server on loopback, for the two stand-ins (bot.mjs, graph.mjs).
//
// Invariant: it listens on 127.0.0.1 alone, and an error in a handler is an answer 500, never an unanswered request.
//
// Deliberately not here: routing. Each stand-in has few cases and reads better with its own conditions.

import http from "node:http";

/**
 * `handle` gets { method, url, headers, stream, bytes } and returns { status, json | text }. The body is read by
 * whoever needs it: `bytes()` collects it, `stream` passes what is too large for that.
 */
export function serve(handle) {
  const server = http.createServer(async (request, response) => {
    let answer;
    try {
      const { method, headers } = request;
      answer = await handle({ method, headers, url: new URL(request.url, "http://loopback"), stream: request, bytes: () => collect(request) });
    } catch (error) {
      // A caller that went away in the middle of its body gets no answer and is no defect.
      if (request.destroyed && !request.complete) return;
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

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
