//! A gate as the tool sees it: where it is, its operator's API, and its webhook.
//!
//! Invariant: the operator's token goes to the gate's own address only, over https or on the machine itself, and into no
//! message. Whatever the gate answers becomes a document or a [`Failure`] with what to do.

use baton::address::is_loopback;
use baton::secret::Secret;
use baton::time::Millis;
use baton::webhook::signature;
use serde_json::Value;
use url::Url;

use crate::args::GateOptions;
use crate::clock::span;
use crate::exit::Failure;
use crate::host::{Answer, Host, Request};

/// The gate of `npm start`.
const LOCAL_GATE: &str = "http://127.0.0.1:8787";

/// Where the secrets of a local gate are, and where those of a person who sets none in the environment may be.
const LOCAL_SECRETS: &str = ".dev.vars";

/// What `baton setup` remembers of the last deployment. There is no secret in it.
pub(crate) const REMEMBERED: &str = ".baton/setup.json";

/// How long the gate may take: longer than any of its own waits for others.
const PATIENCE: Millis = Millis::from_seconds(30);

/// A line as the gate lists it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its `phone_number_id`.
    pub id: String,
    /// The parts of its desk.
    pub shards: u64,
}

/// One gate.
pub(crate) struct Gate<'a> {
    host: &'a dyn Host,
    url: Url,
    local: bool,
}

impl<'a> Gate<'a> {
    /// Finds the gate that is meant.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where none is named and none was set up, or its address is none to send a token to.
    pub(crate) fn find(host: &'a dyn Host, options: &GateOptions) -> Result<Self, Failure> {
        let address = match (&options.gate, options.local) {
            (Some(address), _) => address.clone(),
            (None, true) => LOCAL_GATE.to_owned(),
            (None, false) => remembered(host).ok_or_else(|| {
                Failure::Usage(
                    "Which gate? Name it with --gate https://…, or --local for the one of `npm start`; `baton setup` \
                     remembers the one that it deploys."
                        .to_owned(),
                )
            })?,
        };
        Self::at(host, &address, options.local)
    }

    /// The gate at an address.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where a token must not be sent there.
    pub(crate) fn at(host: &'a dyn Host, address: &str, local: bool) -> Result<Self, Failure> {
        let url = Url::parse(address).ok().filter(|url| url.scheme() == "https" || is_loopback(url.as_str()));
        let wrong =
            || Failure::Usage("The gate's address begins with https://, or is http:// on this machine.".to_owned());
        let url = url.filter(|url| url.query().is_none() && url.username().is_empty()).ok_or_else(wrong)?;
        let local = local || is_loopback(url.as_str());
        Ok(Self { host, url, local })
    }

    /// Its address, without a path.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether it is on this machine.
    pub(crate) const fn is_local(&self) -> bool {
        self.local
    }

