//! A stand-in for a deployed gate, for what `baton doctor` and `baton setup` ask of one; its faults are switched on by the
//! tests. The real one is asked in `runtime/setup.rs`.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::thread;

use baton::secret::Secret;
use baton::webhook::signature;
use serde_json::{Value, json};
use tiny_http::{Request, Response, Server};
use url::Url;

use crate::meta::{ACCOUNT, APP, LINE};

/// What the gate does.
#[derive(Clone, Debug)]
pub struct State {
    pub app_secret: Option<String>,
    pub verify_token: Option<String>,
    pub admin_token: Option<String>,
    /// Takes whatever is signed.
    pub takes_everything: bool,
    /// What `/api/v1/diagnosis` answers; `None` for a gate that has none yet.
    pub diagnosis: Option<(u16, Value)>,
    /// What the probe of the bot answers.
    pub bot: Value,
}

impl State {
    /// Everything is as it should be.
    pub fn sound(app_secret: &str, verify_token: &str, admin_token: &str) -> Self {
        Self {
            app_secret: Some(app_secret.to_owned()),
            verify_token: Some(verify_token.to_owned()),
            admin_token: Some(admin_token.to_owned()),
            takes_everything: false,
            diagnosis: Some((200, diagnosis())),
            bot: json!({ "reached": true, "status": 200, "ms": 3, "signed_with": "current", "refuses_wrong_signature": true }),
        }
    }
}

/// A sound gate's report on itself, in the form of `src/api/diagnosis.rs`.
pub fn diagnosis() -> Value {
    let now = now_ms();
    let secret = |name: &str| json!({ "name": name, "set": true, "from": null, "previous_set": false, "in_use": "current", "since_ms": now, "previous_last_used_ms": null });
    let check = |name: &str| json!({ "name": name, "ok": true, "ms": 3 });
    let checks = ["conversation", "desk", "office", "kv"].map(check);
    let secrets = ["META_APP_SECRET", "META_VERIFY_TOKEN", "ADMIN_TOKEN"].map(secret);
    json!({
        "version": env!("CARGO_PKG_VERSION"), "now_ms": now,
        "checks": checks,
        "secrets": secrets,
        "policy": { "source": "deployment", "mistakes": [], "mode": "enforce" },
        "bots": [{ "name": null, "host": "bot.example.com" }],
        "lines": [{ "line": LINE, "account": ACCOUNT, "app": APP, "last_event_ms": now }],
        "jurisdiction": null, "access": false, "alerts": true, "desk_shards": 1, "analytics": false, "graph_key": false,
    })
}

pub fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// The server; its thread ends with the test program.
pub struct Gate {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Gate {
    pub fn start(state: State) -> Self {
        let state = Arc::new(Mutex::new(state));
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr().to_ip().unwrap());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let state = shared.lock().unwrap().clone();
                let (status, text) = answer(&state, &request, &body);
                let _ = request.respond(Response::new(status.into(), Vec::new(), Cursor::new(text), None, None));
            }
        });
        Self { url, state }
    }

    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub fn shared(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.state)
    }

    pub fn webhook(&self) -> String {
        format!("{}/webhook", self.url)
    }
}

fn answer(state: &State, request: &Request, body: &str) -> (u16, String) {
    let url = Url::parse("http://gate").unwrap().join(request.url()).unwrap();
    let missing = [
        ("META_APP_SECRET", &state.app_secret),
        ("META_VERIFY_TOKEN", &state.verify_token),
        ("ADMIN_TOKEN", &state.admin_token),
    ];
    if let Some((name, _)) = missing.iter().find(|(_, secret)| secret.is_none()) {
        return (503, json!({ "detail": format!("The secret {name} is missing.") }).to_string());
    }
    let header = |name: &str| {
        let found = request.headers().iter().find(|header| header.field.to_string().eq_ignore_ascii_case(name));
        found.map(|header| header.value.to_string()).unwrap_or_default()
    };
    let (method, path) = (request.method().to_string(), url.path().to_owned());
    match (method.as_str(), path.as_str()) {
        ("GET", "/health") => (200, json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }).to_string()),
        ("GET", "/webhook") => {
            let value =
                |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            if value("hub.verify_token") == state.verify_token {
                (200, value("hub.challenge").unwrap_or_default())
            } else {
                (403, String::new())
            }
        }
        ("POST", "/webhook") => {
            let secret = Secret::new(state.app_secret.clone().unwrap()).unwrap();
            let is_right = header("x-hub-signature-256") == signature::sign(&secret, body.as_bytes());
            (if is_right || state.takes_everything { 200 } else { 401 }, String::new())
        }
        (_, path) if path.starts_with("/api/") => {
            if header("authorization") != format!("Bearer {}", state.admin_token.as_ref().unwrap()) {
                return (401, "{}".to_owned());
            }
            match (&state.diagnosis, path) {
                (Some((status, document)), "/api/v1/diagnosis") => (*status, document.to_string()),
                (Some(_), "/api/v1/diagnosis/bot") => (200, state.bot.to_string()),
                _ => (404, "{}".to_owned()),
            }
        }
        _ => (404, "{}".to_owned()),
    }
}
