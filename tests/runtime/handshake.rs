//! Meta's handshake, and what the gate says to everybody who asks for something else.

use crate::client::Answer;
use crate::gate::{VERIFY_TOKEN, common};

fn handshake(query: &str) -> Answer {
    common().gate.get(&format!("/webhook?{query}"))
}

#[test]
fn the_challenge_goes_back_exactly_and_only_to_who_knows_the_token() {
    let token = VERIFY_TOKEN.replace(' ', "+");
    for (challenge, back) in [("1158201444", "1158201444"), ("a%26b%20%C3%A9", "a&b é")] {
        let answer = handshake(&format!("hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, back));
        let content_type = answer.header("content-type").unwrap();
        assert!(content_type.starts_with("text/plain"), "a browser must not run it: {content_type}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    for query in [
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=another".to_owned(),
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=".to_owned(),
        "hub.mode=subscribe&hub.challenge=1158201444".to_owned(),
        format!("hub.mode=subscribe&hub.verify_token={token}"),
        format!("hub.mode=unsubscribe&hub.challenge=1158201444&hub.verify_token={token}"),
        format!("hub.challenge=1158201444&hub.verify_token={token}"),
        "hub.mode=%FF&hub.challenge=%00&hub.verify_token=%".to_owned(),
        String::new(),
    ] {
        let answer = handshake(&query);
        assert_eq!(answer.status, 403, "{query}");
        answer.problem();
        assert!(!answer.body.contains("1158201444") && !answer.body.contains(VERIFY_TOKEN), "{}", answer.body);
    }
}

#[test]
fn a_gate_that_could_do_its_work_is_healthy() {
    let answer = common().gate.get("/health");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let health: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn other_paths_are_404_and_other_methods_405_with_what_is_allowed() {
    let gate = &common().gate;
    let conversation = "/api/v1/conversations/300000000000001/15550109999";
    for (path, allow, refused) in [
        ("/webhook", "GET, POST", ["PUT", "DELETE", "PATCH", "OPTIONS"]),
        ("/health", "GET", ["POST", "PUT", "DELETE", "OPTIONS"]),
        (conversation, "DELETE, GET", ["POST", "PUT", "PATCH", "OPTIONS"]),
        ("/api/v1/policy", "GET, PUT", ["POST", "DELETE", "PATCH", "OPTIONS"]),
        ("/metrics", "GET", ["POST", "PUT", "DELETE", "OPTIONS"]),
    ] {
        for method in refused {
            let answer = gate.request(method, path, &[]);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            answer.problem();
        }
        // An answer to HEAD has no body, so only its head can be looked at.
        let head = gate.request("HEAD", path, &[]);
        assert_eq!((head.status, head.header("allow")), (405, Some(allow)), "HEAD {path}");
    }
    for path in
        ["/", "/webhook/", "/webhooks", "/Webhook", "/health/x", "/api", "/api/v1", "/api/v2/lines", "/favicon.ico"]
    {
        for method in ["GET", "POST", "PUT", "PROPFIND"] {
            let answer = gate.request(method, path, &[]);
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(answer.header("allow"), None, "what another answer said stays with that one");
            answer.problem();
        }
    }
}

#[test]
fn no_path_and_no_header_makes_the_gate_fail() {
    let gate = &common().gate;
    let long = format!("/{}", "a".repeat(7_000));
    let paths = [
        "/%",
        "/%00",
        "/%ff%fe",
        "//",
        "/..%2f..%2fetc",
        "/webhook%20",
        "/webhook;x",
        "/webhook/../health/..",
        "/?",
        "/*",
        "/api/v1/conversations/",
        "/api/v1/conversations//",
        "/api/v1/conversations/x",
        "/api/v1/conversations/x/y/z",
        "/api/v1/conversations/%F0%9F%98%80/1",
        "/\\webhook",
        "/[",
        "/{}",
        "/\"<>",
        &long,
    ];
    for path in paths {
        for method in ["GET", "POST", "PROPFIND"] {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let answer = gate.raw(&[head.as_bytes()]);
            assert!((400..500).contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    for header in
        ["x-hub-signature-256: \u{e9}", "content-length: 0\r\nauthorization: Bearer \u{fe}\u{ff}", "x: ", "cookie: ;;="]
    {
        for (method, path) in [("POST", "/webhook"), ("GET", "/api/v1/conversations/1/2")] {
            let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{header}\r\nconnection: close\r\n\r\n");
            let answer = gate.raw(&[head.as_bytes()]);
            assert!((400..500).contains(&answer.status), "{method} {path} {header:?}: {answer:?}");
        }
    }
    assert_eq!(gate.get("/health").status, 200);
}
