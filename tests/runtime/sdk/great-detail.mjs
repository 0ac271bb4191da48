// Sends with @great-detail/whatsapp as an owner's bot would, and prints what its caller gets. run.mjs has the command
// line.
//
// Invariant: nothing of the SDK is changed but the address, by its own option `baseUrl`.
//
// This SDK loses the API version on the way: it joins "…/v23.0" and "LINE/messages" as a browser resolves a link, and
// the last part of the former goes. So it calls /LINE/messages, and a prefix of the address stays.
//
// Deliberately not here: mending that, which an owner does with `graphVersion: "v23.0/"`. The gate must take what the
// SDK sends by itself.

import { Client } from "@great-detail/whatsapp";
import { picture, run } from "./run.mjs";

function connect({ baseUrl, line, token }) {
  const bot = new Client({ baseUrl, request: { headers: { Authorization: `Bearer ${token}` } } });
  const send = async (result, message) => {
    const answer = await bot.message.createMessage({ phoneNumberID: line, ...message }).json();
    result.id = answer.messages[0].id;
  };
  return {
    text: (result, to, body) => send(result, { to, type: "text", text: { body } }),
    recipient: (result, recipient, body) => send(result, { recipient, type: "text", text: { body } }),
    template: (result, to, name, code) =>
      send(result, { to, type: "template", template: { name, language: { code } } }),
    media: async (result, to) => {
      const upload = { phoneNumberID: line, file: picture(), filename: "picture.png", mimeType: "image/png" };
      result.media = (await bot.media.upload(upload).json()).id;
      await send(result, { to, type: "image", image: { id: result.media } });
    },
    read: async (result, wamid) => {
      const status = { phoneNumberID: line, status: "read", message_id: wamid, typing_indicator: { type: "text" } };
      result.success = (await bot.message.createStatus(status).json()).success;
    },
  };
}

// The SDK throws the errors of ky, the HTTP client that it is built on. The sentence of the Graph API is not in their
// message, which speaks of the status and the address; it is in `data`.
function describe(error) {
  const { name, message, response, data, cause } = error;
  if (name === "HTTPError") {
    const { code, message: sentence, error_data: more } = data?.error ?? {};
    return { class: name, status: response.status, code, message: sentence ?? message, details: more?.details };
  }
  if (name === "NetworkError" || name === "TimeoutError") {
    return { class: name, message, details: cause?.cause?.code ?? cause?.message };
  }
  return undefined;
}

await run(connect, describe);
