//! What the set-up needs to know, each with where it is found and how it is checked.
//!
//! Invariant: nothing is taken on trust that Meta or the bot can be asked about; and what is asked of them changes nothing.

use baton::outbox::destination::{BotUrl, Surroundings};
use baton::secret::Secret;

use super::dialogue::{Asked, Dialogue, Wrong};
use super::state::{LineOf, Remembered};
use crate::args::{SetupOptions, Way};
use crate::commands::doctor::from_environment;
use crate::commands::doctor::learn::{probe, random_word};
use crate::commands::doctor::meta::{PERMISSIONS, host as host_of};
use crate::exit::Failure;
use crate::graph::{Call, Caller, Number, Token, Trouble};
use crate::host::Request;
use baton::time::Millis;

/// How long a bot may take to answer: the gate gives it 15 seconds.
const PATIENCE: Millis = Millis::from_seconds(15);

/// The app and its secret.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn app(
    dialogue: &Dialogue<'_>,
    options: &SetupOptions,
    remembered: &Remembered,
    caller: &mut Caller,
) -> Result<(), Failure> {
    let mut given = (options.meta.app.clone(), dialogue.host.variable("META_APP_SECRET"));
    let mut known = remembered.app.clone();
    loop {
        let asked = Asked {
            text: "Meta app id",
            hint: "developers.facebook.com > My Apps > your app > App settings > Basic: App ID",
            option: "--app",
            is_secret: false,
        };
        let id = dialogue.answer(&asked, given.0.take(), known.as_deref(), &mut |text| same_app(text, remembered))?;
        let asked = Asked {
            text: "Meta app secret",
            hint: "On the same page: App secret > Show",
            option: "META_APP_SECRET",
            is_secret: true,
        };
        let secret = dialogue.answer(&asked, given.1.take(), None, &mut |text| secret(text))?;
        let mut trial = caller.clone();
        (trial.app, trial.app_secret) = (Some(id.clone()), Some(secret));
        match trial.ask(dialogue.host, &Call::app(&id)) {
            Ok(answer) => {
                let name = answer.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
                dialogue.say(&format!("✓ The app is “{name}”."));
                *caller = trial;
                return Ok(());
            }
            Err(trouble) => {
                let words = "Meta does not accept this secret for this app id. Copy both from the same page.";
                match Wrong::from(trouble) {
                    Wrong::Answer(_) if dialogue.is_attended() => dialogue.say(&format!("✗ {words}")),
                    Wrong::Answer(_) => return Err(Failure::Refused(format!("META_APP_SECRET: {words}"))),
                    Wrong::Stop(failure) => return Err(failure),
                }
                // Either may be the wrong one.
                known = Some(id);
            }
        }
    }
}

/// The access token.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn token(dialogue: &Dialogue<'_>, caller: &mut Caller) -> Result<Token, Failure> {
    let asked = Asked {
        text: "Access token of a system user",
        hint: "business.facebook.com/settings > Users > System users > Generate token: this app, expiration Never, \
               whatsapp_business_management and whatsapp_business_messaging",
        option: "META_ACCESS_TOKEN",
        is_secret: true,
    };
    let now = dialogue.host.now();
    let app = caller.clone();
    let mut check = |text: &str| {
        let secret = secret(text)?;
        let answer = app.ask(dialogue.host, &Call::token(&secret, true)).map_err(|trouble| {
            // `debug_token` refuses tokens of other apps by a code of its own.
            let is_foreign = matches!(trouble, Trouble::Unclear { code: 100, .. });
            if is_foreign { Wrong::Answer("It belongs to another app.".to_owned()) } else { trouble.into() }
        })?;
        let token = Token::read(&answer);
        if token.has_expired(now) {
            return Err(Wrong::Answer("It has expired. Make one whose expiration is Never.".to_owned()));
        }
        if !token.is_valid {
            return Err(Wrong::Answer("Meta does not accept it. Copy it again, whole.".to_owned()));
        }
        if token.app.is_some() && token.app != app.app {
            return Err(Wrong::Answer("It belongs to another app.".to_owned()));
        }
        let lacking = PERMISSIONS.into_iter().filter(|name| !token.scopes.iter().any(|scope| scope == name));
        let lacking: Vec<&str> = lacking.collect();
        if lacking.is_empty() {
            return Ok((secret, token));
        }
        Err(Wrong::Answer(format!("It lacks {}: generate one with both permissions ticked.", lacking.join(" and "))))
    };
    let given = dialogue.host.variable("META_ACCESS_TOKEN");
    let (secret, token) = dialogue.answer(&asked, given, None, &mut check)?;
    match token.expires_at {
        Some(end) => {
            dialogue.say(&format!("! The token is valid until {end}; make one that does not expire before then."));
        }
        None => dialogue.say("✓ The token is valid, does not expire, and has both permissions."),
    }
    caller.token = Some(secret);
    Ok(token)
}

