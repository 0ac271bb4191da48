//! The checks on Meta's side, from what Meta said.
//!
//! Invariant: Meta's order decides which callback is in force: the number's override, then the account's, then the app's
//! (Meta, "Webhook overrides", 2026-06-28). The app's fields decide what is sent, also to overrides.

use baton::time::{Millis, UnixMillis};
use url::Url;

use super::facts::{Facts, NumberFacts};
use super::line::{Finding, Line};
use crate::graph::{InForce, Number, Subscription, Token, Trouble};

/// A token that ends sooner is worth a line: two weeks are enough to find whoever can make one.
const TOKEN_LASTS_MIN: Millis = Millis::from_seconds(14 * 86_400);

/// What the gate and the bot need of a token.
pub(crate) const PERMISSIONS: [&str; 2] = ["whatsapp_business_management", "whatsapp_business_messaging"];

/// The fields that the gate reads (docs/events.md), and what it says where one is missing. `history` is not among them:
/// the gate records that it came and uses nothing of it, and it brings thousands of messages.
pub(crate) const FIELDS: [(&str, Finding); 4] = [
    ("messages", Finding::FieldMessages),
    ("smb_message_echoes", Finding::FieldEchoes),
    ("account_update", Finding::FieldAccount),
    ("smb_app_state_sync", Finding::FieldContacts),
];

/// The lines about Meta.
pub(super) fn judge(facts: &Facts) -> Vec<Line> {
    let Some(token) = &facts.meta.token else { return vec![Finding::MetaLeftOut.line()] };
    let mut lines = match token {
        Ok(token) => self::token(token, facts.meta.app.as_deref(), facts.now),
        Err(trouble) => vec![refused(trouble)],
    };
    lines.extend(app(facts));
    // A token that is not accepted learns nothing about numbers, and that has been said.
    let is_usable = token.as_ref().is_ok_and(|token| token.is_valid && !token.has_expired(facts.now));
    for number in facts.meta.numbers.iter().filter(|_| is_usable) {
        lines.extend(self::number(number));
        if !facts.gate.is_local {
            lines.push(callback(number, &facts.gate.origin));
        }
    }
    lines.extend(facts.meta.others.iter().map(|line| Finding::NumberOfOtherApp.of(line)));
    lines
}

fn refused(trouble: &Trouble) -> Line {
    match trouble {
        Trouble::Expired => Finding::TokenExpired.line(),
        Trouble::TokenInvalid => Finding::TokenInvalid.line(),
        Trouble::CallbackRefused
        | Trouble::Limited
        | Trouble::NoSuchThing
        | Trouble::NoToken
        | Trouble::NotPermitted
        | Trouble::NotSubscribed
        | Trouble::Unclear { .. }
        | Trouble::Unreachable(_) => Finding::MetaUnreachable.of(&trouble.to_string()),
    }
}

fn token(token: &Token, app: Option<&str>, now: UnixMillis) -> Vec<Line> {
    if token.has_expired(now) {
        let at = token.expires_at.map(|at| format!(" on {at}")).unwrap_or_default();
        return vec![Finding::TokenExpired.of(&at)];
    }
    if !token.is_valid {
        return vec![Finding::TokenInvalid.line()];
    }
    let mut lines = Vec::new();
    if let (Some(known), Some(app)) = (token.app.as_deref(), app)
        && known != app
    {
        lines.push(Finding::TokenOfOtherApp.of(&format!("{known}, not {app}")));
    }
    lines.push(match token.expires_at {
        Some(end) if end.since(now) < TOKEN_LASTS_MIN => Finding::TokenExpiresSoon.of(&end.to_string()),
        Some(end) => Finding::TokenFine.of(&format!(" until {end}")),
        None => Finding::TokenFine.of(" and does not expire"),
    });
    let lacking = PERMISSIONS.into_iter().filter(|name| !token.scopes.iter().any(|scope| scope == name));
    let lacking: Vec<Line> = lacking.map(|name| Finding::PermissionMissing.of(name)).collect();
    if lacking.is_empty() {
        lines.push(Finding::PermissionsFine.line());
    }
    lines.extend(lacking);
    lines
}

