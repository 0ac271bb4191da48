// The options of `npm run bench`, and the text of --help.
//
// Invariant: an option that is not understood is an error, in one line, before anything is installed, built or started.
// What is passed on to the measurement (benches/gate/options.rs) is complete and in order.

import path from "node:path";
import { Failure } from "./terminal.mjs";

export const WORKLOADS = ["warm", "cold", "batch", "burst", "duplicates", "large", "forged", "refused", "fence", "start", "growth"];
const SUBJECTS = ["baton", "peer", "floor"];

export const HELP = `npm run bench                        Baton, a floor and a peer side by side; about 13 minutes
npm run bench -- OPTIONS

  --quick           a quarter of everything, in two rounds; about 2 minutes
  --full            with 100,000 conversations at the end; about 45 minutes
  --rounds N        rounds of each workload (5)
  --only A,B,…      some of ${WORKLOADS.slice(0, 6).join(", ")},
                    ${WORKLOADS.slice(6).join(", ")}
  --conversations A,B,…  how many conversations growth looks at (100,1000,10000)
  --disk            with the objects on the disk, and not in memory: whose flushes then decide
  --json FILE       also write every figure of every round
  --profile N       instead of all that: where N seconds of CPU go, as a table and a .cpuprofile
  --of SUBJECT      of whom: baton (the default), peer or floor; with --only for one workload (warm)
  --help            this text

What is measured, and how: docs/performance.md. It takes a Linux with nothing else to do.
`;

const WITH_VALUE = ["rounds", "only", "conversations", "json", "profile", "of"];
const FLAGS = ["quick", "full", "disk", "help"];

export function parseOptions(argv) {
  const given = {};
  for (let index = 0; index < argv.length; index += 1) {
    const [, name, inline] = /^--([a-z]+)(?:=(.*))?$/s.exec(argv[index]) ?? [];
    if (FLAGS.includes(name) && inline === undefined) {
      given[name] = true;
    } else if (WITH_VALUE.includes(name)) {
      const value = inline ?? argv[(index += 1)];
      if (!value) throw new Failure(`--${name} needs a value; npm run bench -- --help lists the options`);
      given[name] = value;
    } else {
      throw new Failure(`Unknown option "${argv[index]}"; npm run bench -- --help lists the options`);
    }
  }
  check(given);
  return given;
}

function check({ quick, full, rounds, only, conversations, json, profile, of }) {
  if (quick && full) throw new Failure("--quick and --full exclude each other");
  if (of && !profile) throw new Failure("--of goes with --profile");
  if (of && !SUBJECTS.includes(of)) throw new Failure(`--of takes one of ${SUBJECTS.join(", ")}, not "${of}"`);
  if (profile && (quick || full || rounds || json)) throw new Failure("--profile goes with --of and --only");
  wholeNumber("rounds", rounds, 100);
  wholeNumber("profile", profile, 600);
  for (const size of conversations?.split(",") ?? []) wholeNumber("conversations", size, 100_000);
  const unknown = only?.split(",").find((name) => !WORKLOADS.includes(name));
  if (unknown !== undefined) throw new Failure(`--only takes some of ${WORKLOADS.join(", ")}, not "${unknown}"`);
}

function wholeNumber(name, text, most) {
  if (text === undefined) return;
  if (!/^[1-9]\d*$/.test(text) || Number(text) > most) throw new Failure(`--${name} takes a whole number from 1 to ${most}, not "${text}"`);
}

/** What the measurement is told. */
export function words({ json, ...given }) {
  const others = Object.entries(given).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, value]));
  return json ? [...others, "--json", path.resolve(json)] : others;
}
