// A bot made with whatsapp-api-js, a published framework, with its own signature check on. It answers every message
// that it accepts through the Graph API, which here is the recording stand-in of the test.
//
// It was chosen because it is strict: it hashes an ASCII-escaped copy of the body, as Meta's documentation says, wants
// Content-Length, and looks at the first message of a delivery only.
//
// GRAPH_URL and APP_SECRET come from the environment. Prints "ready URL", then one line of JSON for each delivery.
// Ends when its standard input does, so that it never outlives the test.

import http from "node:http";
import { WhatsAppAPI } from "whatsapp-api-js/middleware/node-http";
import { Text } from "whatsapp-api-js/messages";

const { GRAPH_URL, APP_SECRET } = process.env;

const bot = new WhatsAppAPI({
  token: "token of the bot",
  appSecret: APP_SECRET,
  secure: true,
  v: "v23.0",
  // The framework has the address of Meta's Graph API built in.
  ponyfill: { fetch: (url, options) => fetch(url.replace("https://graph.facebook.com", GRAPH_URL), options) },
});

bot.on.message = async ({ message, reply }) => {
  await reply(new Text(`got ${message.type}: ${said(message)}`), true);
};

function said(message) {
  switch (message.type) {
    case "text": return message.text.body;
    case "image": return message.image.caption;
    case "interactive": return message.interactive.button_reply.title;
    default: return "";
  }
}

const server = http.createServer(async (request, response) => {
  const status = await bot.handle_post(request);
  console.log(JSON.stringify({ status, id: request.headers["webhook-id"], attempt: request.headers["x-baton-attempt"] }));
  response.writeHead(status).end();
});

server.listen(0, "127.0.0.1", () => console.log(`ready http://127.0.0.1:${server.address().port}/webhook`));
process.stdin.on("end", () => process.exit(0)).resume();