fn app(facts: &Facts) -> Vec<Line> {
    match &facts.meta.subscription {
        None | Some(Err(Trouble::NoToken)) => vec![Finding::AppLeftOut.line()],
        Some(Err(Trouble::TokenInvalid)) => vec![Finding::AppRefused.line()],
        Some(Err(Trouble::Unreachable(_) | Trouble::Limited)) => Vec::new(),
        Some(Err(trouble)) => vec![Finding::AppUnclear.of(&trouble.to_string())],
        Some(Ok(None)) => vec![Finding::AppWithoutCallback.line()],
        Some(Ok(Some(subscription))) => fields(subscription),
    }
}

fn fields(subscription: &Subscription) -> Vec<Line> {
    let lacking: Vec<Line> = lacking(subscription).map(|(_, finding)| finding.line()).collect();
    if lacking.is_empty() { vec![Finding::FieldsFine.line()] } else { lacking }
}

/// The fields of the gate that are not subscribed.
pub(crate) fn lacking(subscription: &Subscription) -> impl Iterator<Item = (&'static str, Finding)> {
    FIELDS.into_iter().filter(|(name, _)| !subscription.fields.iter().any(|field| field == name))
}

fn number(facts: &NumberFacts) -> Vec<Line> {
    match &facts.number {
        Ok(number) => vec![status(&facts.line, number)],
        Err(Trouble::NoSuchThing | Trouble::NotPermitted) => vec![Finding::NumberNotFound.of(&facts.line)],
        Err(
            Trouble::CallbackRefused
            | Trouble::Expired
            | Trouble::Limited
            | Trouble::NoToken
            | Trouble::NotSubscribed
            | Trouble::TokenInvalid
            | Trouble::Unclear { .. }
            | Trouble::Unreachable(_),
        ) => vec![Finding::NumberUnclear.of(&facts.line)],
    }
}

fn status(line: &str, number: &Number) -> Line {
    match (number.status.as_deref(), number.platform.as_deref()) {
        (Some("DISCONNECTED" | "DELETED" | "MIGRATED" | "BANNED"), _) => Finding::NumberDisconnected.of(line),
        (_, Some(platform)) if platform != "CLOUD_API" => Finding::NumberNotOnApi.of(line),
        (Some(status), _) if !matches!(status, "CONNECTED" | "UNKNOWN") => {
            Finding::NumberStatusOdd.of(&format!("{line} is {status}"))
        }
        _ if number.is_in_coexistence() => Finding::NumberFine.of(line),
        _ if number.is_on_biz_app.is_none() => Finding::NumberUnclear.of(line),
        _ => Finding::NumberAlone.of(line),
    }
}

fn callback(facts: &NumberFacts, origin: &str) -> Line {
    let Some(set) = &facts.in_force else { return Finding::CallbackUnclear.of(&facts.line) };
    if !set.is_subscribed {
        return Finding::AccountNotSubscribed.of(facts.account.as_deref().unwrap_or_default());
    }
    let ours = webhook(origin);
    let elsewhere = |address: &&str| !is_same(address, &ours);
    let InForce { app, account, number, .. } = set;
    let app = app.as_ref().map(|app| app.callback.as_str());
    if let Some(other) = number.as_deref().filter(elsewhere) {
        return Finding::CallbackNumberElsewhere.of(&host(other));
    }
    if number.is_none()
        && let Some(other) = account.as_deref().filter(elsewhere)
    {
        return Finding::CallbackAccountElsewhere.of(&host(other));
    }
    let is_overridden = number.is_some() || account.is_some();
    match app.filter(elsewhere) {
        Some(other) if is_overridden => Finding::CallbackPartly.of(&host(other)),
        Some(other) => Finding::CallbackAppElsewhere.of(&host(other)),
        None if app.is_none() && !is_overridden => Finding::CallbackUnclear.of(&facts.line),
        None => Finding::CallbackFine.of(&facts.line),
    }
}

/// The address of a gate's webhook.
pub(crate) fn webhook(origin: &str) -> String {
    format!("{origin}/webhook")
}

