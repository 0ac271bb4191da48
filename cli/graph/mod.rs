//! Meta's Graph API, as far as setting up and looking after a gate needs it: requests as values.
//!
//! Invariant: a [`Call`] holds no secret; [`Caller`] adds the token as a header, and the only secrets in an address are
//! those that Meta takes nowhere else (`input_token` of `debug_token`), which goes to Meta itself over https.
//!
//! Names and shapes are those of Meta's pages "Webhooks", "Webhook overrides", "Debug token" and "WhatsApp Business
//! Account, Subscribed Apps" (2026-06-28) and of `GET /{phone_number_id}` (v25.0).
//!
//! Not here: what the answers mean (`answer`), and what is made of them (`commands::setup`, `commands::doctor`).

pub(crate) mod answer;

use baton::address::is_loopback;
use baton::secret::Secret;
use baton::time::Millis;
use serde_json::{Value, json};
use url::Url;

use crate::exit::Failure;
use crate::host::{Host, Request};
pub(crate) use answer::{InForce, Number, Subscription, Token, Trouble};

/// Good until 2028-07-29 (Graph API changelog).
const VERSION: &str = "v25.0";

/// Where the Graph API is.
const ADDRESS: &str = "https://graph.facebook.com";

/// The object whose webhooks are WhatsApp's.
const OBJECT: &str = "whatsapp_business_account";

/// What is asked of a number.
const NUMBER_FIELDS: &str = "id,display_phone_number,verified_name,is_on_biz_app,platform_type,status";

/// Most numbers of an account that are listed.
const NUMBERS_MAX: &str = "100";

/// Saving a callback waits for the handshake, for which Meta allows some seconds.
const PATIENCE: Millis = Millis::from_seconds(30);

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    /// The app, by its id and its secret.
    App,
    /// The system user, by the access token.
    User,
}

