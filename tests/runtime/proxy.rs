//! The gate is a transparent Graph API for what is configured, and nothing at all for anything else.
//!
//! Invariant: what the gate lets through arrives as it was sent and comes back as it was answered, but for what
//! concerns one connection or one front only; and what it does not let through leaves no trace at the Graph API.
//!
//! Not here: which messages are let through (`fence`), large bodies (`stream`), what SDKs make of it (`sdks`).

use serde_json::{Value, json};

use crate::bot::{Bot, next_port};
use crate::client::{Answer, BOT_TOKEN, Person, bot_text, eventually, wamid};
use crate::common::meta::{ACCOUNT, APP, LINE};
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, VERIFY_TOKEN};
use crate::graph::{Body, Graph, Place, Reaction, fenced, place};
use crate::wire;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Method, address, headers and body of a request, and the word for why it is refused.
type Refused<'a> = (&'a str, String, Vec<(&'a str, &'a str)>, &'a [u8], &'a str);

/// A word for one request, by which the Graph API's book finds it.
fn mark() -> String {
    wamid().trim_start_matches("wamid.").trim_end_matches('=').to_owned()
}

#[test]
fn method_path_query_and_body_arrive_as_they_were_sent() {
    let place = place();
    let form = "multipart/form-data; boundary=XX";
    let part =
        "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"ñ.png\"\r\n\r\n\u{0}\u{1}\r\n--XX--\r\n";
    let settings = r#"{ "pin":"123456",  "é":"\u00e9" }"#;
    for (method, path, kind, body) in [
        ("GET", format!("/{LINE}?fields=id%2Cverified_name&x=%20+&empty="), "", ""),
        ("HEAD", format!("/{LINE}"), "", ""),
        ("GET", format!("/{ACCOUNT}/message_templates?limit=3"), "", ""),
        ("GET", format!("/{APP}/subscriptions"), "", ""),
        ("GET", "/4000000000000012".to_owned(), "", ""),
        ("DELETE", format!("/4000000000000013?phone_number_id={LINE}"), "", ""),
        ("POST", format!("/{LINE}/media"), form, part),
        ("POST", format!("/{LINE}/register"), "application/x-www-form-urlencoded", "pin=1&messaging_product=whatsapp"),
        ("PUT", format!("/{LINE}/block_users"), "text/plain; charset=latin1", "caf\u{e9}"),
        ("POST", format!("/{LINE}"), "application/json", settings),
        ("POST", format!("/{ACCOUNT}/message_templates"), "application/json", "not even JSON"),
    ] {
        for (prefix, version) in [("", "/v23.0"), ("", ""), ("/graph", "/v23.0"), ("/graph", ""), ("", "/v1.0")] {
            let mark = mark();
            let path = format!("{path}{}mark={mark}", if path.contains('?') { '&' } else { '?' });
            // Only harmless parameters pass where the gate looks into the body.
            let path = if kind == "application/json" { path.replace("mark=", "debug=") } else { path };
            let headers: &[(&str, &str)] = if kind.is_empty() { &[] } else { &[("content-type", kind)] };
            let answer = place.gate.call(method, &format!("{prefix}{version}{path}"), headers, body.as_bytes());
            assert_eq!(answer.status, 200, "{method} {prefix}{version}{path}: {answer:?}");
            let [asked] = &place.graph.asked(&mark)[..] else { panic!("{method} {path} arrived not once") };
            assert_eq!((asked.method.as_str(), &asked.target), (method, &format!("{version}{path}")));
            assert_eq!(asked.text(), body);
            assert_eq!(asked.header("content-type"), Some(kind).filter(|kind| !kind.is_empty()));
            assert_eq!(asked.header("authorization"), Some(format!("Bearer {BOT_TOKEN}").as_str()));
        }
    }
}

#[test]
fn a_body_travels_with_its_length_because_some_servers_refuse_chunks() {
    let place = place();
    for (path, body) in [("media", "12345"), ("messages", &bot_text(&Person::new().phone).to_string())] {
        let mark = mark();
        let target = format!("/{LINE}/{path}?debug={mark}");
        assert_eq!(place.gate.call("POST", &target, &[JSON], body.as_bytes()).status, 200);
        let asked = place.graph.asked(&mark).remove(0);
        let length = body.len().to_string();
        assert_eq!((asked.header("content-length"), asked.header("transfer-encoding")), (Some(length.as_str()), None));
    }
}

