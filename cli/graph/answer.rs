//! What the Graph API answers, as types.
//!
//! Invariant: of an error only its code and Meta's kind of it are kept, never its text, which may quote what was sent.
//! What Meta leaves out stays unknown and is not guessed.

use core::fmt;

use baton::time::UnixMillis;
use serde_json::Value;

/// Why the Graph API did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// The handshake at a callback failed.
    CallbackRefused,
    /// The token was good once.
    Expired,
    /// Too many calls.
    Limited,
    /// There is no such thing, or not for this token.
    NoSuchThing,
    /// The tool knows no token or no app secret to ask with.
    NoToken,
    /// The token lacks a permission.
    NotPermitted,
    /// The app does not get the account's webhooks yet, which an override needs.
    NotSubscribed,
    /// The token or the app's secret is wrong.
    TokenInvalid,
    /// Anything else.
    Unclear {
        /// The HTTP status.
        status: u16,
        /// Meta's code, 0 where there is none.
        code: u64,
    },
    /// No answer, and why.
    Unreachable(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallbackRefused => "the callback did not pass Meta's handshake: its address or verify token is wrong",
            Self::Expired => "the access token has expired",
            Self::Limited => "Meta limits the calls at the moment; try again in some minutes",
            Self::NoSuchThing => "there is no such id, or this token has no access to it",
            Self::NoToken => "the access token or the app's secret is not known here",
            Self::NotPermitted => "the token lacks a permission for this",
            Self::NotSubscribed => "the app is not subscribed to the account",
            Self::TokenInvalid => "Meta does not accept the token or the app's secret",
            Self::Unclear { status, code } => return write!(f, "Meta answers {status}, code {code}"),
            Self::Unreachable(reason) => return write!(f, "Meta cannot be reached: {reason}"),
        })
    }
}

/// The document of an answer, or what is wrong.
pub(super) fn document(status: u16, body: &[u8]) -> Result<Value, Trouble> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    match value.get("error") {
        Some(error) => Err(trouble(status, error)),
        None if (200..300).contains(&status) && !value.is_null() => Ok(value),
        None => Err(Trouble::Unclear { status, code: 0 }),
    }
}

fn trouble(status: u16, error: &Value) -> Trouble {
    let number = |key: &str| error.get(key).and_then(Value::as_u64).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    match (number("code"), number("error_subcode")) {
        (190, 463) => Trouble::Expired,
        // Meta leaves the subcode out in newer versions; the sentence has said it so for years.
        (190, _) if message.contains("expired") => Trouble::Expired,
        (101 | 102 | 190, _) => Trouble::TokenInvalid,
        (4 | 17 | 32 | 613 | 80_007 | 80_008 | 130_429, _) => Trouble::Limited,
        (2_200 | 2_201, _) => Trouble::CallbackRefused,
        (100, _) if message.contains("must be subscribed") => Trouble::NotSubscribed,
        (100, 33) | (803, _) => Trouble::NoSuchThing,
        (3 | 10 | 200..=299 | 131_005, _) => Trouble::NotPermitted,
        (code, _) => Trouble::Unclear { status, code },
    }
}

/// What a token is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Token {
    /// The app that it was made for.
    pub app: Option<String>,
    /// Whether Meta accepts it.
    pub is_valid: bool,
    /// When it ends; `None` for one that does not.
    pub expires_at: Option<UnixMillis>,
    /// Its permissions.
    pub scopes: Vec<String>,
    /// The accounts that it was given, as far as Meta names them.
    pub accounts: Vec<String>,
}

impl Token {
    /// Reads the answer of `debug_token`.
    pub(crate) fn read(answer: &Value) -> Self {
        let data = answer.get("data").unwrap_or(&Value::Null);
        let seconds = data.get("expires_at").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
        let granular = data.get("granular_scopes").and_then(Value::as_array).into_iter().flatten();
        let mut accounts = Vec::new();
        for scope in granular.filter(|scope| text(scope, "scope").is_some_and(|name| name.starts_with("whatsapp"))) {
            for id in texts(scope, "target_ids") {
                if !accounts.contains(&id) {
                    accounts.push(id);
                }
            }
        }
        Self {
            app: text(data, "app_id"),
            is_valid: data.get("is_valid").and_then(Value::as_bool).unwrap_or_default(),
            expires_at: seconds.map(UnixMillis::from_seconds),
            scopes: texts(data, "scopes"),
            accounts,
        }
    }

