//! Cloudflare's side, through wrangler: who is signed in, the deployment, the secrets.
//!
//! Invariant: a secret goes to wrangler by its standard input and nowhere else: every process of a machine sees the
//! arguments of every other, and a file would stay.
//!
//! The address of what was deployed comes from the file that wrangler writes for programs (`WRANGLER_OUTPUT_FILE_PATH`, one
//! JSON document a line; Cloudflare, "Wrangler system environment variables", 2026), not from what it prints.

use baton::secret::Secret;
use serde_json::{Map, Value};
use url::Url;

use crate::exit::Failure;
use crate::host::{Host, Program, Ran};

/// Where wrangler writes down what it has deployed.
const DEPLOYED: &str = ".baton/deployed.ndjson";

/// Wrangler, for one account.
pub(crate) struct Cloudflare<'a> {
    host: &'a dyn Host,
    /// Whether its output and its questions go to the terminal.
    attached: bool,
    /// Cloudflare's id of the account, where a choice was needed.
    pub account: Option<String>,
}

/// An account at Cloudflare.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    pub id: String,
    pub name: String,
}

impl<'a> Cloudflare<'a> {
    pub(crate) fn new(host: &'a dyn Host, attached: bool, account: Option<String>) -> Self {
        Self { host, attached, account }
    }

    /// The accounts of whoever is signed in; `None` where nobody is.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreachable`] where wrangler does not run.
    pub(crate) fn accounts(&self) -> Result<Option<Vec<Account>>, Failure> {
        let ran = self.run(&["whoami", "--json"], false, None)?;
        if ran.code != 0 {
            return Ok(None);
        }
        Ok(Some(accounts(&ran.stdout)))
    }

    /// Has the person sign in, in their browser.
    ///
    /// # Errors
    ///
    /// [`Failure`] where that did not work.
    pub(crate) fn login(&self) -> Result<(), Failure> {
        let ran = self.run(&["login"], true, None)?;
        self.done(&ran, "`npx wrangler login` did not end well. Run it by itself, then this again.")
    }

    /// The names of the secrets that are set; none where nothing is deployed yet.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreachable`] where wrangler does not run.
    pub(crate) fn secrets(&self) -> Result<Vec<String>, Failure> {
        let ran = self.run(&["secret", "list", "--format", "json"], false, None)?;
        Ok(if ran.code == 0 { names(&ran.stdout) } else { Vec::new() })
    }

    /// Deploys, and gives the address; `None` where the Worker has none of its own.
    ///
    /// # Errors
    ///
    /// [`Failure`] where wrangler fails.
    pub(crate) fn deploy(&self) -> Result<Option<String>, Failure> {
        // Wrangler adds to the file, and an old entry is not this deployment's.
        let write = |reason: String| Failure::Usage(format!("{DEPLOYED} cannot be written: {reason}"));
        self.host.write(DEPLOYED, "").map_err(write)?;
        let variable = ("WRANGLER_OUTPUT_FILE_PATH".to_owned(), DEPLOYED.to_owned());
        let ran = self.run_with(&["deploy"], self.attached, None, vec![variable])?;
        let words = "`npx wrangler deploy` did not end well; what it printed says why. Mend that, then run this again.";
        self.done(&ran, words)?;
        let written = self.host.read(DEPLOYED).ok().flatten().unwrap_or_default();
        Ok(address(&written))
    }

    /// Writes secrets.
    ///
    /// # Errors
    ///
    /// [`Failure`] where wrangler fails.
    pub(crate) fn write_secrets(&self, secrets: &[(&str, &Secret)]) -> Result<(), Failure> {
        let value = |secret: &Secret| Value::from(String::from_utf8_lossy(secret.expose()).into_owned());
        let document: Map<String, Value> =
            secrets.iter().map(|(name, secret)| ((*name).to_owned(), value(secret))).collect();
        let ran = self.run(&["secret", "bulk"], false, Some(Value::Object(document).to_string()))?;
        self.done(
            &ran,
            "`npx wrangler secret bulk` did not end well. Run `npx wrangler secret list` to see whether it may, then this again.",
        )
    }

