//! Who may ask the operator's API: the token, the session, Cloudflare Access; and nobody else, on any of its paths.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, eventually, now_ms};
use crate::gate::{ADMIN_TOKEN, Gate, Options};

const BOT: &str = "http://127.0.0.1:9/webhook";
const SESSION: &str = "/api/v1/session";
/// The runtime prints a line a moment after the answer.
const LOGGED_WITHIN: Duration = Duration::from_secs(10);
const HOURS_12_MS: u64 = 12 * 3_600 * 1_000;

/// A gate whose failed attempts are these tests' own.
fn gate() -> &'static Gate {
    static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::start_for(BOT, Options::default()));
    &GATE
}

pub fn ask(gate: &Gate, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    gate.request_with(method, path, &all, body)
}

pub fn json_of(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// An address that no other test uses.
fn address() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("10.7.{}.{}", next / 250, next % 250)
}

fn sign_in(gate: &Gate, token: &str, address: &str) -> Answer {
    ask(gate, "POST", SESSION, &[("cf-connecting-ip", address)], &json!({ "token": token }).to_string())
}

/// Signs in; the cookie and the CSRF token.
fn session(gate: &Gate) -> (String, String) {
    let answer = sign_in(gate, ADMIN_TOKEN, &address());
    let csrf = json_of(&answer)["csrf"].as_str().unwrap().to_owned();
    (answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned(), csrf)
}

#[test]
fn signing_in_sets_a_cookie_that_opens_the_api_and_signing_out_takes_it_away() {
    let gate = gate();
    let before = now_ms();
    let answer = sign_in(gate, ADMIN_TOKEN, &address());
    let session = json_of(&answer);
    let set = answer.header("set-cookie").unwrap();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    // Plain http on the own machine, so no `Secure`; the unit tests have the other case.
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    assert!(!cookie.contains(ADMIN_TOKEN) && cookie.starts_with("baton_session=1."), "{cookie}");
    let ends = session["expires_at_ms"].as_u64().unwrap();
    assert!((before + HOURS_12_MS..=now_ms() + HOURS_12_MS).contains(&ends), "{session}");
    assert_eq!(session["by"], "session");
    let cookies = format!("a=b; baton_session=1.x.9.00; {cookie}");
    assert_eq!(json_of(&ask(gate, "GET", SESSION, &[("cookie", &cookies)], "")), session);
    let csrf = session["csrf"].as_str().unwrap();
    let out = ask(gate, "DELETE", SESSION, &[("cookie", cookie), ("x-csrf-token", csrf)], "");
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    assert_eq!(out.header("set-cookie"), Some("baton_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"));
    // Two sessions are two sessions.
    let (other, other_csrf) = self::session(gate);
    assert!(other != cookie && other_csrf != csrf);
    assert_eq!(ask(gate, "DELETE", SESSION, &[("cookie", &other), ("x-csrf-token", csrf)], "").status, 403);
}

#[test]
fn a_bearer_is_known_by_the_same_name_and_needs_nothing_more() {
    for scheme in ["Bearer", "bearer", "BEARER "] {
        let authorization = format!("{scheme} {ADMIN_TOKEN}");
        let session = json_of(&ask(gate(), "GET", SESSION, &[("authorization", &authorization)], ""));
        assert_eq!((&session["by"], &session["expires_at_ms"]), (&json!("token"), &Value::Null));
        let headers = [("authorization", authorization.as_str()), ("origin", "https://elsewhere.example.com")];
        assert_eq!(ask(gate(), "DELETE", SESSION, &headers, "").status, 204);
    }
}

#[test]
fn what_cannot_be_a_token_is_told_what_was_expected() {
    let long = json!({ "token": "a".repeat(513) }).to_string();
    for body in ["", "token", "{}", "[]", r#"{"token": ""}"#, r#"{"token": 5}"#, r#"{"token": "a", "b": 1}"#, &long] {
        let answer = ask(gate(), "POST", SESSION, &[("cf-connecting-ip", &address())], body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.problem()["type"], "urn:baton:problem:malformed");
    }
    let large = " ".repeat(300 * 1_024);
    assert_eq!(ask(gate(), "POST", SESSION, &[], &large).status, 413);
}