    /// Whether it had a time, and that is over.
    pub(crate) fn has_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A business number.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Number {
    /// Meta's id of it.
    pub line: String,
    /// The shop's own number, for the shop's own eyes.
    pub shown: String,
    /// The shop's name.
    pub name: String,
    /// Whether it is (also) on the Business App.
    pub is_on_biz_app: Option<bool>,
    /// `CLOUD_API` where the API may use it.
    pub platform: Option<String>,
    /// `CONNECTED`, `DISCONNECTED` …
    pub status: Option<String>,
    /// The callback that is set for the number alone.
    pub own_callback: Option<String>,
    /// The callback that is set for its account.
    pub account_callback: Option<String>,
    /// The app's own.
    pub app_callback: Option<String>,
}

impl Number {
    /// Reads one number.
    pub(crate) fn read(value: &Value) -> Self {
        let callbacks = value.get("webhook_configuration").unwrap_or(&Value::Null);
        Self {
            line: text(value, "id").unwrap_or_default(),
            shown: text(value, "display_phone_number").unwrap_or_default(),
            name: text(value, "verified_name").unwrap_or_default(),
            is_on_biz_app: value.get("is_on_biz_app").and_then(Value::as_bool),
            platform: text(value, "platform_type"),
            status: text(value, "status"),
            own_callback: text(callbacks, "phone_number"),
            account_callback: text(callbacks, "whatsapp_business_account"),
            app_callback: text(callbacks, "application"),
        }
    }

    /// Reads the list of an account's numbers.
    pub(crate) fn list(answer: &Value) -> Vec<Self> {
        rows(answer).map(Self::read).collect()
    }

    /// Whether the phone and the API share it.
    pub(crate) fn is_in_coexistence(&self) -> bool {
        self.is_on_biz_app == Some(true) && self.platform.as_deref() == Some("CLOUD_API")
    }
}

/// The app's own callback and what is sent there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Subscription {
    /// The address.
    pub callback: String,
    /// The fields, which decide for overrides too.
    pub fields: Vec<String>,
}

impl Subscription {
    /// Reads the app's subscriptions; `None` where there is none for WhatsApp.
    pub(crate) fn read(answer: &Value) -> Option<Self> {
        let own = rows(answer).find(|row| text(row, "object").as_deref() == Some(super::OBJECT))?;
        let fields = own.get("fields").and_then(Value::as_array).into_iter().flatten();
        // Objects with a name and a version; older versions of the API gave the names alone.
        let name = |field: &Value| text(field, "name").or_else(|| field.as_str().map(str::to_owned));
        Some(Self { callback: text(own, "callback_url")?, fields: fields.filter_map(name).collect() })
    }
}

/// Which callbacks are set, for one number.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct InForce {
    /// The app's own.
    pub app: Option<Subscription>,
    /// Whether the app gets the account's webhooks at all.
    pub is_subscribed: bool,
    /// The override of the account.
    pub account: Option<String>,
    /// The override of the number.
    pub number: Option<String>,
}

impl InForce {
    /// Where the number's messages go: number before account before app.
    pub(crate) fn callback(&self) -> Option<&str> {
        let app = self.app.as_ref().map(|app| app.callback.as_str());
        self.number.as_deref().or(self.account.as_deref()).or(app)
    }
}

/// An app that gets an account's webhooks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Subscribed {
    /// The override of the account.
    pub callback: Option<String>,
}

/// The app among those that get an account's webhooks; `None` where it is not among them.
pub(crate) fn subscribed(answer: &Value, app: &str) -> Option<Subscribed> {
    let own = rows(answer).find(|row| {
        row.get("whatsapp_business_api_data").and_then(|data| text(data, "id")).is_some_and(|known| known == app)
    })?;
    Some(Subscribed { callback: text(own, "override_callback_uri") })
}