    /// Whether a program ended well. What it printed and nobody saw is shown; wrangler names secrets and never shows one.
    fn done(&self, ran: &Ran, words: &str) -> Result<(), Failure> {
        if ran.code == 0 {
            return Ok(());
        }
        for printed in [&ran.stdout, &ran.stderr] {
            if !printed.trim().is_empty() {
                self.host.tell(printed.trim_end());
            }
        }
        Err(Failure::Unreachable(words.to_owned()))
    }

    fn run(&self, arguments: &[&str], attached: bool, stdin: Option<String>) -> Result<Ran, Failure> {
        self.run_with(arguments, attached, stdin, Vec::new())
    }

    fn run_with(
        &self,
        arguments: &[&str],
        attached: bool,
        stdin: Option<String>,
        mut variables: Vec<(String, String)>,
    ) -> Result<Ran, Failure> {
        if let Some(account) = &self.account {
            variables.push(("CLOUDFLARE_ACCOUNT_ID".to_owned(), account.clone()));
        }
        let command = ["npx", "wrangler"].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        self.host.run(&Program { command, stdin, variables, attached }).map_err(|reason| {
            Failure::Unreachable(format!(
                "npx wrangler cannot be run: {reason}. It needs Node and npm, and `npm install` in this folder."
            ))
        })
    }
}

/// The JSON in what a program printed, which may begin with a line of another kind.
fn json(printed: &str) -> Value {
    let begin = printed.find(['{', '[']).unwrap_or(0);
    serde_json::from_str(printed.get(begin..).unwrap_or_default().trim()).unwrap_or_default()
}

fn accounts(printed: &str) -> Vec<Account> {
    let document = json(printed);
    let list = document.get("accounts").and_then(Value::as_array).into_iter().flatten();
    let text = |account: &Value, key: &str| account.get(key).and_then(Value::as_str).map(str::to_owned);
    list.filter_map(|account| Some(Account { id: text(account, "id")?, name: text(account, "name")? })).collect()
}

fn names(printed: &str) -> Vec<String> {
    let document = json(printed);
    let list = document.as_array().into_iter().flatten();
    list.filter_map(|secret| secret.get("name")?.as_str().map(str::to_owned)).collect()
}

/// The address of the last deployment in wrangler's file: one of workers.dev is whole, a custom domain is a host.
fn address(written: &str) -> Option<String> {
    let mut entries = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = entries.rfind(|entry| entry.get("type").and_then(Value::as_str) == Some("deploy"))?;
    let targets: Vec<&str> = last.get("targets")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let custom = targets.iter().find_map(|target| Some(format!("https://{}", target.split_once(" (custom domain")?.0)));
    let whole = targets.iter().find(|target| target.starts_with("https://") || target.starts_with("http://"));
    // The shop's own domain is the one that its people know.
    let address = custom.or_else(|| whole.map(|target| (*target).to_owned()))?;
    Some(Url::parse(&address).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_last_deployment() {
        let entry =
            |targets: &str| format!(r#"{{"type":"deploy","version":1,"worker_name":"baton","targets":{targets}}}"#);
        for (written, expected) in [
            (entry(r#"["https://baton.shop.workers.dev"]"#), Some("https://baton.shop.workers.dev")),
            (entry(r#"["https://a.workers.dev","gate.shop.com (custom domain)"]"#), Some("https://gate.shop.com")),
            (entry(r#"["gate.shop.com (custom domain - zone name: shop.com)"]"#), Some("https://gate.shop.com")),
            (entry(r#"["shop.com/gate/*"]"#), None),
            (entry("[]"), None),
            (String::new(), None),
            (
                format!(
                    "{}\n{{\"type\":\"wrangler-session\"}}\n{}",
                    entry(r#"["https://old.workers.dev"]"#),
                    entry(r#"["https://new.workers.dev/"]"#)
                ),
                Some("https://new.workers.dev"),
            ),
        ] {
            assert_eq!(address(&written).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn what_wrangler_prints_is_read_even_behind_a_line_of_its_own() {
        let one = Account { id: "a1".to_owned(), name: "Shop".to_owned() };
        assert_eq!(
            accounts("npm notice\n{\"loggedIn\":true,\"accounts\":[{\"id\":\"a1\",\"name\":\"Shop\"}]}\n"),
            [one]
        );
        assert_eq!(accounts("nothing"), []);
        assert_eq!(names(r#"[{"name":"ADMIN_TOKEN","type":"secret_text"}]"#), ["ADMIN_TOKEN"]);
    }
}
