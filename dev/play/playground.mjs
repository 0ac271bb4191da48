// The playground of `npm start`: three panes around the gate, at /play. This file puts its pieces together.
//
// It has a gate of its own: the same Worker on the same runtime, with the owner's policy but times that one can wait
// for, its own storage, bot and Graph API. So the owner's gate keeps the owner's policy, and no fault that is tried out
// here reaches it. Neither that gate nor the page exists before somebody opens the address: `npm start` pays for a
// listening socket. With the user's own bot (--bot) it is the other way round: that bot sends through the gate that was
// started with it, so the playground is around that gate, under the policy in force, and Baton cannot be switched off.
//
// Invariant: what was started here ends with `stop`, and a gate that is still starting then ends too.
//
// Deliberately not here: any part of the Worker. Nothing in this folder is deployed.

import fs from "node:fs";
import path from "node:path";
import { choosePort, gateUrl, startGate } from "../gate.mjs";
import { startGraph } from "../graph.mjs";
import { botSecret, linesOf, policyOf, readSettings, withPolicy } from "../settings.mjs";
import { Failure } from "../terminal.mjs";
import { FAULTS, THINK_SECONDS_MAX, startPlayBot } from "./bot.mjs";
import { readPage } from "./page.mjs";
import { servePlay } from "./server.mjs";
import * as stages from "./stage.mjs";
import { playTour } from "./tour.mjs";

const DEFAULT_PORT = 8788;
const TEXT_MAX = 1_000;
// A hold that one waits out gladly, and that still outlasts the longest thought of the bot (THINK_SECONDS_MAX).
const POLICY_FOR_PLAY = {
  fence: "refuse",
  lease_seconds: 30,
  max_hold_seconds: 600,
  warn_after_seconds: 8,
  hand_back_after_seconds: 15,
  retry_schedule_seconds: [0, 4, 8, 15, 30],
};

/**
 * `options` are those of `npm start`, `state` its folder. `around` is { gate, graph, settings } where the user's own bot
 * is behind the gate and what it sends can be seen.
 */
export async function startPlayground({ options, state, around, onTrouble }) {
  const middle = around ? aroundOwnBot(around) : await aroundSampleBot({ options, state, onTrouble });
  const { stage } = middle;
  let opened;
  const open = () => {
    // The gate is not waited for: the page shows that it starts.
    opened ??= { gate: middle.open().catch((error) => stages.fall(stage, error.message)), page: readPage() };
    return opened.page;
  };
  const server = await listen(options.playPort, {
    page: open,
    attend: (listener) => stages.attend(stage, listener),
    view: () => stages.view(stage),
    actions: actionsOn(stage),
  });
  return {
    url: server.url,
    stop: async () => {
      server.close();
      await middle.stop();
    },
  };
}

/** Its usual port where that is free, since a fixed address can be kept open in a browser; a wanted one or none. */
async function listen(wanted, handlers) {
  try {
    return await servePlay({ port: wanted ?? DEFAULT_PORT, ...handlers });
  } catch (error) {
    if (!["EADDRINUSE", "EACCES"].includes(error.code)) throw error;
    if (wanted !== undefined) throw new Failure(`Port ${wanted} cannot be used for the playground: choose another with --play-port N (0 picks a free one), or leave it out with --no-play`);
    return servePlay({ port: 0, ...handlers });
  }
}

function aroundOwnBot({ gate, graph, settings }) {
  const stage = stages.openStage({ secrets: settings.secrets, graph });
  const open = async () => stages.raise(stage, { gateUrl: gate.url, policy: policyOf(settings) });
  return { stage, open, stop: async () => undefined };
}

async function aroundSampleBot({ options, state, onTrouble }) {
  const first = readSettings({ policyFile: options.policy });
  const secret = botSecret(first) ?? "";
  const graph = await startGraph({ lines: linesOf(first) });
  const key = first.secrets.GRAPH_KEY ? `/graph/${first.secrets.GRAPH_KEY}` : "";
  // The one address that is changed in the bot when the gate is put in, or taken away.
  const bot = await startPlayBot({ secret, graphUrl: () => (stage.on ? stage.gateUrl + key : graph.url) });
  const stage = stages.openStage({ secrets: first.secrets, graph, bot, botSecret: secret });
  const settings = withPolicy(forPlay(first, `${bot.url}/webhook`, graph.url), POLICY_FOR_PLAY);
  let starting;
  const open = async () => {
    const folder = path.join(state, "play");
    fs.rmSync(folder, { recursive: true, force: true });
    const port = await choosePort(0);
    starting = startGate({ settings, state: folder, port, onTrouble });
    const gate = await starting;
    gate.died.then(() => stages.fall(stage, "The gate has ended by itself: start npm start again."));
    stages.raise(stage, { gateUrl: gateUrl(port), policy: policyOf(settings), ownLeaseSeconds: policyOf(first).lease_seconds });
  };
  const stop = async () => {
    const gate = await starting?.catch(() => undefined);
    await gate?.stop();
    bot.close();
    graph.close();
  };
  return { stage, open, stop };
}

/** Whatever rules the owner's policy has, the messages of a playground go to nobody but its own bot. */
function forPlay({ config, vars, secrets }, botUrl, graphUrl) {
  const bots = Object.fromEntries(Object.keys(typeof vars.BOTS === "object" ? vars.BOTS : {}).map((name) => [name, botUrl]));
  const kept = Object.entries(secrets).filter(([name]) => !name.startsWith("BOT_SECRET_") && !["BOT_URL", "BOTS", "GRAPH_URL"].includes(name));
  return { config, vars: { ...vars, BOT_URL: botUrl, GRAPH_URL: graphUrl, ...(vars.BOTS && { BOTS: bots }) }, secrets: Object.fromEntries(kept) };
}

/** What the page may ask for. An action returns what is wrong with what it was given, or nothing. */
function actionsOn(stage) {
  const says = (speak) => ({ text }) => {
    if (typeof text !== "string" || !text.trim() || text.length > TEXT_MAX) return `text is what is written, at most ${TEXT_MAX} characters`;
    needsGate(stage);
    speak(stage, text.trim());
    return undefined;
  };
  return {
    customer: says(stages.customerWrites),
    person: says(stages.personWrites),
    bot({ thinkSeconds, fault }) {
      if (!stage.bot) return "your own bot cannot be set from here";
      if (thinkSeconds !== undefined && !(thinkSeconds >= 0 && thinkSeconds <= THINK_SECONDS_MAX)) return `thinkSeconds is a number from 0 to ${THINK_SECONDS_MAX}`;
      if (fault !== undefined && !FAULTS.includes(fault)) return `fault is one of ${FAULTS.join(", ")}`;
      stage.bot.set({ ...(thinkSeconds !== undefined && { thinkSeconds }), ...(fault !== undefined && { fault }) });
      return undefined;
    },
    gate({ on }) {
      if (typeof on !== "boolean") return "on is true or false";
      stages.switchGate(stage, on);
      return undefined;
    },
    reset() {
      stages.reset(stage);
    },
    tour() {
      needsGate(stage);
      void playTour(stage).catch((error) => stages.fall(stage, error.message));
    },
  };
}

function needsGate({ status }) {
  if (status !== "up") throw new Failure("The gate is not up yet");
}