/// One question or order to the Graph API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    by: By,
    method: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Call {
    fn new(by: By, method: &'static str, path: String) -> Self {
        Self { by, method, path, query: Vec::new(), body: None }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn sending(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The app's name; only who knows the app's secret gets it.
    pub(crate) fn app(app: &str) -> Self {
        Self::new(By::App, "GET", format!("/{app}")).with("fields", "id,name")
    }

    /// What a token is good for; asked by the app where its secret is known, else by the token itself.
    pub(crate) fn token(token: &Secret, by_app: bool) -> Self {
        let by = if by_app { By::App } else { By::User };
        Self::new(by, "GET", "/debug_token".to_owned()).with("input_token", String::from_utf8_lossy(token.expose()))
    }

    /// The numbers of an account.
    pub(crate) fn numbers(account: &str) -> Self {
        let call = Self::new(By::User, "GET", format!("/{account}/phone_numbers"));
        call.with("fields", NUMBER_FIELDS).with("limit", NUMBERS_MAX)
    }

    /// One number, with the callbacks that Meta knows for it.
    pub(crate) fn number(line: &str) -> Self {
        let fields = format!("{NUMBER_FIELDS},webhook_configuration");
        Self::new(By::User, "GET", format!("/{line}")).with("fields", fields)
    }

    /// The app's own callback and fields.
    pub(crate) fn subscriptions(app: &str) -> Self {
        Self::new(By::App, "GET", format!("/{app}/subscriptions"))
    }

    /// Sets the app's own callback and subscribes fields. Meta asks the callback for the handshake before it answers.
    pub(crate) fn set_callback(app: &str, callback: &str, verify_token: &Secret, fields: &[String]) -> Self {
        Self::new(By::App, "POST", format!("/{app}/subscriptions")).sending(json!({
            "object": OBJECT,
            "callback_url": callback,
            "verify_token": String::from_utf8_lossy(verify_token.expose()),
            "fields": fields.join(","),
        }))
    }

    /// Ends the subscription of fields, or of everything where none is named.
    pub(crate) fn end_subscription(app: &str, fields: &[String]) -> Self {
        let call = Self::new(By::App, "DELETE", format!("/{app}/subscriptions")).with("object", OBJECT);
        if fields.is_empty() { call } else { call.with("fields", fields.join(",")) }
    }

    /// The apps that get an account's webhooks, with their overrides.
    pub(crate) fn subscribed_apps(account: &str) -> Self {
        Self::new(By::User, "GET", format!("/{account}/subscribed_apps"))
    }

    /// Subscribes the app to an account. The same call takes an override of the account away.
    pub(crate) fn subscribe_account(account: &str) -> Self {
        Self::new(By::User, "POST", format!("/{account}/subscribed_apps"))
    }

    /// Ends the app's subscription to an account.
    pub(crate) fn leave_account(account: &str) -> Self {
        Self::new(By::User, "DELETE", format!("/{account}/subscribed_apps"))
    }

    /// Sets an override for an account.
    pub(crate) fn override_account(account: &str, callback: &str, verify_token: &Secret) -> Self {
        Self::subscribe_account(account).sending(overriding(callback, verify_token))
    }

    /// Sets an override for a number.
    pub(crate) fn override_number(line: &str, callback: &str, verify_token: &Secret) -> Self {
        let configuration = json!({ "webhook_configuration": overriding(callback, verify_token) });
        Self::new(By::User, "POST", format!("/{line}")).sending(configuration)
    }

    /// Takes the override of a number away.
    pub(crate) fn clear_number(line: &str) -> Self {
        let configuration = json!({ "webhook_configuration": { "override_callback_uri": "" } });
        Self::new(By::User, "POST", format!("/{line}")).sending(configuration)
    }
}

fn overriding(callback: &str, verify_token: &Secret) -> Value {
    json!({ "override_callback_uri": callback, "verify_token": String::from_utf8_lossy(verify_token.expose()) })
}

/// Where the Graph API is, and with what it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    address: Url,
    /// The app's id.
    pub app: Option<String>,
    /// The app's secret.
    pub app_secret: Option<Secret>,
    /// The access token.
    pub token: Option<Secret>,
}

impl Caller {
    /// The Graph API at an address, or Meta's own.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where a token must not be sent there.
    pub(crate) fn at(address: Option<&str>) -> Result<Self, Failure> {
        let url = Url::parse(address.unwrap_or(ADDRESS)).ok();
        let url = url.filter(|url| url.scheme() == "https" || is_loopback(url.as_str()));
        let wrong = || Failure::Usage("BATON_GRAPH begins with https://, or is http:// on this machine.".to_owned());
        Ok(Self { address: url.ok_or_else(wrong)?, app: None, app_secret: None, token: None })
    }

    /// Whether this is a stand-in on this machine, as tests use one: then bots may be here too.
    pub(crate) fn is_rehearsal(&self) -> bool {
        is_loopback(self.address.as_str())
    }

    /// Asks, and gives the document of the answer.
    ///
    /// # Errors
    ///
    /// [`Trouble`]
    pub(crate) fn ask(&self, host: &dyn Host, call: &Call) -> Result<Value, Trouble> {
        let request = self.request(call).ok_or(Trouble::NoToken)?;
        let answer = host.http(&request).map_err(Trouble::Unreachable)?;
        answer::document(answer.status, &answer.body)
    }

    /// The request of a call; `None` where what it needs to be allowed is not known.
    fn request(&self, call: &Call) -> Option<Request> {
        let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
        let bearer = match call.by {
            By::App => format!("{}|{}", self.app.as_ref()?, text(self.app_secret.as_ref()?)),
            By::User => text(self.token.as_ref()?),
        };
        let mut url = self.address.clone();
        url.set_path(&format!("/{VERSION}{}", call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        // Apps may demand it of every call that a server makes ("Require App Secret"), and Meta checks it only if it is there.
        if let (By::User, Some(secret)) = (call.by, &self.app_secret) {
            url.query_pairs_mut().append_pair("appsecret_proof", &secret.sign(&bearer));
        }
        let mut headers = vec![("authorization", format!("Bearer {bearer}"))];
        let body = call.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Some(Request { method: call.method, url: url.into(), headers, body, timeout: PATIENCE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        let secret = |text: &str| Secret::new(text);
        let known = Caller::at(None).unwrap();
        Caller { app: Some("10".to_owned()), app_secret: secret("hush"), token: secret("EAA"), ..known }
    }

    #[test]
    fn each_call_is_the_request_that_meta_documents() {
        let word = Secret::new("word").unwrap();
        let proof = Secret::new("hush").unwrap().sign("EAA");
        let fields = ["messages".to_owned(), "smb_message_echoes".to_owned()];
        for (call, method, path, bearer, body) in [
            (Call::app("10"), "GET", "/10?fields=id%2Cname", "10|hush", Value::Null),
            (
                Call::set_callback("10", "https://g.example/webhook", &word, &fields),
                "POST",
                "/10/subscriptions",
                "10|hush",
                json!({ "object": OBJECT, "callback_url": "https://g.example/webhook", "verify_token": "word",
                        "fields": "messages,smb_message_echoes" }),
            ),
            (
                Call::end_subscription("10", &fields),
                "DELETE",
                "/10/subscriptions?object=whatsapp_business_account&fields=messages%2Csmb_message_echoes",
                "10|hush",
                Value::Null,
            ),
            (Call::subscribe_account("20"), "POST", "/20/subscribed_apps?appsecret_proof=PROOF", "EAA", Value::Null),
            (
                Call::override_number("30", "https://g.example/webhook", &word),
                "POST",
                "/30?appsecret_proof=PROOF",
                "EAA",
                json!({ "webhook_configuration": { "override_callback_uri": "https://g.example/webhook",
                        "verify_token": "word" } }),
            ),
            (
                Call::clear_number("30"),
                "POST",
                "/30?appsecret_proof=PROOF",
                "EAA",
                json!({ "webhook_configuration": { "override_callback_uri": "" } }),
            ),
        ] {
            let request = caller().request(&call).unwrap();
            assert_eq!(request.method, method);
            assert_eq!(request.url, format!("{ADDRESS}/{VERSION}{}", path.replace("PROOF", &proof)));
            assert_eq!(request.headers.first().unwrap(), &("authorization", format!("Bearer {bearer}")));
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap_or_default(), body);
        }
    }

    #[test]
    fn no_token_goes_over_an_open_line() {
        for address in ["http://graph.example", "ftp://127.0.0.1", "graph"] {
            assert!(Caller::at(Some(address)).is_err(), "{address}");
        }
        assert!(Caller::at(Some("http://127.0.0.1:4000")).is_ok());
    }

    #[test]
    fn what_is_not_known_is_not_asked_with() {
        let nobody = Caller { app_secret: None, token: None, ..caller() };
        assert!(nobody.request(&Call::app("10")).is_none());
        assert!(nobody.request(&Call::number("30")).is_none());
    }
}