#[test]
fn ten_wrong_tokens_close_the_api_to_their_address_and_to_no_other() {
    let gate = gate();
    let (cookie, _) = session(gate);
    for (guesser, neighbour, other) in [
        (address(), address(), address()),
        ("2001:db8:1:2::1".to_owned(), "2001:db8:1:3::1".to_owned(), "2001:db8:1:4::1".to_owned()),
    ] {
        let bearer = |token: &str, address: &str| {
            let authorization = format!("Bearer {token}");
            ask(gate, "GET", SESSION, &[("authorization", &authorization), ("cf-connecting-ip", address)], "")
        };
        for attempt in 0..10 {
            let address = guesser.replace("::1", &format!("::{attempt}"));
            let answer = if attempt % 2 == 0 { sign_in(gate, "wrong", &address) } else { bearer("wrong", &address) };
            assert_eq!(answer.status, 401, "{attempt}: {answer:?}");
            assert!(answer.header("set-cookie").is_none());
        }
        for answer in [
            sign_in(gate, ADMIN_TOKEN, &guesser),
            sign_in(gate, "wrong", &guesser),
            bearer(ADMIN_TOKEN, &guesser),
            bearer("wrong", &guesser),
        ] {
            assert_eq!(answer.status, 429, "{answer:?}");
            assert_eq!(answer.problem()["type"], "urn:baton:problem:too-many-attempts");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((200..=300).contains(&seconds), "{seconds}");
            assert!(answer.header("set-cookie").is_none());
        }
        assert_eq!(bearer(ADMIN_TOKEN, &neighbour).status, 200);
        assert_eq!(sign_in(gate, ADMIN_TOKEN, &other).status, 200);
        let headers = [("cookie", cookie.as_str()), ("cf-connecting-ip", &guesser)];
        assert_eq!(ask(gate, "GET", SESSION, &headers, "").status, 200, "whoever is signed in stays so");
        // Without a token there is nothing to guess, and nothing to count.
        assert_eq!(ask(gate, "GET", SESSION, &[("cf-connecting-ip", &guesser)], "").status, 401);
    }
    eventually(LOGGED_WITHIN, "the log counts them", || (gate.told("token_refused", "") >= 20).then_some(()));
    let log = gate.runtime_log();
    assert!(!log.contains("2001:db8") && !log.contains("10.7.0."), "an address is in the log");
}

#[test]
fn failed_attempts_outlast_a_restart_and_sessions_do_not_outlast_their_token() {
    let mut gate = Gate::start_for(BOT, Options::default());
    let (cookie, _) = session(&gate);
    let guesser = address();
    for _ in 0..10 {
        assert_eq!(sign_in(&gate, "wrong", &guesser).status, 401);
    }
    gate.restart();
    assert_eq!(sign_in(&gate, ADMIN_TOKEN, &guesser).status, 429);
    assert_eq!(ask(&gate, "GET", SESSION, &[("cookie", &cookie)], "").status, 200);
    gate.restart_with(Options::default().var("ADMIN_TOKEN", "another token of the operator"));
    assert_eq!(ask(&gate, "GET", SESSION, &[("cookie", &cookie)], "").status, 401);
}

/// A page of another site can have the operator's browser try wrong tokens; they must not lock the operator out.
#[test]
fn another_sites_page_cannot_use_up_the_operators_attempts() {
    let (gate, address) = (gate(), address());
    let attempt = |origin: &str, token: &str| {
        let headers = [("cf-connecting-ip", address.as_str()), ("origin", origin)];
        ask(gate, "POST", SESSION, &headers, &json!({ "token": token }).to_string()).status
    };
    for _ in 0..12 {
        assert_eq!(attempt("https://elsewhere.example.com", "wrong"), 401);
    }
    assert_eq!(attempt("null", ADMIN_TOKEN), 401);
    assert_eq!(attempt(&gate.url, ADMIN_TOKEN), 200);
}