/// Whether two callbacks are one address.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The host of a callback; its path is often a secret of its own.
pub(crate) fn host(address: &str) -> String {
    let url = Url::parse(address).ok();
    let host = url.and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "an address that cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: &str = "https://gate.example";

    #[test]
    fn the_callback_in_force_decides() {
        let (ours, other) = (Some("https://gate.example/webhook"), Some("https://bot.example/secret-path"));
        for (is_subscribed, app, account, number, expected) in [
            (true, ours, None, None, "callback_fine"),
            (true, ours, ours, ours, "callback_fine"),
            (true, ours, other, ours, "callback_fine"),
            (true, other, None, None, "callback_app_elsewhere"),
            (true, other, ours, None, "callback_partly"),
            (true, other, None, ours, "callback_partly"),
            (true, ours, other, None, "callback_account_elsewhere"),
            (true, ours, None, other, "callback_number_elsewhere"),
            (true, ours, ours, other, "callback_number_elsewhere"),
            (true, None, None, None, "callback_unclear"),
            (false, ours, None, None, "account_not_subscribed"),
        ] {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let app = app.map(|callback| Subscription { callback: callback.to_owned(), fields: Vec::new() });
            let in_force = InForce { app, is_subscribed, account: own(account), number: own(number) };
            let facts = NumberFacts {
                line: "30".to_owned(),
                account: None,
                number: Ok(Number::default()),
                in_force: Some(in_force.clone()),
            };
            let line = callback(&facts, GATE);
            assert_eq!(line.finding, expected, "{in_force:?}");
            assert!(!line.told.contains("secret-path"), "{}", line.told);
        }
    }

    #[test]
    fn a_number_is_told_by_its_status_and_where_it_lives() {
        for (status, platform, on_app, expected) in [
            (Some("CONNECTED"), Some("CLOUD_API"), Some(true), "number_fine"),
            (None, Some("CLOUD_API"), Some(true), "number_fine"),
            (Some("DISCONNECTED"), Some("CLOUD_API"), Some(true), "number_disconnected"),
            (Some("DISCONNECTED"), Some("NOT_APPLICABLE"), Some(true), "number_disconnected"),
            (Some("RATE_LIMITED"), Some("CLOUD_API"), Some(true), "number_status_odd"),
            (Some("CONNECTED"), Some("NOT_APPLICABLE"), Some(true), "number_not_on_api"),
            (Some("CONNECTED"), Some("CLOUD_API"), Some(false), "number_alone"),
            (Some("CONNECTED"), Some("CLOUD_API"), None, "number_unclear"),
        ] {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let number =
                Number { status: own(status), platform: own(platform), is_on_biz_app: on_app, ..Number::default() };
            assert_eq!(self::status("30", &number).finding, expected, "{number:?}");
        }
    }

    #[test]
    fn a_token_is_told_by_its_time_its_app_and_its_permissions() {
        let now = UnixMillis::from_seconds(1_000_000);
        let good = Token {
            app: Some("10".to_owned()),
            is_valid: true,
            scopes: PERMISSIONS.map(str::to_owned).to_vec(),
            ..Token::default()
        };
        let check = |change: &dyn Fn(&mut Token), expected: &[&str]| {
            let mut token = good.clone();
            change(&mut token);
            let told: Vec<&str> = self::token(&token, Some("10"), now).iter().map(|line| line.finding).collect();
            assert_eq!(told, expected, "{token:?}");
        };
        check(&|_| (), &["token_fine", "permissions_fine"]);
        check(&|token| token.is_valid = false, &["token_invalid"]);
        check(&|token| token.expires_at = Some(now), &["token_expired"]);
        let soon = now.after(TOKEN_LASTS_MIN);
        check(&|token| token.expires_at = Some(soon), &["token_fine", "permissions_fine"]);
        check(
            &|token| token.expires_at = Some(soon.before(Millis::new(1))),
            &["token_expires_soon", "permissions_fine"],
        );
        check(&|token| token.app = Some("11".to_owned()), &["token_of_other_app", "token_fine", "permissions_fine"]);
        check(&|token| drop(token.scopes.pop()), &["token_fine", "permission_missing"]);
        check(&|token| token.scopes.clear(), &["token_fine", "permission_missing", "permission_missing"]);
    }
}
