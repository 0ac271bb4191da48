// Stand-ins for programs that are not run here: what docs/recipes/ says that each reads, checks and sends, and no more.
//
//   standin.mjs n8n WORKFLOW   the workflow of the recipe: its Webhook, If and HTTP Request nodes, with their expressions
//   standin.mjs chatwoot | typebot | botpress
//
// PORT and the variables of the recipe come from the environment. Prints a line of JSON for each message: what was sent
// and what came of it. Ends when its standard input does, so that it never outlives the test.
//
// Deliberately not here: anything that the recipes do not speak of. A stand-in shows that the gate takes what such a
// program sends, and not that the program still sends it.

import { createHmac } from "node:crypto";
import fs from "node:fs";
import http from "node:http";

const { PORT, WHATSAPP_TOKEN: token } = process.env;
const [kind, file] = process.argv.slice(2);

const print = (line) => console.log(JSON.stringify(line));
const isSigned = (secret, body, header) => header === `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

async function post(url, headers, body) {
  const answer = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers }, body });
  const told = await answer.json();
  return { status: answer.status, ...told };
}

const said = ({ text, type }) => `You said: ${text?.body ?? type}`;

/** A program that checks a signature where it has a secret, and sends a text to each message. */
function program({ path, secret, send, answersFirst }) {
  return async (request, response, body) => {
    if (request.url !== path) return response.writeHead(404).end();
    if (secret && !isSigned(secret, body, request.headers["x-hub-signature-256"])) return response.writeHead(401).end();
    if (answersFirst) response.writeHead(200).end();
    const { metadata, messages = [] } = JSON.parse(body).entry[0].changes[0].value;
    for (const message of messages) print({ message: message.id, ...(await send(metadata.phone_number_id, message)) });
    if (!answersFirst) response.writeHead(200).end();
  };
}

const programs = {
  chatwoot: () => program({
    path: "/webhooks/whatsapp/+34600000000",
    secret: process.env.WHATSAPP_APP_SECRET,
    answersFirst: true,
    // What is not quoted has an empty context.
    send: (line, message) => post(`${process.env.WHATSAPP_CLOUD_BASE_URL}/v13.0/${line}/messages`, {}, JSON.stringify({ messaging_product: "whatsapp", context: null, to: message.from, text: { body: said(message) }, type: "text" })),
  }),
  typebot: () => program({
    path: "/api/v1/workspaces/WORKSPACE/whatsapp/CREDENTIALS/webhook",
    secret: process.env.APP_SECRET,
    answersFirst: true,
    send: (line, message) => post(`${process.env.WHATSAPP_CLOUD_API_URL}/v17.0/${line}/messages`, {}, JSON.stringify({ messaging_product: "whatsapp", to: message.from, type: "text", text: { body: said(message) } })),
  }),
  // Its address cannot be set: GRAPH is the Graph API itself here, and not the gate.
  botpress: () => program({
    path: "/00000000-0000-0000-0000-000000000000",
    secret: process.env.APP_SECRET,
    answersFirst: false,
    send: (line, message) => post(`${process.env.GRAPH}/v23.0/${line}/messages`, {}, JSON.stringify({ messaging_product: "whatsapp", to: message.from, type: "text", text: { body: said(message) } })),
  }),
  n8n: () => workflow(JSON.parse(fs.readFileSync(file, "utf8"))),
};

/** What n8n does with the nodes of the recipe. An expression is what stands behind "={{", with the item as `$json`. */
function workflow({ nodes, connections }) {
  const evaluate = (value, item) => {
    const expression = /^=\{\{(.*)\}\}$/s.exec(value)?.[1];
    return expression === undefined ? value : new Function("$json", `return (${expression});`)(item);
  };
  const run = {
    "n8n-nodes-base.if": ({ conditions }, item) => {
      const holds = conditions.conditions.every(({ leftValue, rightValue, operator }) => {
        if (operator.operation !== "equals") throw new Error(`the stand-in knows no ${operator.operation}`);
        return evaluate(leftValue, item) === rightValue;
      });
      return [holds ? 0 : 1, item];
    },
    "n8n-nodes-base.httpRequest": async ({ method, url, headerParameters, specifyBody, jsonBody, options }, item) => {
      if (method !== "POST" || specifyBody !== "json" || !options.response.response.neverError) throw new Error("the stand-in knows no such request");
      const headers = Object.fromEntries(headerParameters.parameters.map(({ name, value }) => [name, evaluate(value, item)]).filter(([, value]) => value !== undefined));
      return [0, await post(evaluate(url, item), headers, evaluate(jsonBody, item))];
    },
  };
  const find = (name) => nodes.find((node) => node.name === name);
  const { parameters: webhook, name: first } = nodes.find(({ type }) => type === "n8n-nodes-base.webhook");
  return async (request, response, body) => {
    if (request.url !== `/webhook/${webhook.path}` || webhook.responseMode !== "onReceived") return response.writeHead(404).end();
    response.writeHead(200).end();
    let [name, output, item] = [first, 0, { headers: request.headers, body: JSON.parse(body) }];
    const way = [];
    for (;;) {
      const next = connections[name]?.main?.[output]?.[0];
      if (!next) break;
      name = next.node;
      const { type, parameters } = find(name);
      [output, item] = await run[type](parameters, item);
      way.push(`${name} ${output}`);
    }
    print({ message: JSON.parse(body).entry[0].changes[0].value.messages?.[0]?.id, way, ...item });
  };
}

const handle = programs[kind]();
const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  await handle(request, response, Buffer.concat(parts)).catch((error) => {
    print({ failed: error.message });
    if (!response.headersSent) response.writeHead(500).end();
  });
});
server.listen(Number(PORT), "127.0.0.1");
process.stdin.on("end", () => process.exit(0)).resume();
