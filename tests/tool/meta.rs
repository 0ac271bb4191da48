//! A stand-in for the Graph API that answers like Meta's, as far as setting up goes: apps and their secrets, access tokens
//! and permissions, subscriptions, overrides, and the handshake that each saved callback has to pass.
//!
//! Invariant: it refuses what Meta refuses, with Meta's codes (Graph API "Handling errors", "Webhooks", "Webhook overrides",
//! 2026-06-28), and changes nothing then.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use baton::secret::Secret;
use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, Server};
use url::Url;

pub const APP: &str = "100000000000001";
pub const ACCOUNT: &str = "200000000000001";
pub const LINE: &str = "300000000000001";
pub const OTHER_LINE: &str = "300000000000002";
/// Planted: it must not show anywhere.
pub const ACCESS_TOKEN: &str = "EAAplantedAccessToken";

const OBJECT: &str = "whatsapp_business_account";

/// What Meta knows. Tests change it while it answers.
#[derive(Clone, Debug)]
pub struct State {
    pub app_secret: String,
    pub token_is_known: bool,
    pub token_app: String,
    /// Seconds since 1970; 0 for one that does not expire.
    pub token_expires_at: u64,
    pub scopes: Vec<String>,
    /// Whether `debug_token` names the accounts.
    pub names_accounts: bool,
    /// The app's own callback, and its fields.
    pub subscription: Option<(String, Vec<String>)>,
    pub is_subscribed: bool,
    pub account_override: Option<String>,
    pub numbers: Vec<Number>,
    /// Every answer is this error instead, for paths that hold the text.
    pub trouble: Option<(&'static str, u16, u64)>,
    /// Method and path of each request, in order.
    pub asked: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Number {
    pub id: String,
    pub is_on_biz_app: Option<bool>,
    pub platform: &'static str,
    pub status: &'static str,
    pub callback: Option<String>,
}

impl Number {
    pub fn in_coexistence(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            is_on_biz_app: Some(true),
            platform: "CLOUD_API",
            status: "CONNECTED",
            callback: None,
        }
    }
}

/// The server; its thread ends with the test program.
pub struct Meta {
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// An error of Meta's: HTTP status, code, subcode, sentence.
type Refusal = (u16, u64, u64, &'static str);

const BAD_PARAMETER: Refusal = (400, 100, 0, "(#100) Invalid parameter");
const NO_SUCH_THING: Refusal = (400, 100, 33, "Unsupported request. Object does not exist, or missing permissions.");
const NOT_PERMITTED: Refusal = (403, 200, 0, "(#200) Requires whatsapp_business_management permission");

impl Meta {
    /// One app, one account, one number in Coexistence, whose callback is the bot's.
    pub fn start(app_secret: &str, bot: &str) -> Self {
        let fields = ["messages", "message_template_status_update"].map(str::to_owned).to_vec();
        let state = State {
            app_secret: app_secret.to_owned(),
            token_is_known: true,
            token_app: APP.to_owned(),
            token_expires_at: 0,
            scopes: ["whatsapp_business_management", "whatsapp_business_messaging"].map(str::to_owned).to_vec(),
            names_accounts: true,
            subscription: Some((bot.to_owned(), fields)),
            is_subscribed: true,
            account_override: None,
            numbers: vec![Number::in_coexistence(LINE)],
            trouble: None,
            asked: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr().to_ip().unwrap());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for request in server.incoming_requests() {
                serve(request, &shared);
            }
        });
        Self { url, state }
    }

    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }
}

fn serve(mut request: Request, state: &Mutex<State>) {
    let mut body = String::new();
    request.as_reader().read_to_string(&mut body).unwrap();
    let url = Url::parse("http://meta").unwrap().join(request.url()).unwrap();
    let header = |name: &str| {
        request
            .headers()
            .iter()
            .find(|header| header.field.to_string().eq_ignore_ascii_case(name))
            .map(|found| found.value.to_string())
    };
    let asked = Asked {
        method: request.method().to_string(),
        path: url.path().trim_start_matches("/v25.0/").split('/').map(str::to_owned).collect(),
        query: url.query_pairs().into_owned().collect(),
        body: serde_json::from_str(&body).unwrap_or_default(),
        bearer: header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
    };
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{} /{}", asked.method, asked.path.join("/")));
    let (status, document) = match state.answer(&asked) {
        Ok(document) => (200, document),
        Err((status, code, subcode, message)) => {
            let error = json!({ "message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A" });
            (status, json!({ "error": error }))
        }
    };
    drop(state);
    let header = Header::from_bytes("content-type", "application/json").unwrap();
    let response = Response::new(status.into(), vec![header], Cursor::new(document.to_string()), None, None);
    // Whoever has gone needs no answer.
    let _ = request.respond(response);
}

