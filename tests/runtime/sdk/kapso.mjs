// Sends with @kapso/whatsapp-cloud-api as an owner's bot would, and prints what its caller gets. run.mjs has the
// command line.
//
// Invariant: nothing of the SDK is changed but the address, by its own option `baseUrl`.
//
// Deliberately not here: the SDK's advice (`error.retry`, `error.category`) in the line that is printed. No other SDK
// has it, and the SDK itself does not follow it.

import { GraphApiError, WhatsAppClient } from "@kapso/whatsapp-cloud-api";
import { noAnswer, picture, run } from "./run.mjs";

function connect({ baseUrl, line, token }) {
  const bot = new WhatsAppClient({ baseUrl, accessToken: token, graphVersion: "v23.0" });
  const sent = async (result, answer) => {
    result.id = (await answer).messages[0].id;
  };
  return {
    text: (result, to, body) => sent(result, bot.messages.sendText({ phoneNumberId: line, to, body })),
    recipient: (result, recipient, body) =>
      sent(result, bot.messages.sendText({ phoneNumberId: line, recipient, body })),
    template: (result, to, name, code) =>
      sent(result, bot.messages.sendTemplate({ phoneNumberId: line, to, template: { name, language: { code } } })),
    media: async (result, to) => {
      const upload = { phoneNumberId: line, type: "image/png", file: picture(), fileName: "picture.png" };
      result.media = (await bot.media.upload(upload)).id;
      await sent(result, bot.messages.sendImage({ phoneNumberId: line, to, image: { id: result.media } }));
    },
    read: async (result, wamid) => {
      const status = { phoneNumberId: line, messageId: wamid, typingIndicator: { type: "text" } };
      result.success = (await bot.messages.markRead(status)).success;
    },
  };
}

function describe(error) {
  if (error instanceof GraphApiError) {
    const { name, httpStatus, code, message, details } = error;
    return { class: name, status: httpStatus, code, message, details };
  }
  return noAnswer(error);
}

await run(connect, describe);