    /// A secret, from the environment, or from `.dev.vars` for a gate on this machine.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        let found = self.host.variable(name).or_else(|| {
            let file = self.local.then(|| self.host.read(LOCAL_SECRETS).ok().flatten()).flatten()?;
            value_of(&file, name)
        });
        found.and_then(Secret::new)
    }

    /// A secret that a command cannot do without.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] with where it is looked for.
    pub(crate) fn required(&self, name: &str) -> Result<Secret, Failure> {
        self.secret(name).ok_or_else(|| {
            Failure::Usage(format!(
                "{name} is needed: set it in the environment{}.",
                if self.local { " or in .dev.vars" } else { "" }
            ))
        })
    }

    /// What a callback's deliveries are signed with: those to `/webhook/<APP>` with that app's own secret, where there
    /// is one.
    ///
    /// # Errors
    ///
    /// As [`Self::required`].
    pub(crate) fn app_secret(&self, path: &str) -> Result<Secret, Failure> {
        let app = path.strip_prefix("/webhook/").filter(|app| app.bytes().all(|byte| byte.is_ascii_digit()));
        let own = app.and_then(|app| self.secret(&format!("META_APP_SECRET_{app}")));
        own.map_or_else(|| self.required("META_APP_SECRET"), Ok)
    }

    /// Asks the operator's API; `path` is everything after the gate's address.
    ///
    /// # Errors
    ///
    /// [`Failure`]: no answer, no right, or what the gate says is wrong.
    pub(crate) fn ask(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        document(&self.answer(method, path, body.map(Value::to_string))?)
    }

    /// As [`Self::ask`], of something that need not be there.
    ///
    /// # Errors
    ///
    /// As there, but for 404.
    pub(crate) fn find_document(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.answer("GET", path, None)?;
        if answer.status == 404 { Ok(None) } else { document(&answer).map(Some) }
    }

    /// What the operator's API answers, whatever that is.
    ///
    /// # Errors
    ///
    /// [`Failure`]: no token, or no answer.
    pub(crate) fn answer(&self, method: &'static str, path: &str, body: Option<String>) -> Result<Answer, Failure> {
        let token = self.required("ADMIN_TOKEN")?;
        let mut headers = vec![("authorization", format!("Bearer {}", String::from_utf8_lossy(token.expose())))];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let body = body.unwrap_or_default().into_bytes();
        self.reach(&Request { method, url: self.address(path), headers, body, timeout: PATIENCE })
    }

    /// The line that is meant: the one that is named, or the only one that the gate knows.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where it is not clear, and what [`Self::ask`] says.
    pub(crate) fn line(&self, named: Option<&str>) -> Result<String, Failure> {
        if let Some(named) = named {
            let is_line = (1..=32).contains(&named.len()) && named.bytes().all(|byte| byte.is_ascii_digit());
            let wrong = || Failure::Usage("A line is named by its phone_number_id, which is digits.".to_owned());
            return is_line.then(|| named.to_owned()).ok_or_else(wrong);
        }
        let lines = self.lines()?;
        match lines.as_slice() {
            [only] => Ok(only.id.clone()),
            [] => Err(Failure::Usage(
                "The gate knows no line yet: name one with --line, or let a customer write first.".to_owned(),
            )),
            several => {
                let known: Vec<&str> = several.iter().map(|line| line.id.as_str()).collect();
                Err(Failure::Usage(format!("Which line? Name it with --line: {}.", known.join(", "))))
            }
        }
    }

    /// The lines that the gate knows.
    ///
    /// # Errors
    ///
    /// What [`Self::ask`] says.
    pub(crate) fn lines(&self) -> Result<Vec<Line>, Failure> {
        let answer = self.ask("GET", "/api/v1/lines", None)?;
        let lines = answer.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let line = |line: &Value| {
            let shards = line.get("shards").and_then(Value::as_u64).unwrap_or(1);
            Some(Line { id: line.get("id")?.as_str()?.to_owned(), shards })
        };
        Ok(lines.iter().filter_map(line).collect())
    }

    /// Posts a body to the webhook, signed as Meta signs.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreachable`] where there is no answer.
    pub(crate) fn deliver(&self, path: &str, body: &[u8], secret: &Secret) -> Result<Answer, Failure> {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-hub-signature-256", signature::sign(secret, body)),
        ];
        let url = self.address(path);
        self.reach(&Request { method: "POST", url, headers, body: body.to_vec(), timeout: PATIENCE })
    }

    /// Asks for a public page.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreachable`] where there is no answer.
    pub(crate) fn page(&self, path: &str) -> Result<Answer, Failure> {
        self.reach(&Request { method: "GET", url: self.address(path), timeout: PATIENCE, ..Request::default() })
    }

    /// The address of a path.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    fn reach(&self, request: &Request) -> Result<Answer, Failure> {
        self.host.http(request).map_err(|reason| {
            let hint = if self.local { " Is `npm start` running?" } else { "" };
            Failure::Unreachable(format!("The gate at {} does not answer: {reason}.{hint}", self.origin()))
        })
    }
}

/// A part of an address, with what has a meaning there escaped.
pub(crate) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The document of an answer, or why there is none.
///
/// # Errors
///
/// [`Failure`] by the answer's status, with the gate's own words.
pub(crate) fn document(answer: &Answer) -> Result<Value, Failure> {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = value.get("detail").or_else(|| value.get("title")).and_then(Value::as_str).unwrap_or_default();
    match answer.status {
        200..=299 => Ok(value),
        401 => {
            Err(Failure::Refused(format!("The gate does not know this ADMIN_TOKEN. {detail}").trim_end().to_owned()))
        }
        403 => Err(Failure::Refused(format!("The gate refuses: {detail}"))),
        429 => {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let wait = seconds.map(|seconds| format!(" Try again in {}.", span(Millis::from_seconds(seconds))));
            Err(Failure::Refused(format!("The gate refuses: {detail}{}", wait.unwrap_or_default())))
        }
        status @ 500.. => {
            Err(Failure::Unreachable(format!("The gate answers {status}. {detail}").trim_end().to_owned()))
        }
        status => Err(Failure::NotSo(format!("The gate answers {status}: {detail}"))),
    }
}

fn remembered(host: &dyn Host) -> Option<String> {
    let text = host.read(REMEMBERED).ok().flatten()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    Some(document.get("gate")?.as_str()?.to_owned())
}

/// The value of a name in a file of lines `NAME="value"`.
fn value_of(file: &str, name: &str) -> Option<String> {
    let mut lines = file.lines().filter_map(|line| line.trim().split_once('='));
    let (_, value) = lines.find(|(known, _)| known.trim() == name)?;
    let value = value.trim();
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned())
}
