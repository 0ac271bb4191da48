//! What `baton doctor` asks of the gate and of Meta.
//!
//! Invariant: nothing here changes anything. The two deliveries have an empty list of entries, which the gate takes and
//! forgets; the bot is asked by the gate itself.
//!
//! Why a secret may be missing here: the tool keeps none. A check that needs one it was not given is left out, and its
//! line says so.

use baton::secret::Secret;
use baton::webhook::signature;
use serde_json::{Value, json};

use super::facts::{
    BotProbe, Diagnosis, Facts, Gate as GateFacts, Handshake, Health, Inside, LineState, Meta, NumberFacts, Signature,
};
use super::meta::webhook;
use crate::commands::setup::state::LineOf;
use crate::gate::{Gate, escaped};
use crate::graph::answer::subscribed;
use crate::graph::{Call, Caller, InForce, Number, Subscription, Token, Trouble};
use crate::host::{Answer, Host, Request};
use baton::time::Millis;

/// How long the gate may take for one answer: longer than any of its own waits for others.
const PATIENCE: Millis = Millis::from_seconds(30);

/// A delivery of Meta's in which nothing has happened.
pub(crate) const PROBE: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

/// What the tool was told, in the environment, in `.dev.vars`, or in the dialogue of `baton setup`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub admin_token: Option<Secret>,
    pub app_secret: Option<Secret>,
    pub verify_token: Option<Secret>,
    /// The numbers that the set-up remembers.
    pub lines: Vec<LineOf>,
    /// Whether it is the gate of `npm start`, of which Meta knows nothing.
    pub is_local: bool,
}

/// Asks everybody.
pub(crate) fn facts(host: &dyn Host, gate: &Gate<'_>, known: &Known, caller: &Caller) -> Facts {
    let gate = at_gate(host, gate, known);
    let mut lines: Vec<LineState> = match &gate.inside {
        Inside::Told(diagnosis) => diagnosis.lines.clone(),
        Inside::LeftOut | Inside::Refused | Inside::Silent(_) | Inside::TooOld => Vec::new(),
    };
    for line in &known.lines {
        if !lines.iter().any(|other| other.line == line.line) {
            let (line, account) = (line.line.clone(), Some(line.account.clone()));
            lines.push(LineState { line, account, ..LineState::default() });
        }
    }
    let meta = at_meta(host, caller, &lines);
    Facts { now: host.now(), gate, meta }
}

fn at_gate(host: &dyn Host, gate: &Gate<'_>, known: &Known) -> GateFacts {
    let health = health(gate);
    let mut facts = GateFacts {
        origin: gate.origin(),
        is_local: known.is_local,
        health,
        handshake: Handshake::LeftOut,
        signature: Signature::default(),
        inside: Inside::LeftOut,
        bots: Vec::new(),
    };
    if facts.health == Health::Silent {
        return facts;
    }
    if let Some(word) = &known.verify_token {
        facts.handshake = handshake(host, &webhook(&facts.origin), word);
    }
    let deliver = |secret: &Secret| gate.deliver("/webhook", PROBE.as_bytes(), secret).ok().map(|answer| answer.status);
    facts.signature = Signature {
        right: known.app_secret.as_ref().and_then(deliver),
        wrong: random_word(host).as_ref().and_then(deliver),
    };
    if let (Some(token), Health::Ready) = (&known.admin_token, &facts.health) {
        facts.inside = inside(host, gate, token);
        if let Inside::Told(diagnosis) = &facts.inside {
            facts.bots = bots(host, gate, token, diagnosis);
        }
    }
    facts
}

fn health(gate: &Gate<'_>) -> Health {
    let Ok(answer) = gate.page("/health") else { return Health::Silent };
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = value.get("detail").or_else(|| value.get("title")).and_then(Value::as_str);
    match answer.status {
        200 if value.get("status").and_then(Value::as_str) == Some("ok") => Health::Ready,
        200 => Health::NotReady("what answers there is no gate.".to_owned()),
        status => Health::NotReady(detail.map_or_else(|| format!("it says {status}."), str::to_owned)),
    }
}

/// Makes the handshake as Meta makes it.
pub(crate) fn handshake(host: &dyn Host, webhook: &str, word: &Secret) -> Handshake {
    let challenge = host.now().as_millis().to_string();
    let Ok(mut url) = url::Url::parse(webhook) else { return Handshake::LeftOut };
    let word = String::from_utf8_lossy(word.expose());
    let pairs = [("hub.mode", "subscribe"), ("hub.challenge", &challenge), ("hub.verify_token", &word)];
    url.query_pairs_mut().extend_pairs(pairs);
    match ask(host, "GET", url.into(), Vec::new(), None) {
        Some(answer) if answer.status == 200 && answer.body == challenge.as_bytes() => Handshake::Right,
        Some(answer) => Handshake::Refused(answer.status),
        None => Handshake::LeftOut,
    }
}

/// Posts the harmless delivery to any webhook, and gives the status.
pub(crate) fn probe(host: &dyn Host, webhook: &str, secret: &Secret) -> Option<u16> {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-hub-signature-256", signature::sign(secret, PROBE.as_bytes())),
    ];
    ask(host, "POST", webhook.to_owned(), headers, Some(PROBE.as_bytes().to_vec())).map(|answer| answer.status)
}

fn ask(
    host: &dyn Host,
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
) -> Option<Answer> {
    host.http(&Request { method, url, headers, body: body.unwrap_or_default(), timeout: PATIENCE }).ok()
}