struct Asked {
    method: String,
    path: Vec<String>,
    query: BTreeMap<String, String>,
    body: Value,
    bearer: Option<String>,
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Result<Value, Refusal> {
        if let Some((part, status, code)) = self.trouble
            && asked.path.join("/").contains(part)
        {
            return Err((status, code, 0, "An error"));
        }
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["debug_token"]) => self.debug_token(asked),
            ("GET", [APP]) => self.as_app(asked).map(|()| json!({ "id": APP, "name": "Shop" })),
            ("GET", [APP, "subscriptions"]) => {
                self.as_app(asked)?;
                let own = self.subscription.iter().map(|(callback, fields)| {
                    let fields: Vec<Value> =
                        fields.iter().map(|field| json!({ "name": field, "version": "v25.0" })).collect();
                    json!({ "object": OBJECT, "callback_url": callback, "active": true, "fields": fields })
                });
                let page =
                    json!({ "object": "page", "callback_url": "https://page.example", "active": true, "fields": [] });
                let all: Vec<Value> = std::iter::once(page).chain(own).collect();
                Ok(json!({ "data": all }))
            }
            ("POST", [APP, "subscriptions"]) => self.subscribe(asked),
            ("DELETE", [APP, "subscriptions"]) => self.unsubscribe(asked),
            (_, [ACCOUNT, "subscribed_apps"]) => self.subscribed_apps(asked),
            ("GET", [ACCOUNT, "phone_numbers"]) => {
                self.as_user(asked, "whatsapp_business_management")?;
                Ok(json!({ "data": self.numbers.iter().map(|number| self.number(number, false)).collect::<Vec<_>>() }))
            }
            ("GET", [line]) => {
                self.as_user(asked, "whatsapp_business_management")?;
                let number = self.numbers.iter().find(|number| number.id == *line).ok_or(NO_SUCH_THING)?;
                Ok(self.number(
                    number,
                    asked.query.get("fields").is_some_and(|fields| fields.contains("webhook_configuration")),
                ))
            }
            ("POST", [line]) => self.configure(asked, line),
            _ => Err(NO_SUCH_THING),
        }
    }

    fn as_app(&self, asked: &Asked) -> Result<(), Refusal> {
        let Some((app, secret)) = asked.bearer.as_deref().and_then(|bearer| bearer.split_once('|')) else {
            return Err((400, 190, 0, "An app access token is required"));
        };
        if app != APP {
            return Err((
                400,
                101,
                0,
                "Error validating application. Cannot get application info due to a system error.",
            ));
        }
        if secret != self.app_secret {
            return Err((400, 190, 0, "Invalid OAuth access token signature."));
        }
        Ok(())
    }

    fn as_user(&self, asked: &Asked, permission: &str) -> Result<(), Refusal> {
        if asked.bearer.as_deref() != Some(ACCESS_TOKEN) || !self.token_is_known {
            return Err((400, 190, 0, "Invalid OAuth access token - Cannot parse access token"));
        }
        if self.has_expired() {
            return Err((400, 190, 463, "Error validating access token: Session has expired"));
        }
        if let Some(proof) = asked.query.get("appsecret_proof")
            && *proof != Secret::new(self.app_secret.clone()).unwrap().sign(ACCESS_TOKEN)
        {
            return Err((400, 100, 0, "Invalid appsecret_proof provided in the API argument"));
        }
        if !permission.is_empty() && !self.scopes.iter().any(|scope| scope == permission) {
            return Err(NOT_PERMITTED);
        }
        Ok(())
    }

    fn has_expired(&self) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        self.token_expires_at != 0 && self.token_expires_at <= now
    }

    fn debug_token(&self, asked: &Asked) -> Result<Value, Refusal> {
        let by_app = asked.bearer.as_deref().is_some_and(|bearer| bearer.contains('|'));
        if by_app {
            self.as_app(asked)?;
        } else {
            self.as_user(asked, "")?;
        }
        let is_known = self.token_is_known && asked.query.get("input_token").is_some_and(|token| token == ACCESS_TOKEN);
        if !is_known {
            let error = json!({ "code": 190, "message": "Invalid OAuth access token." });
            return Ok(json!({ "data": { "is_valid": false, "scopes": [], "error": error } }));
        }
        if by_app && self.token_app != APP {
            return Err((400, 100, 0, "(#100) The App_id in the input_token did not match the Viewing App"));
        }
        let granular = |scope: &String| {
            if self.names_accounts {
                json!({ "scope": scope, "target_ids": [ACCOUNT] })
            } else {
                json!({ "scope": scope })
            }
        };
        Ok(json!({ "data": {
            "app_id": self.token_app, "type": "SYSTEM_USER", "application": "Shop", "is_valid": !self.has_expired(),
            "expires_at": self.token_expires_at, "issued_at": 1_793_000_000, "scopes": self.scopes,
            "granular_scopes": self.scopes.iter().map(granular).collect::<Vec<_>>(), "user_id": "1",
        } }))
    }

    fn subscribe(&mut self, asked: &Asked) -> Result<Value, Refusal> {
        self.as_app(asked)?;
        let text = |key: &str| asked.body[key].as_str().ok_or(BAD_PARAMETER);
        if text("object")? != OBJECT {
            return Err(BAD_PARAMETER);
        }
        let (callback, fields) = (text("callback_url")?, text("fields")?);
        shake(callback, text("verify_token")?)?;
        // Fields are added to those that there are; only DELETE takes one away.
        let mut all = self.subscription.take().map(|(_, fields)| fields).unwrap_or_default();
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            if !all.iter().any(|known| known == field) {
                all.push(field.to_owned());
            }
        }
        self.subscription = Some((callback.to_owned(), all));
        Ok(json!({ "success": true }))
    }

    fn unsubscribe(&mut self, asked: &Asked) -> Result<Value, Refusal> {
        self.as_app(asked)?;
        if asked.query.get("object").map(String::as_str) != Some(OBJECT) {
            return Err(BAD_PARAMETER);
        }
        match (asked.query.get("fields"), &mut self.subscription) {
            (Some(fields), Some((_, known))) => known.retain(|field| !fields.split(',').any(|gone| gone == field)),
            _ => self.subscription = None,
        }
        Ok(json!({ "success": true }))
    }

    fn subscribed_apps(&mut self, asked: &Asked) -> Result<Value, Refusal> {
        self.as_user(asked, "whatsapp_business_management")?;
        match asked.method.as_str() {
            "GET" => {
                let mut own =
                    json!({ "whatsapp_business_api_data": { "id": APP, "name": "Shop", "link": "https://m.example" } });
                if let Some(callback) = &self.account_override {
                    own["override_callback_uri"] = json!(callback);
                }
                let other = json!({ "whatsapp_business_api_data": { "id": "999", "name": "Other" }, "override_callback_uri": "https://o.example" });
                let own = self.is_subscribed.then_some(own);
                let all: Vec<Value> = std::iter::once(other).chain(own).collect();
                Ok(json!({ "data": all }))
            }
            "POST" => {
                if let Some(callback) = asked.body["override_callback_uri"].as_str() {
                    self.may_override()?;
                    shake(callback, asked.body["verify_token"].as_str().ok_or(BAD_PARAMETER)?)?;
                    self.account_override = Some(callback.to_owned());
                } else {
                    self.account_override = None;
                }
                self.is_subscribed = true;
                Ok(json!({ "success": true }))
            }
            "DELETE" => {
                (self.is_subscribed, self.account_override) = (false, None);
                Ok(json!({ "success": true }))
            }
            _ => Err(BAD_PARAMETER),
        }
    }

    fn may_override(&self) -> Result<(), Refusal> {
        let words = "(#100) Before override the current callback uri, your app must be subscribed to receive messages for \
                     WhatsApp Business Account.";
        if self.is_subscribed { Ok(()) } else { Err((400, 100, 0, words)) }
    }

    fn configure(&mut self, asked: &Asked, line: &str) -> Result<Value, Refusal> {
        self.as_user(asked, "whatsapp_business_management")?;
        let callback = asked.body["webhook_configuration"]["override_callback_uri"].as_str().ok_or(BAD_PARAMETER)?;
        if !callback.is_empty() {
            self.may_override()?;
            let word = asked.body["webhook_configuration"]["verify_token"].as_str().ok_or(BAD_PARAMETER)?;
            shake(callback, word)?;
        }
        let number = self.numbers.iter_mut().find(|number| number.id == line).ok_or(NO_SUCH_THING)?;
        number.callback = Some(callback.to_owned()).filter(|callback| !callback.is_empty());
        Ok(json!({ "success": true }))
    }

    fn number(&self, number: &Number, with_callbacks: bool) -> Value {
        let mut shown = json!({
            "id": number.id, "display_phone_number": "+1 555-010-0001", "verified_name": "Blue Dress Shop",
            "platform_type": number.platform, "status": number.status,
        });
        if let Some(is_on_biz_app) = number.is_on_biz_app {
            shown["is_on_biz_app"] = json!(is_on_biz_app);
        }
        if with_callbacks {
            let mut callbacks = json!({});
            let app = self.subscription.as_ref().map(|(callback, _)| callback);
            for (key, callback) in [
                ("phone_number", number.callback.as_ref()),
                ("whatsapp_business_account", self.account_override.as_ref()),
                ("application", app),
            ] {
                if let Some(callback) = callback {
                    callbacks[key] = json!(callback);
                }
            }
            shown["webhook_configuration"] = callbacks;
        }
        shown
    }
}

/// The handshake, as Meta makes it when a callback is saved.
fn shake(callback: &str, word: &str) -> Result<(), Refusal> {
    const FAILED: Refusal =
        (400, 2200, 0, "(#2200) Callback verification failed with the following errors: HTTP Status Code = 403");
    let mut url = Url::parse(callback).map_err(|_| BAD_PARAMETER)?;
    let pairs = [("hub.mode", "subscribe"), ("hub.challenge", "1158201444"), ("hub.verify_token", word)];
    url.query_pairs_mut().extend_pairs(pairs);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build()
        .into();
    let mut answer = agent.get(url.as_str()).call().map_err(|_| FAILED)?;
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    if answer.status().as_u16() == 200 && body == "1158201444" { Ok(()) } else { Err(FAILED) }
}