/// An operation of the description.
struct Operation {
    method: String,
    path: String,
    is_write: bool,
    /// What it concerns: `x-baton-scope`.
    scope: String,
}

/// Every operation of the description, so that no route can be forgotten, on this line.
fn operations_on(line: &str) -> Vec<Operation> {
    let document = std::fs::read_to_string("web/public/api/v1/openapi.json").unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let metrics = ["GET", "/metrics", "each_line"].map(str::to_owned);
    let [method, path, scope] = metrics;
    let mut operations = vec![Operation { method, path, is_write: false, scope }];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"] == json!([]) {
                assert_eq!(operation["operationId"], "signIn", "nothing else is for everybody");
                continue;
            }
            let path = path.replace("{line}", line).replace("{customer}", "15550109999");
            let path = format!("/api/v1{}", path.replace("{wamid}", "wamid.x"));
            assert!(!path.contains('{'), "{path}");
            let scope = operation["x-baton-scope"].as_str().unwrap_or_default().to_owned();
            let is_write = operation["x-baton-write"] == true;
            operations.push(Operation { method: method.to_uppercase(), path, is_write, scope });
        }
    }
    assert!(operations.len() >= 23);
    operations
}

#[test]
fn every_operation_is_for_whoever_is_let_in_and_every_change_for_the_gates_own_page() {
    let gate = gate();
    let (cookie, csrf) = session(gate);
    let mut forged = cookie.clone();
    forged.replace_range(cookie.len() - 1.., if cookie.ends_with('0') { "1" } else { "0" });
    for Operation { method, path, is_write, .. } in operations_on("300000000000001") {
        let status = |headers: &[(&str, &str)]| {
            let address = address();
            let mut all = vec![("cf-connecting-ip", address.as_str())];
            all.extend_from_slice(headers);
            let answer = ask(gate, &method, &path, &all, "{}");
            if answer.status >= 400 {
                answer.problem();
            }
            answer.status
        };
        for nobody in [
            vec![],
            vec![("authorization", "Bearer wrong")],
            vec![("authorization", "Basic dG9rZW46")],
            vec![("authorization", ADMIN_TOKEN)],
            vec![("cookie", forged.as_str())],
            vec![("cookie", "baton_session="), ("x-csrf-token", &csrf)],
            // A token that is sent decides alone.
            vec![("authorization", "Bearer wrong"), ("cookie", &cookie), ("x-csrf-token", &csrf)],
            // No Access is in front of this gate.
            vec![("cf-access-jwt-assertion", "e30.e30.AA")],
        ] {
            assert_eq!(status(&nobody), 401, "{method} {path} {nobody:?}");
        }
        let elsewhere = "https://elsewhere.example.com";
        for page in [
            vec![("cookie", cookie.as_str())],
            vec![("cookie", &cookie), ("x-csrf-token", "")],
            vec![("cookie", &cookie), ("x-csrf-token", "wrong")],
            vec![("cookie", &cookie), ("x-csrf-token", &csrf), ("origin", elsewhere)],
            vec![("cookie", &cookie), ("x-csrf-token", &csrf), ("origin", "null")],
        ] {
            let status = status(&page);
            let is_stream = path.ends_with("/live");
            assert_eq!(status == 403, is_write || is_stream, "{method} {path} {page:?}: {status}");
        }
        let own = vec![("cookie", cookie.as_str()), ("x-csrf-token", &csrf), ("origin", &gate.url)];
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        for somebody in [own, vec![("authorization", &authorization)]] {
            assert!(![401, 403, 429].contains(&status(&somebody)), "{method} {path} {somebody:?}");
        }
    }
}