/// A word that nobody has.
pub(crate) fn random_word(host: &dyn Host) -> Option<Secret> {
    let mut bytes = [0; 32];
    host.random(&mut bytes).ok()?;
    Secret::new(base16ct::lower::encode_string(&bytes))
}

fn operator(host: &dyn Host, gate: &Gate<'_>, token: &Secret, path: &str, body: Option<&Value>) -> Option<Answer> {
    let mut headers = vec![("authorization", format!("Bearer {}", String::from_utf8_lossy(token.expose())))];
    if body.is_some() {
        headers.push(("content-type", "application/json".to_owned()));
    }
    let method = if body.is_some() { "POST" } else { "GET" };
    ask(host, method, gate.address(path), headers, body.map(|body| body.to_string().into_bytes()))
}

fn inside(host: &dyn Host, gate: &Gate<'_>, token: &Secret) -> Inside {
    let Some(answer) = operator(host, gate, token, "/api/v1/diagnosis", None) else {
        return Inside::Silent("no answer".to_owned());
    };
    match answer.status {
        200 => match serde_json::from_slice::<Diagnosis>(&answer.body) {
            Ok(diagnosis) => Inside::Told(Box::new(diagnosis)),
            Err(_) => Inside::Silent("an answer of another form".to_owned()),
        },
        401 | 403 => Inside::Refused,
        404 => Inside::TooOld,
        status => Inside::Silent(status.to_string()),
    }
}

/// Has the gate try each bot.
fn bots(host: &dyn Host, gate: &Gate<'_>, token: &Secret, diagnosis: &Diagnosis) -> Vec<(String, BotProbe)> {
    let probed = diagnosis.bots.iter().map(|bot| {
        let (label, path) = match bot.name.as_deref() {
            Some(name) => {
                (format!("The bot {name} at {}", bot.host), format!("/api/v1/diagnosis/bot?bot={}", escaped(name)))
            }
            None => (format!("The bot at {}", bot.host), "/api/v1/diagnosis/bot".to_owned()),
        };
        let answer = operator(host, gate, token, &path, Some(&json!({})));
        let answer = answer.filter(|answer| answer.status == 200);
        let probe = answer.and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or_default();
        (label, probe)
    });
    probed.collect()
}

fn at_meta(host: &dyn Host, caller: &Caller, lines: &[LineState]) -> Meta {
    let Some(token) = &caller.token else { return Meta::default() };
    let mut caller = caller.clone();
    let by_app = caller.app.is_some() && caller.app_secret.is_some();
    // A wrong app secret, or a token of another app, must not hide what the token itself says.
    let mut plain = caller.clone();
    plain.app_secret = None;
    let own = || plain.ask(host, &Call::token(token, false));
    let told = if by_app { caller.ask(host, &Call::token(token, true)).or_else(|_| own()) } else { own() };
    let told = told.map(|answer| Token::read(&answer));
    if caller.app.is_none() {
        caller.app = told.as_ref().ok().and_then(|token| token.app.clone());
    }
    let subscription = match (&caller.app, &caller.app_secret) {
        (Some(app), Some(_)) => {
            Some(caller.ask(host, &Call::subscriptions(app)).map(|answer| Subscription::read(&answer)))
        }
        _ => None,
    };
    if matches!(subscription, Some(Err(Trouble::TokenInvalid))) {
        caller.app_secret = None;
    }
    let own = |of: &&LineState| of.app.is_none() || caller.app.is_none() || of.app == caller.app;
    let (own, others): (Vec<_>, Vec<_>) = lines.iter().partition(own);
    let others = others.into_iter().map(|of| of.line.clone()).collect();
    let number = |of: &LineState| number(host, &caller, of, subscription.as_ref());
    let numbers = if told.is_ok() { own.into_iter().map(number).collect() } else { Vec::new() };
    Meta { token: Some(told), app: caller.app.clone(), subscription, numbers, others }
}

fn number(
    host: &dyn Host,
    caller: &Caller,
    of: &LineState,
    subscription: Option<&Result<Option<Subscription>, Trouble>>,
) -> NumberFacts {
    let number = caller.ask(host, &Call::number(&of.line)).map(|answer| Number::read(&answer));
    let in_force = number.as_ref().ok().and_then(|number| {
        let app = match subscription {
            Some(Ok(known)) => known.clone(),
            Some(Err(_)) | None => reported(number),
        };
        in_force(host, caller, of.account.as_deref(), number, app)
    });
    NumberFacts { line: of.line.clone(), account: of.account.clone(), number, in_force }
}

/// The app's callback as the number itself reports it, without the fields.
fn reported(number: &Number) -> Option<Subscription> {
    number.app_callback.clone().map(|callback| Subscription { callback, fields: Vec::new() })
}

/// The callbacks of a number; `None` where Meta does not tell which apps get the account's webhooks.
pub(crate) fn in_force(
    host: &dyn Host,
    caller: &Caller,
    account: Option<&str>,
    number: &Number,
    app: Option<Subscription>,
) -> Option<InForce> {
    let (is_subscribed, overridden) = match (account, &caller.app) {
        (Some(account), Some(app)) => {
            let answer = caller.ask(host, &Call::subscribed_apps(account)).ok()?;
            let own = subscribed(&answer, app);
            (own.is_some(), own.and_then(|own| own.callback))
        }
        _ => (true, None),
    };
    let account = overridden.or_else(|| number.account_callback.clone());
    Some(InForce { app, is_subscribed, account, number: number.own_callback.clone() })
}