#[test]
fn the_graph_api_sees_the_bots_headers_and_no_others() {
    /// What the runtime adds by itself. It also takes `connection` before the Worker could see what that names. A request cannot be without the first three, and `cf-worker` is Cloudflare's
    /// name of the Worker, which only a deployed one has.
    const ADDED: [&str; 5] = ["accept-encoding", "connection", "content-length", "host", "cf-worker"];
    let place = place();
    let sent = [
        ("accept", "application/json, */*"),
        ("accept-language", "es"),
        ("content-type", "application/json"),
        ("range", "bytes=0-99"),
        ("user-agent", "the-bot/1.0"),
        ("x-fb-trace", "a, b"),
        ("x-of-my-own", "?!"),
    ];
    let kept_back = [
        ("connection", "keep-alive"),
        ("cookie", "session=1"),
        ("cf-connecting-ip", "203.0.113.9"),
        ("cf-ray", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("x-baton-token", "0"),
        ("x-baton-mine", "1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-http-method-override", "DELETE"),
        ("x-real-ip", "203.0.113.9"),
    ];
    let all: Vec<(&str, &str)> = sent.iter().chain(&kept_back).copied().collect();
    let message = bot_text(&Person::new().phone).to_string();
    for (path, body) in [("messages", message.as_str()), ("media", "12345")] {
        let mark = mark();
        let target = format!("/v23.0/{LINE}/{path}?debug={mark}");
        assert_eq!(place.gate.call("POST", &target, &all, body.as_bytes()).status, 200);
        let asked = place.graph.asked(&mark).remove(0);
        for (name, value) in &sent {
            assert_eq!(asked.header(name), Some(*value), "{name}");
        }
        let known = |name: &str| name == "authorization" || sent.iter().any(|(sent, _)| *sent == name);
        let more: Vec<&(String, String)> =
            asked.head.headers.iter().filter(|(name, _)| !known(name) && !ADDED.contains(&name.as_str())).collect();
        assert!(more.is_empty(), "{path}: the Graph API was told {more:?}, which the bot did not send");
    }
}

#[test]
fn answers_come_back_as_they_are_errors_too() {
    let place = place();
    let html = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    let of_meta = json!({ "error": { "message": "(#131047) Re-engagement message", "type": "OAuthException", "code": 131_047,
        "error_data": { "messaging_product": "whatsapp", "details": "m\u{e1}s de 24 h" }, "fbtrace_id": "A1" } });
    let page = |status| Reaction::json(status, &json!(null)).body(Body::Text(html.to_owned()));
    for (status, reaction) in [
        (200, Reaction::json(200, &json!({ "id": "1", "text": "ñ ☕" })).header("x-app-usage", r#"{"call_count":1}"#)),
        (206, Reaction::json(206, &json!([1])).header("content-range", "bytes 0-2/10")),
        (302, Reaction::json(302, &json!({})).header("location", "https://elsewhere.example.com/")),
        (400, Reaction::json(400, &of_meta).header("www-authenticate", r#"OAuth "Facebook Platform" "invalid_token""#)),
        (401, Reaction::error(401, 190)),
        (404, Reaction::error(404, 100)),
        (429, Reaction::error(429, 130_429).header("retry-after", "17")),
        (500, Reaction::error(500, 131_000)),
        (502, page(502).header("x-of-a-front", "1")),
        (503, page(503).header("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")),
    ] {
        let message = bot_text(&Person::new().phone).to_string();
        for (method, path, body) in [("GET", "", ""), ("POST", "/media", "x"), ("POST", "/messages", &message)] {
            let mark = mark();
            place.graph.on(&mark, {
                let reaction = reaction.clone();
                move |_| reaction.clone().header("x-fb-trace-id", "T1")
            });
            let target = format!("/v23.0/{LINE}{path}?debug={mark}");
            let answer = place.gate.call(method, &target, &[JSON], body.as_bytes());
            let Reaction::Answer { headers, body: Body::Text(expected), .. } = &reaction else { panic!("no text") };
            assert_eq!((answer.status, &answer.body), (status, expected), "{method} {path}: {answer:?}");
            for (name, value) in headers.iter().chain([&("x-fb-trace-id", "T1".to_owned())]) {
                assert_eq!(answer.header(name), Some(value.as_str()), "{status} {path} {name}: {answer:?}");
            }
            assert!(answer.header("x-baton-refused").is_none(), "{answer:?}");
            assert_eq!(place.graph.asked(&mark).len(), 1, "the gate has repeated {method} {path} after {status}");
        }
    }
}

#[test]
fn nothing_but_what_is_configured_passes_and_nothing_that_hides_a_message() {
    let place = place();
    let message = json!({ "messaging_product": "whatsapp", "to": "34600111222", "text": { "body": "x" } }).to_string();
    let long = json!({ "to": "34600111222", "text": { "body": "x".repeat(300 * 1_024) } }).to_string();
    let messages = format!("/v23.0/{LINE}/messages");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let zipped = ("content-encoding", "gzip");
    let unknown = "/v23.0/399999999999999";
    let number = "/v23.0/4000000000000014";
    let gzip: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0];
    let plain = message.as_bytes();
    let cases: Vec<Refused<'_>> = vec![
        ("POST", format!("{unknown}/messages"), vec![JSON], plain, "unknown_id"),
        ("POST", format!("/v23.0/{ACCOUNT}/messages"), vec![JSON], plain, "unknown_id"),
        ("POST", format!("{unknown}/media"), vec![JSON], plain, "unknown_id"),
        ("GET", format!("{unknown}/message_templates"), vec![], b"", "unknown_id"),
        ("GET", format!("{unknown}/subscriptions"), vec![], b"", "unknown_id"),
        ("POST", number.to_owned(), vec![JSON], plain, "unknown_id"),
        ("GET", "/v23.0/me".to_owned(), vec![], b"", "unknown_id"),
        ("GET", "/v23.0/debug_token?input_token=x".to_owned(), vec![], b"", "unknown_id"),
        ("GET", "/v23.0/search?q=x".to_owned(), vec![], b"", "unknown_id"),
        ("POST", "/v23.0".to_owned(), vec![form], b"batch=[]", "unknown_id"),
        ("POST", "/graph".to_owned(), vec![form], b"batch=[]", "unknown_id"),
        ("POST", "/graph/?batch=[]".to_owned(), vec![], b"", "unknown_id"),
        ("GET", format!("/v23.0//{LINE}"), vec![], b"", "path"),
        ("GET", format!("/v23.0/{LINE}/%6dessages"), vec![], b"", "path"),
        ("GET", format!("/v23.0/{LINE}/a;b"), vec![], b"", "path"),
        ("GET", format!("/v23.0/{LINE}/a@graph.facebook.com"), vec![], b"", "path"),
        ("GET", format!("/v23.0/{LINE}/1/2/3/4/5"), vec![], b"", "path"),
        ("GET", format!("{messages}?method=POST"), vec![], b"", "query"),
        ("GET", format!("/v23.0/{LINE}?%4dethod=post"), vec![], b"", "query"),
        ("GET", format!("{number}?_method=delete"), vec![], b"", "query"),
        ("POST", format!("/v23.0/{LINE}/media?batch=[]"), vec![JSON], b"", "query"),
        ("POST", format!("{messages}?to=34600111222"), vec![JSON], plain, "query"),
        ("POST", format!("{messages}?text[body]=x"), vec![JSON], plain, "query"),
        ("POST", format!("/v23.0/{LINE}?webhook_configuration=x"), vec![JSON], b"{}", "query"),
        ("POST", messages.clone(), vec![form], b"to=34600111222&messaging_product=whatsapp", "not_json"),
        ("POST", messages.clone(), vec![], plain, "not_json"),
        // As a form, this would be something else.
        (
            "POST",
            messages.clone(),
            vec![("content-type", "application/x-www-form-urlencoded; as=json")],
            plain,
            "not_json",
        ),
        ("POST", messages.clone(), vec![("content-type", "multipart/form-data; boundary=json")], plain, "not_json"),
        ("POST", messages.clone(), vec![form, JSON], plain, "not_json"),
        ("POST", messages.clone(), vec![JSON, zipped], gzip, "not_json"),
        ("POST", messages.clone(), vec![JSON], b"{\"to\":", "not_json"),
        ("POST", messages.clone(), vec![JSON], b"[{}]", "not_json"),
        ("POST", messages.clone(), vec![JSON], b"", "not_json"),
        ("POST", messages.clone(), vec![JSON], b"{\"to\":\"34\\uD8\"}", "not_json"),
        ("POST", messages.clone(), vec![JSON], b"{\"to\":[\"34600111222\"]}", "recipient"),
        ("POST", messages.clone(), vec![JSON], b"{\"text\":{\"body\":\"x\"}}", "recipient"),
        ("POST", messages.clone(), vec![JSON], b"{\"status\":\"read\"}", "recipient"),
        ("POST", messages.clone(), vec![JSON, ("x-baton-token", "soon")], plain, "token"),
        ("POST", messages.clone(), vec![JSON], long.as_bytes(), "too_large"),
        ("PUT", messages.clone(), vec![JSON, ("x-baton-token", "-1")], plain, "token"),
    ];
    for (method, target, headers, body, reason) in cases {
        let mark = mark();
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("user-agent", mark.as_str())]).collect();
        let answer = place.gate.call(method, &target, &headers, body);
        assert_eq!(answer.graph_error(), (400, 100), "{method} {target}: {answer:?}");
        assert_eq!(answer.header("x-baton-refused"), Some(reason), "{method} {target}");
        let all = place.graph.asked("");
        assert!(all.iter().all(|asked| asked.header("user-agent") != Some(&mark)), "{method} {target} has passed");
    }
}

#[test]
fn without_a_token_nothing_passes() {
    let place = place();
    let message = bot_text(&Person::new().phone).to_string();
    for (method, path) in [("GET", String::new()), ("POST", "/media".to_owned()), ("POST", "/messages".to_owned())] {
        for (headers, query) in [
            (vec![], ""),
            (vec![("authorization", "Bearer ")], ""),
            (vec![("authorization", "Basic YTpi")], ""),
            (vec![], "?access_token="),
        ] {
            let headers: Vec<(&str, &str)> = headers.into_iter().chain([JSON]).collect();
            let target = format!("/v23.0/{LINE}{path}{query}");
            let answer = wire::ask(&place.gate.url, method, &target, &headers, message.as_bytes()).unwrap();
            assert_eq!(answer.graph_error(), (401, 104), "{method} {target} {headers:?}");
        }
    }
    let words = serde_json::from_str::<Value>(&message).unwrap()["text"]["body"].as_str().unwrap().to_owned();
    assert!(place.graph.asked(&words).is_empty());
    // Where the Graph API looks for one as well, it is enough.
    let mark = mark();
    let target = format!("/v23.0/{LINE}?access_token=EAAGquery&debug={mark}");
    assert_eq!(wire::ask(&place.gate.url, "GET", &target, &[], b"").unwrap().status, 200);
    assert_eq!(place.graph.asked(&mark)[0].target, target);
}

#[test]
fn where_there_is_a_word_in_the_address_nobody_passes_without_it() {
    const WORD: &str = "a-word-that-nobody-guesses";
    let (bot, graph) = (Bot::start(APP_SECRET), Graph::start());
    let gate = Gate::start(&bot, fenced(&graph.url, json!({})).var("GRAPH_KEY", WORD));
    let message = || bot_text(&Person::new().phone).to_string();
    for start in ["", "/v23.0", "/graph", "/graph/v23.0", "/graph/another-word/v23.0", "/graph//v23.0"] {
        for path in ["", "/messages"] {
            let target = format!("{start}/{LINE}{path}");
            let answer = gate.call("POST", &target, &[JSON], message().as_bytes());
            assert_eq!(answer.graph_error(), (401, 104), "{target}");
            assert_eq!(answer.header("x-baton-refused"), Some("key"));
            assert!(!answer.body.contains(WORD), "{answer:?}");
        }
    }
    assert!(graph.asked("").is_empty());
    let message = message();
    for (start, version) in
        [("/graph/a-word-that-nobody-guesses/v23.0", "/v23.0"), ("/graph/a-word-that-nobody-guesses", "")]
    {
        for path in ["messages", "media"] {
            let mark = mark();
            let target = format!("/{LINE}/{path}?debug={mark}");
            assert_eq!(gate.call("POST", &format!("{start}{target}"), &[JSON], message.as_bytes()).status, 200);
            if path == "media" || !version.is_empty() {
                assert_eq!(graph.asked(&mark)[0].target, format!("{version}{target}"));
            }
        }
    }
    assert!(graph.asked(WORD).is_empty(), "the word has travelled on");
    let log = gate.runtime_log();
    assert!(log.lines().filter(|line| line.contains("\"event\"")).all(|line| !line.contains(WORD)), "{log}");
}

#[test]
fn a_gate_without_lines_or_without_the_graph_api_says_so() {
    let bot = Bot::start(APP_SECRET);
    // Nobody listens there.
    let nowhere = format!("http://127.0.0.1:{}", next_port());
    let mut gate = Gate::start(&bot, fenced(&nowhere, json!({})));
    let error = |answer: Answer| (answer.graph_error(), answer.header("x-baton-refused").unwrap().to_owned());
    let lost = |status, code, word: &str| ((status, code), word.to_owned());
    for (method, path) in [("GET", ""), ("POST", "/media"), ("DELETE", "")] {
        let answer = gate.call(method, &format!("/v23.0/{LINE}{path}"), &[JSON], b"{}");
        assert_eq!(error(answer), lost(502, 131_016, "graph_lost"), "{method} {path}");
    }
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": wamid() });
    assert_eq!(error(gate.send(&read)), lost(502, 131_016, "graph_lost"), "a read receipt may be sent again");
    let message = bot_text(&Person::new().phone);
    assert_eq!(error(gate.send(&message)), lost(400, 990_002, "outcome_unknown"));

    gate.restart_with(fenced(&nowhere, json!({})).var("LINES", ""));
    let answer = gate.send(&message);
    assert!(answer.body.contains("[vars.LINES.PHONE_NUMBER_ID]"), "{answer:?}");
    assert_eq!(error(answer), lost(400, 100, "no_lines"));
    assert_eq!(gate.get("/health").status, 200, "a gate without the fence is a gate");

    gate.restart_with(fenced(&nowhere, json!({})).var("GRAPH_URL", "https://graph.facebook.com/?x=1"));
    assert_eq!(error(gate.send(&message)), lost(503, 131_016, "not_configured"));
}

#[test]
fn the_logs_tell_of_the_bots_requests_and_name_nobody() {
    const TEXT: &str = "a word that only this bot says";
    const QUERY: &str = "aQueryOfTheBots";
    let place = Place::start(json!({}));
    let Place { gate, graph, .. } = &place;
    let person = Person::new();
    let mut message = bot_text(&person.phone);
    message["text"]["body"] = json!(TEXT);
    let sent = gate.send(&message).sent_id();
    gate.echo(person.both());
    assert_eq!(gate.send(&message).status, 200, "a repetition is answered with what the first was");
    message["text"]["body"] = json!([TEXT, 2]);
    assert_eq!(gate.send(&message).graph_error(), (400, 990_001));
    graph.on(QUERY, |_| Reaction::HangUp);
    gate.call("GET", &format!("/v23.0/{LINE}?debug={QUERY}"), &[], b"");
    gate.call("GET", &format!("/v23.0/{}/x?debug={QUERY}", person.phone), &[], b"");
    gate.call("POST", &format!("/v23.0/{APP}/subscriptions?callback_url={QUERY}"), &[], b"");
    gate.call("POST", &format!("/v23.0/{LINE}/messages?to={}", person.phone), &[JSON], message.to_string().as_bytes());

    let log = eventually(std::time::Duration::from_secs(10), "the log has a line for each occurrence", || {
        let log = gate.runtime_log();
        let told = ["\"collision\"", "callback_change_refused"].iter().all(|event| log.contains(event));
        told.then_some(log)
    });
    for line in log.lines().filter(|line| line.contains("\"event\"")) {
        for secret in [TEXT, QUERY, &person.phone, &person.bsuid, &sent, BOT_TOKEN, ADMIN_TOKEN, VERIFY_TOKEN] {
            assert!(!line.contains(secret), "the log shows {secret:?}: {line}");
        }
    }
}
