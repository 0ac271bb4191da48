// What the local gate is configured with: wrangler.toml and .dev.vars, changed by the options of `npm start`.
//
// From weak to strong: wrangler.toml, .dev.vars, the options, and variables of the caller named BATON_VAR_<NAME>, by
// which a test replaces any secret or variable (BATON_VAR_META_APP_SECRET=x) or leaves it out (the empty string).
//
// Invariant: LOCAL_DEVELOPMENT, which lets the gate call plain http and loopback addresses, is set here and nowhere
// else. wrangler.toml, from which deployments are made, must not name it.
//
// Deliberately not here: judging the values. The gate does that itself and says on /health what is missing.

import fs from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { parse as parseToml } from "smol-toml";
import { LINE_ID, WABA_ID } from "./meta.mjs";
import { Failure } from "./terminal.mjs";
import { ROOT } from "./tools.mjs";

const SECRETS = ["META_APP_SECRET", "META_APP_SECRET_PREVIOUS", "META_VERIFY_TOKEN", "BOT_SECRET", "GRAPH_KEY", "ADMIN_TOKEN", "ALERTS_SECRET", "ALERTS_SLACK_URL"];
// One of a bot, a line or an app has a name of its own behind that.
const isSecret = (name) => SECRETS.some((known) => name === known || name.startsWith(`${known}_`));
const OVERRIDE = "BATON_VAR_";
// Bindings of wrangler.toml that a test leaves out, to see what becomes of the rest.
const WITHOUT = "BATON_VAR_WITHOUT_BINDINGS";

// Adds a dataset of Workers Analytics Engine, which the local runtime takes points for and shows nowhere.
const WITH_ANALYTICS = "BATON_VAR_WITH_ANALYTICS";

/** `config` is wrangler.toml without its variables; `vars` and `secrets` are what the Worker sees. */
export function readSettings({ bot, graph, policyFile } = {}) {
  const { vars: declared = {}, ...config } = readToml(path.join(ROOT, "wrangler.toml"));
  leaveOut(config, process.env[WITHOUT]?.split(",") ?? []);
  if (process.env[WITH_ANALYTICS]) config.analytics_engine_datasets = [{ binding: "ANALYTICS", dataset: "baton" }];
  const local = parseEnv(fs.readFileSync(path.join(ROOT, ".dev.vars"), "utf8"));
  const all = { ...declared, ...local, BOT_URL: bot, GRAPH_URL: graph, LOCAL_DEVELOPMENT: "true" };
  if (policyFile) all.BATON_POLICY = readPolicy(policyFile);
  all.LINES = withLocalLine(all.LINES);
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith(OVERRIDE) && ![WITHOUT, WITH_ANALYTICS].includes(name)) all[name.slice(OVERRIDE.length)] = value;
  }
  const settings = { config, vars: {}, secrets: {} };
  for (const [name, value] of Object.entries(all)) {
    if (value === "" || value === undefined) continue;
    if (isSecret(name) || (name in local && typeof value === "string" && name !== "BATON_POLICY")) settings.secrets[name] = value;
    else settings.vars[name] = value;
  }
  return settings;
}

function leaveOut(config, bindings) {
  const { durable_objects: objects, kv_namespaces: namespaces } = config;
  if (objects) objects.bindings = objects.bindings.filter(({ name }) => !bindings.includes(name));
  if (namespaces) config.kv_namespaces = namespaces.filter(({ binding }) => !bindings.includes(binding));
}

/** The policy in force as an object; an empty one where it is written in a way that only the gate can judge. */
export const policyOf = ({ vars }) => table(vars.BATON_POLICY) ?? {};

/** The lines that bots may send from as an object, in the same way. */
export const linesOf = ({ vars }) => table(vars.LINES) ?? {};

export const withPolicy = (settings, policy) => ({ ...settings, vars: { ...settings.vars, BATON_POLICY: { ...policyOf(settings), ...policy } } });

/** What the bot's deliveries are signed with: its own secret, or Meta's when it has none. */
export const botSecret = ({ secrets }) => secrets.BOT_SECRET ?? secrets.META_APP_SECRET;

/**
 * The owner's lines and the one of the demo and the tests, which no wrangler.toml has. An entry of the owner's under
 * the same id stays, and so does what is no table: the gate says what is wrong with it.
 */
function withLocalLine(lines = {}) {
  const own = table(lines);
  return own ? { [LINE_ID]: { account: WABA_ID }, ...own } : lines;
}

/** A variable that is a table, written as one or as JSON; undefined where it is neither. */
function table(value) {
  try {
    const read = typeof value === "string" ? JSON.parse(value) : value;
    return typeof read === "object" && !Array.isArray(read) ? read ?? undefined : undefined;
  } catch {
    return undefined;
  }
}

function readPolicy(file) {
  if (file.endsWith(".toml")) return readToml(file);
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path.basename(file)} is not JSON: ${error.message}`);
  }
}

export function readToml(file) {
  try {
    return parseToml(readText(file));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path.basename(file)} is not TOML: ${error.message.split("\n")[0]} (line ${error.line})`);
  }
}

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(`${file} cannot be read (${error.code})`);
  }
}
