// Sends with whatsapp-api-js as an owner's bot would, and prints what its caller gets. run.mjs has the command line.
//
// Invariant: nothing of the SDK is changed but the address. It has Meta's built in, so its `fetch` is given another.
//
// This SDK throws nothing when the Graph API refuses: `sendMessage` resolves with the error, and the HTTP status is
// lost. A bot that does not look for `error` in the answer takes a refusal for a send. That is reported here as an
// error of the class "returned".
//
// Deliberately not here: webhooks (tests/bots/), and the app's secret, which sending does not need.

import { WhatsAppAPI } from "whatsapp-api-js";
import { Image, Language, Template, Text } from "whatsapp-api-js/messages";
import { noAnswer, picture, run } from "./run.mjs";

class Returned extends Error {}

function connect({ baseUrl, line, token }) {
  const bot = new WhatsAppAPI({
    token,
    secure: false,
    v: "v23.0",
    ponyfill: { fetch: (url, options) => fetch(String(url).replace("https://graph.facebook.com", baseUrl), options) },
  });
  const send = async (result, recipient, message) => {
    const answer = accepted(await bot.sendMessage(line, recipient, message));
    result.id = answer.messages[0].id;
  };
  return {
    text: (result, to, body) => send(result, { phone: to }, new Text(body)),
    recipient: (result, bsuid, body) => send(result, { bsuid }, new Text(body)),
    template: (result, to, name, language) => send(result, { phone: to }, new Template(name, new Language(language))),
    media: async (result, to) => {
      const form = new FormData();
      form.set("file", picture(), "picture.png");
      result.media = accepted(await bot.uploadMedia(line, form)).id;
      await send(result, { phone: to }, new Image(result.media, true));
    },
    read: async (result, wamid) => {
      result.success = accepted(await bot.markAsRead(line, wamid, "text")).success;
    },
  };
}

function accepted(answer) {
  if (answer.error) throw new Returned(answer.error.message, { cause: answer.error });
  return answer;
}

function describe(error) {
  if (error instanceof Returned) {
    const { code, message, error_data: data } = error.cause;
    return { class: "returned", code, message, details: data?.details };
  }
  // An answer that is not JSON.
  if (error instanceof SyntaxError) return { class: "SyntaxError", message: error.message };
  return noAnswer(error);
}

await run(connect, describe);