fn rows(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.get("data").and_then(Value::as_array).into_iter().flatten()
}

/// A text that is there and not empty; ids come as texts and, in places, as numbers.
fn text(value: &Value, key: &str) -> Option<String> {
    let value = value.get(key)?;
    let text = value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))?;
    (!text.is_empty()).then_some(text)
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_error_of_metas_is_told_by_its_code() {
        for (code, subcode, message, expected) in [
            (190, 463, "", Trouble::Expired),
            (190, 0, "Error validating access token: Session has expired", Trouble::Expired),
            (190, 0, "Invalid OAuth access token signature.", Trouble::TokenInvalid),
            (101, 0, "Error validating application.", Trouble::TokenInvalid),
            (10, 0, "", Trouble::NotPermitted),
            (200, 0, "", Trouble::NotPermitted),
            (299, 0, "", Trouble::NotPermitted),
            (100, 33, "Unsupported get request.", Trouble::NoSuchThing),
            (100, 0, "(#100) … your app must be subscribed to receive messages …", Trouble::NotSubscribed),
            (100, 0, "(#100) Invalid parameter", Trouble::Unclear { status: 400, code: 100 }),
            (2200, 0, "(#2200) Callback verification failed", Trouble::CallbackRefused),
            (80_007, 0, "", Trouble::Limited),
        ] {
            let body = json!({ "error": { "message": message, "code": code, "error_subcode": subcode } }).to_string();
            assert_eq!(document(400, body.as_bytes()), Err(expected), "{code} {subcode} {message}");
        }
        assert_eq!(document(502, b"<html>"), Err(Trouble::Unclear { status: 502, code: 0 }));
        assert_eq!(document(200, b"<html>"), Err(Trouble::Unclear { status: 200, code: 0 }));
    }

    #[test]
    fn a_token_names_its_accounts_once() {
        let scope = |name: &str| json!({ "scope": name, "target_ids": ["20", "21"] });
        let token = Token::read(&json!({ "data": {
            "app_id": 10, "is_valid": true, "expires_at": 0, "scopes": ["whatsapp_business_management"],
            "granular_scopes": [scope("whatsapp_business_management"), scope("whatsapp_business_messaging"),
                                { "scope": "business_management", "target_ids": ["99"] }],
        } }));
        assert_eq!((token.app.as_deref(), token.expires_at), (Some("10"), None));
        assert_eq!(token.accounts, ["20", "21"]);
        assert!(!token.has_expired(UnixMillis::from_seconds(9)));
        let ending = Token::read(&json!({ "data": { "expires_at": 9 } }));
        assert!(ending.has_expired(UnixMillis::from_seconds(9)) && !ending.has_expired(UnixMillis::from_seconds(8)));
    }

    #[test]
    fn the_number_goes_before_the_account_and_the_account_before_the_app() {
        let app = Some(Subscription { callback: "app".to_owned(), fields: Vec::new() });
        let mut callbacks = InForce {
            app,
            number: Some("number".to_owned()),
            account: Some("account".to_owned()),
            is_subscribed: true,
        };
        assert_eq!(callbacks.callback(), Some("number"));
        callbacks.number = None;
        assert_eq!(callbacks.callback(), Some("account"));
        callbacks.account = None;
        assert_eq!(callbacks.callback(), Some("app"));
        callbacks.app = None;
        assert_eq!(callbacks.callback(), None);
    }

    #[test]
    fn only_the_own_apps_override_counts() {
        let row =
            |id: &str| json!({ "whatsapp_business_api_data": { "id": id, "name": "n" }, "override_callback_uri": id });
        let answer = json!({ "data": [row("10"), { "whatsapp_business_api_data": { "id": "11" } }] });
        assert_eq!(subscribed(&answer, "10"), Some(Subscribed { callback: Some("10".to_owned()) }));
        assert_eq!(subscribed(&answer, "11"), Some(Subscribed::default()));
        assert_eq!(subscribed(&answer, "12"), None);
    }
}