/// The number, chosen from those of the accounts.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn number(
    dialogue: &Dialogue<'_>,
    options: &SetupOptions,
    token: &Token,
    caller: &Caller,
) -> Result<LineOf, Failure> {
    let numbers = match (&options.account, token.accounts.as_slice()) {
        (None, accounts @ [_, ..]) => {
            let mut all = Vec::new();
            for account in accounts {
                let numbers = numbers(dialogue, caller, account).map_err(stopped)?;
                all.extend(numbers.into_iter().map(|number| (account.clone(), number)));
            }
            all
        }
        (given, _) => {
            let asked = Asked {
                text: "WhatsApp Business Account id",
                hint: "Your app > WhatsApp > API Setup: WhatsApp Business Account ID",
                option: "--account",
                is_secret: false,
            };
            let mut check = |text: &str| {
                let account = digits(text)?;
                let numbers = numbers(dialogue, caller, &account)?;
                Ok(numbers.into_iter().map(|number| (account.clone(), number)).collect::<Vec<_>>())
            };
            dialogue.answer(&asked, given.clone(), None, &mut check)?
        }
    };
    let wanted = options.line.as_deref().filter(|line| !line.is_empty());
    let chosen = match wanted {
        Some(line) => numbers
            .iter()
            .find(|(_, number)| number.line == line)
            .ok_or_else(|| Failure::Usage(format!("--line: the token has access to no number with the id {line}.")))?,
        None if numbers.len() > 1 && !dialogue.is_attended() => {
            return Err(Failure::Usage(
                "There are several numbers: choose one with --line PHONE_NUMBER_ID.".to_owned(),
            ));
        }
        None => {
            let shown: Vec<String> = numbers.iter().map(|(account, number)| label(account, number)).collect();
            let at = dialogue.choice("Which number?", &shown, 0)?;
            let none = || Failure::NotSo("There is no number in this account. Connect one first.".to_owned());
            numbers.get(at).ok_or_else(none)?
        }
    };
    let (account, number) = chosen;
    judged(dialogue, number)?;
    Ok(LineOf { line: number.line.clone(), account: account.clone() })
}

/// One gate, one app: a number of another app has another app secret, which is set by hand (docs/lines.md).
fn same_app(text: &str, remembered: &Remembered) -> Result<String, Wrong> {
    let id = digits(text)?;
    match remembered.app.as_ref().filter(|known| **known != id) {
        Some(known) => Err(Wrong::Answer(format!(
            "This gate was set up for the app {known}. A number of another app is added by hand: docs/lines.md."
        ))),
        None => Ok(id),
    }
}

fn numbers(dialogue: &Dialogue<'_>, caller: &Caller, account: &str) -> Result<Vec<Number>, Wrong> {
    let answer = caller.ask(dialogue.host, &Call::numbers(account))?;
    Ok(Number::list(&answer))
}

fn stopped(wrong: Wrong) -> Failure {
    match wrong {
        Wrong::Answer(words) => Failure::Refused(format!("The numbers of the account: {words}")),
        Wrong::Stop(failure) => failure,
    }
}

/// A number in the list: its own digits and name are the shop's.
fn label(account: &str, number: &Number) -> String {
    let mode = match (number.is_on_biz_app, number.platform.as_deref()) {
        (Some(true), Some("CLOUD_API")) => "Coexistence",
        (_, Some("CLOUD_API")) => "API only",
        _ => "not on the API",
    };
    format!("{} “{}” ({mode}, account {account}, id {})", number.shown, number.name, number.line)
}

fn judged(dialogue: &Dialogue<'_>, number: &Number) -> Result<(), Failure> {
    let trouble = if number.status.as_deref() == Some("DISCONNECTED") {
        "This number is disconnected: connect it again in the Business App (Settings > Account > Business Platform)."
    } else if number.is_in_coexistence() {
        dialogue.say("✓ The number is shared by the Business App and the API (Coexistence).");
        return Ok(());
    } else {
        "This number is not in Coexistence: the gate will hear no person from a Business App, and withhold nothing."
    };
    dialogue.say(&format!("! {trouble}"));
    if dialogue.confirm("Go on with it all the same?", false)? { Ok(()) } else { Err(Failure::Cancelled) }
}