/// The token of a line, as a bearer and as a session, on every operation of the description.
#[test]
fn whoever_has_the_token_of_a_line_is_kept_to_that_line_on_every_operation() {
    const OWN: &str = "300000000000001";
    const OTHER: &str = "300000000000002";
    const TOKEN: &str = "token of the first line";
    let options = Options::default()
        .var("LINES", json!({ OWN: {}, OTHER: {} }).to_string())
        .var("ADMIN_TOKEN_300000000000001", TOKEN)
        .var("ADMIN_TOKEN_300000000000002", "token of the second line");
    let mut gate = Gate::start_for(BOT, options.clone());
    let signed = sign_in(&gate, TOKEN, &address());
    assert_eq!(json_of(&signed)["line"], OWN);
    let csrf = json_of(&signed)["csrf"].as_str().unwrap().to_owned();
    let cookie = signed.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let widened = cookie.replace(OWN, OTHER);
    assert_ne!(cookie, widened);
    let bearer = format!("Bearer {TOKEN}");
    let callers = [
        vec![("authorization", bearer.as_str())],
        vec![("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str()), ("origin", gate.url.as_str())],
    ];
    let refuses = |answer: &Answer| answer.status == 403 && answer.problem()["type"] == "urn:baton:problem:other-line";
    for (named, is_own) in [(OWN, true), (OTHER, false), ("300000000000003", false), ("", true)] {
        for Operation { method, path, scope, .. } in operations_on(if named.is_empty() { OWN } else { named }) {
            let names_line = ["line", "line_or_deployment", "line_or_each_line"].contains(&scope.as_str());
            let asked = match named {
                "" => path.clone(),
                _ => format!("{path}?line={named}"),
            };
            // The one operation that names its line in the body; for all others this is a body like any other.
            let body = json!({ "line": if named.is_empty() { OWN } else { named }, "all": true }).to_string();
            let expected = match scope.as_str() {
                "deployment" => true,
                "line_or_deployment" if named.is_empty() => true,
                "line_of_body" => !is_own,
                _ => names_line && !is_own,
            };
            for caller in &callers {
                let answer = ask(&gate, &method, &asked, caller, &body);
                assert_eq!(refuses(&answer), expected, "{method} {asked} {scope} {caller:?}: {answer:?}");
                assert!(![401, 429].contains(&answer.status), "{method} {asked}: {answer:?}");
            }
            let nobody = ask(&gate, &method, &asked, &[("cookie", &widened), ("x-csrf-token", &csrf)], &body);
            assert_eq!(nobody.status, 401, "{method} {asked}: a cookie cannot be made to open another line");
        }
    }
    // What is left of the lists of all lines is this one.
    let lines = |token: &str| {
        let authorization = format!("Bearer {token}");
        let shown = json_of(&ask(&gate, "GET", "/api/v1/lines", &[("authorization", &authorization)], ""));
        shown["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!((lines(TOKEN), lines(ADMIN_TOKEN)), (vec![OWN.to_owned()], vec![OWN.to_owned(), OTHER.to_owned()]));
    let metrics = ask(&gate, "GET", "/metrics", &callers[0], "").body;
    assert!(metrics.contains(OWN) && !metrics.contains(OTHER), "{metrics}");
    // A change of the line's token ends its sessions, and nobody else's.
    let (operators, _) = session(&gate);
    gate.restart_with(options.var("ADMIN_TOKEN_300000000000001", "another token of that line"));
    assert_eq!(ask(&gate, "GET", SESSION, &[("cookie", &cookie)], "").status, 401);
    assert_eq!(ask(&gate, "GET", SESSION, &[("cookie", &operators)], "").status, 200);
}

#[test]
fn the_description_is_for_everybody_and_an_unknown_path_says_nothing_of_tokens() {
    for path in ["/api/v1/", "/api/v1/sessions", "/api/v1/policy/", "/api/v2/session"] {
        assert_eq!(ask(gate(), "GET", path, &[("authorization", "Bearer wrong")], "").status, 404, "{path}");
    }
}

/// A stand-in for a team of Cloudflare Access: its keys, and how often they were asked for.
struct Team {
    url: String,
    asked: Arc<AtomicUsize>,
    tokens: Vec<String>,
}

/// What each assertion is made of. The header or the claims that differ, and the key: `team`, or somebody `else`'s.
fn team(wanted_of: impl Fn(&str) -> Vec<(Value, Value, &'static str)>) -> Team {
    const SCRIPT: &str = r#"
        const { generateKeyPairSync, createSign, createHmac } = require("node:crypto");
        const keys = Object.fromEntries(["team", "else"].map((name) => [name, generateKeyPairSync("rsa", { modulusLength: 2048 })]));
        const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
        const jwk = keys.team.publicKey.export({ format: "jwk" });
        const tokens = JSON.parse(process.argv[1]).map(([header, claims, key]) => {
          const signed = part({ alg: "RS256", kid: "key of the team", typ: "JWT", ...header }) + "." + part(claims);
          if (key === "none") return signed + ".";
          if (key === "hmac") return signed + "." + createHmac("sha256", jwk.n).update(signed).digest("base64url");
          return signed + "." + createSign("RSA-SHA256").update(signed).sign(keys[key].privateKey, "base64url");
        });
        const list = { keys: [{ kid: "old", kty: "RSA", e: "AQAB", n: "AQAB" }, { ...jwk, kid: "key of the team", alg: "RS256", use: "sig" }] };
        console.log(JSON.stringify({ list, tokens }));
    "#;
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.server_addr());
    let wanted = Value::from(
        wanted_of(&url).into_iter().map(|(header, claims, key)| json!([header, claims, key])).collect::<Vec<_>>(),
    );
    let output = Command::new("node_modules/.bin/node").args(["-e", SCRIPT, &wanted.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (list, asked) = (signed["list"].to_string(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for request in server.incoming_requests() {
            assert_eq!(request.url(), "/cdn-cgi/access/certs");
            count.fetch_add(1, Ordering::Relaxed);
            let _ = request.respond(tiny_http::Response::from_string(list.clone()));
        }
    });
    let tokens = signed["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap().to_owned()).collect();
    Team { url, asked, tokens }
}

#[test]
fn access_lets_in_whom_the_team_has_signed_for_this_application_and_this_time() {
    let now = now_ms() / 1_000;
    let good =
        |url: &str| json!({ "iss": url, "aud": ["a1"], "sub": "ana", "exp": now + 600, "nbf": now - 5, "iat": now });
    let with = |url: &str, name: &str, value: Value| {
        let mut claims = good(url);
        claims[name] = value;
        claims
    };
    let team = team(|url| {
        vec![
            (json!({}), good(url), "team"),
            (json!({}), with(url, "sub", json!("luis")), "team"),
            (json!({}), good(url), "else"),
            (json!({}), good(url), "none"),
            (json!({}), good(url), "hmac"),
            (json!({ "alg": "none" }), good(url), "none"),
            (json!({ "alg": "HS256" }), good(url), "hmac"),
            (json!({ "kid": "old" }), good(url), "team"),
            (json!({ "kid": "unknown" }), good(url), "team"),
            (json!({}), with(url, "exp", json!(now - 60)), "team"),
            (json!({}), with(url, "nbf", json!(now + 600)), "team"),
            (json!({}), with(url, "aud", json!("a2")), "team"),
            (json!({}), with(url, "iss", json!("https://other.cloudflareaccess.com")), "team"),
        ]
    });
    let options = Options::default().var("ACCESS_TEAM", &*team.url).var("ACCESS_AUD", "a1");
    let gate = Gate::start_for(BOT, options);
    let by_header = |token: &str| ask(&gate, "GET", SESSION, &[("cf-access-jwt-assertion", token)], "");
    let [ana, luis, bad @ ..] = team.tokens.as_slice() else { panic!("no tokens") };
    let session = json_of(&by_header(ana));
    assert_eq!((&session["by"], &session["expires_at_ms"]), (&json!("access"), &json!((now + 600) * 1_000)));
    let cookie = format!("x=y; CF_Authorization={ana}");
    assert_eq!(json_of(&ask(&gate, "GET", SESSION, &[("cookie", &cookie)], "")), session);
    let csrf = session["csrf"].as_str().unwrap();
    assert_ne!(json_of(&by_header(luis))["csrf"], session["csrf"], "each has a CSRF token of their own");
    for (token, csrf, status) in [(ana, csrf, 204), (ana, "", 403), (luis, csrf, 403)] {
        let headers = [("cf-access-jwt-assertion", token.as_str()), ("x-csrf-token", csrf)];
        assert_eq!(ask(&gate, "DELETE", SESSION, &headers, "").status, status);
    }
    let mangled = ana.replacen('.', "A.", 1);
    let (signed, _) = ana.rsplit_once('.').unwrap();
    let (_, others) = luis.rsplit_once('.').unwrap();
    let swapped = format!("{signed}.{others}");
    for token in bad.iter().chain([&mangled, &swapped, &"a.b.c".to_owned(), &String::new()]) {
        assert_eq!(by_header(token).status, 401, "{token}");
        // A bad assertion is no reason to refuse what is good.
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("cf-access-jwt-assertion", token.as_str()), ("authorization", &authorization)];
        assert_eq!(ask(&gate, "GET", SESSION, &headers, "").status, 200);
    }
    let (own, _) = self::session(&gate);
    let both = [("cf-access-jwt-assertion", ana.as_str()), ("cookie", &own)];
    assert_eq!(json_of(&ask(&gate, "GET", SESSION, &both, ""))["by"], "session", "whoever signs in has a session");
    assert_eq!(team.asked.load(Ordering::Relaxed), 1, "the keys are kept, and nobody has them read at will");
}

#[test]
fn where_the_team_shows_no_keys_access_lets_nobody_in_and_the_token_still_does() {
    let now = now_ms() / 1_000;
    let team =
        team(|url| vec![(json!({}), json!({ "iss": url, "aud": "a1", "sub": "ana", "exp": now + 600 }), "team")]);
    // Somebody else's address, at which nobody answers.
    let silent = "http://127.0.0.1:9";
    let gate = Gate::start_for(BOT, Options::default().var("ACCESS_TEAM", silent).var("ACCESS_AUD", "a1"));
    assert_eq!(ask(&gate, "GET", SESSION, &[("cf-access-jwt-assertion", &team.tokens[0])], "").status, 401);
    let own = self::team(|_| vec![(json!({}), json!({ "iss": silent, "aud": "a1", "exp": now + 600 }), "team")]);
    let answer = ask(&gate, "GET", SESSION, &[("cf-access-jwt-assertion", &own.tokens[0])], "");
    assert_eq!(answer.status, 500, "{answer:?}");
    eventually(LOGGED_WITHIN, "the log says so", || (gate.told("team_unreachable", "") == 1).then_some(()));
    assert_eq!(sign_in(&gate, ADMIN_TOKEN, &address()).status, 200);
}

#[test]
fn half_of_access_and_a_short_token_are_503_and_say_what_is_missing() {
    let mut gate = Gate::start_for(BOT, Options::default().var("ACCESS_TEAM", "shop"));
    let mut told = BTreeSet::new();
    for options in [
        Options::default().var("ACCESS_AUD", "a1"),
        Options::default().var("ACCESS_TEAM", "http://shop.example.com").var("ACCESS_AUD", "a1"),
        Options::default().var("ADMIN_TOKEN", "too short"),
    ] {
        let answer = gate.get("/health");
        assert_eq!(answer.status, 503);
        told.insert(answer.problem()["detail"].as_str().unwrap().to_owned());
        gate.restart_with(options);
    }
    told.insert(gate.get("/health").problem()["detail"].as_str().unwrap().to_owned());
    let told = told.into_iter().collect::<Vec<_>>().join("\n");
    for word in ["ACCESS_TEAM and ACCESS_AUD belong together", "ACCESS_TEAM must be", "ADMIN_TOKEN must have 16"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(!told.contains("too short"), "{told}");
}
