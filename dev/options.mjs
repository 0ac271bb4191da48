// The options of `npm start`, and the text of --help.
//
// Invariant: an option that is not understood is an error, in one line, before anything is installed or started.

import path from "node:path";
import { Failure } from "./terminal.mjs";

export const HELP = `npm start                 set up, build, run the gate, play the demo, then stay up
npm start -- OPTIONS

  --bot URL         your own bot's webhook behind the gate, instead of the sample bot; nothing is played
  --graph URL       the Graph API that the gate passes the bot's sends to, instead of the stand-in; nothing is played
  --port N          port of the gate on 127.0.0.1 (8787; 0 picks a free one)
  --policy FILE     your policy, TOML or JSON, instead of [vars.BATON_POLICY] in wrangler.toml
  --state DIR       folder of the stored conversations and of wrangler.log (.wrangler/state)
  --scenario FILE   what the demo plays (scenarios/takeover.toml)
  --play-port N     port of the playground on 127.0.0.1 (8788, or a free one where that is taken; 0 picks a free one)
  --no-play         no playground
  --no-demo         serve only; prints "ready URL" once the gate answers
  --once            play the demo, end everything, exit 0 if all went as expected and 1 if not
  --help            this text

The playground, at /play, has a gate and a sample bot of its own, with times short enough to watch. With --bot it is
around the gate and your bot; with --bot and --graph, where nobody sees what your bot sends, around its own again.
The bot sends through the gate: its base URL is the gate's address, instead of https://graph.facebook.com.
Ctrl-C ends everything. Secrets are read from .dev.vars.
`;

const WITH_VALUE = ["bot", "graph", "port", "policy", "state", "scenario", "play-port"];
const FLAGS = ["no-demo", "no-play", "once", "help"];

export function parseOptions(argv) {
  const given = {};
  for (let index = 0; index < argv.length; index += 1) {
    const [, name, inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(argv[index]) ?? [];
    if (FLAGS.includes(name) && inline === undefined) {
      given[name] = true;
    } else if (WITH_VALUE.includes(name)) {
      const value = inline ?? argv[(index += 1)];
      if (!value) throw new Failure(`--${name} needs a value; npm start -- --help lists the options`);
      given[name] = value;
    } else {
      throw new Failure(`Unknown option "${argv[index]}"; npm start -- --help lists the options`);
    }
  }
  if (given.once && (given["no-demo"] || given.bot || given.graph)) throw new Failure("--once plays the demo: it goes with none of --no-demo, --bot and --graph");
  return {
    help: Boolean(given.help),
    bot: address("bot", given.bot),
    graph: address("graph", given.graph),
    port: port("port", given.port ?? "8787"),
    playPort: given["play-port"] && port("play-port", given["play-port"]),
    policy: given.policy && path.resolve(given.policy),
    state: given.state && path.resolve(given.state),
    scenario: given.scenario && path.resolve(given.scenario),
    // The player can vouch only for what it sees: the sample bot's deliveries, and its sends to the stand-in.
    demo: !given["no-demo"] && !given.bot && !given.graph,
    once: Boolean(given.once),
    // A single play ends before anybody could look.
    play: !given["no-play"] && !given.once,
  };
}

function port(name, text) {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(number <= 65_535)) throw new Failure(`--${name} takes a number from 0 to 65535, not "${text}"`);
  return number;
}

function address(name, text) {
  if (text === undefined) return undefined;
  if (!/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : "")) {
    throw new Failure(`--${name} takes an address such as http://127.0.0.1:3000/webhook, not "${text}"`);
  }
  return text;
}