/// The bot's address.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn bot(
    dialogue: &Dialogue<'_>,
    given: Option<String>,
    proposed: Option<&str>,
    is_own: &dyn Fn(&str) -> bool,
    caller: &Caller,
) -> Result<String, Failure> {
    let asked = Asked {
        text: "Address of the bot's webhook",
        hint: "The callback URL that stands at Meta today, or where your bot's software shows it",
        option: "--bot",
        is_secret: false,
    };
    let surroundings = if caller.is_rehearsal() { Surroundings::LocalDevelopment } else { Surroundings::Deployed };
    let (address, found) = dialogue.answer(&asked, given, proposed, &mut |text| {
        let address =
            BotUrl::parse(text, surroundings).map_err(|error| Wrong::Answer(format!("This address {error}.")))?;
        if is_own(address.as_str()) {
            return Err(Wrong::Answer("This is the gate itself; the bot behind it is needed.".to_owned()));
        }
        let found = reached(dialogue, text, caller)?;
        Ok((text.to_owned(), found))
    })?;
    dialogue.say(&found);
    Ok(address)
}

/// Whether anything answers there, and what it makes of a harmless delivery.
fn reached(dialogue: &Dialogue<'_>, address: &str, caller: &Caller) -> Result<String, Wrong> {
    let status = caller.app_secret.as_ref().and_then(|secret| probe(dialogue.host, address, secret));
    // A bot that does not answer the probe may still be there: then it answers something else.
    let request = Request { method: "GET", url: address.to_owned(), timeout: PATIENCE, ..Request::default() };
    if status.is_none()
        && let Err(reason) = dialogue.host.http(&request)
    {
        return Err(Wrong::Answer(format!("Nothing answers at {}: {reason}.", host_of(address))));
    }
    Ok(match status {
        Some(200..=299) => "✓ The bot takes a signed probe.".to_owned(),
        Some(status @ (401 | 403)) => format!(
            "! The bot refuses a probe that is signed with the app's secret ({status}). If it has a secret of its own, set \
             it at the gate too: npx wrangler secret put BOT_SECRET"
        ),
        Some(status) => format!("! The bot answers {status} to an empty probe. baton doctor will look again."),
        None => "! The bot did not answer a probe in time. baton doctor will look again.".to_owned(),
    })
}

/// Where the gate's address is set at Meta.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn way(dialogue: &Dialogue<'_>, options: &SetupOptions, remembered: &Remembered) -> Result<Way, Failure> {
    let before = remembered.callback.as_deref().and_then(Way::named);
    if let Some(way) = options.callback.or(before) {
        return Ok(way);
    }
    for way in Way::ALL.into_iter().filter(|_| dialogue.is_attended()) {
        dialogue.say(&format!("{}: {}.", way.label(), way.explained()));
    }
    let shown: Vec<String> = Way::ALL.iter().map(|way| way.label().to_owned()).collect();
    let at = dialogue.choice("How should Meta's messages come to the gate?", &shown, 0)?;
    Ok(Way::ALL.get(at).copied().unwrap_or(Way::App))
}

/// The verify token of a callback that was in force before: Meta makes its handshake there again.
///
/// # Errors
///
/// [`Failure`]
pub(super) fn former_word(
    dialogue: &Dialogue<'_>,
    callback: &str,
    check: &mut dyn FnMut(&Secret) -> Result<(), Wrong>,
) -> Result<(), Failure> {
    dialogue.say(&format!(
        "Meta makes its handshake with {} before it takes that callback back, and keeps its verify token from everybody.",
        host_of(callback)
    ));
    let asked = Asked {
        text: "Verify token of the former callback",
        hint: "The word that was in the Meta app beside the callback URL; the bot's settings have it too",
        option: "FORMER_VERIFY_TOKEN",
        is_secret: true,
    };
    let given = dialogue.host.variable("FORMER_VERIFY_TOKEN");
    // A word, as people write words: blanks are no mistake.
    let word = |text: &str| Secret::new(text).ok_or_else(|| Wrong::Answer("It is empty.".to_owned()));
    dialogue.answer(&asked, given, None, &mut |text| check(&word(text)?))
}

/// A secret of the environment, or a new one.
///
/// # Errors
///
/// [`Failure::Usage`] where this machine has no chance to give.
pub(super) fn made(dialogue: &Dialogue<'_>, name: &str) -> Result<Secret, Failure> {
    let none = || Failure::Usage("This machine gives no random numbers.".to_owned());
    from_environment(dialogue.host, name).or_else(|| random_word(dialogue.host)).ok_or_else(none)
}

fn digits(text: &str) -> Result<String, Wrong> {
    let is_id = (5..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err(Wrong::Answer("Meta's ids are digits only.".to_owned())) }
}

fn secret(text: &str) -> Result<Secret, Wrong> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let secret = Secret::new(text).filter(|_| plain);
    secret.ok_or_else(|| Wrong::Answer("It is empty, or has blanks or letters that do not belong there.".to_owned()))
}
