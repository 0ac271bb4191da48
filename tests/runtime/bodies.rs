//! Bodies in the forms that real clients and servers use: compressed, in chunks, absent, and ended too early.
//!
//! Invariant: the other side sees of a body what it would see without the gate; above all, a body that broke off on one
//! side of the gate is not whole on the other.
//!
//! Not here: large bodies (`stream`), which requests pass (`proxy`).

use std::io::{BufReader, Write};
use std::time::Duration;

use serde_json::json;

use crate::client::{BOT_TOKEN, Person, bot_text, eventually, wamid};
use crate::common::meta::LINE;
use crate::fence::HELD;
use crate::graph::{Body, Reaction, place};
use crate::wire::{self, Head, Passed};

const LIMIT: Duration = Duration::from_secs(20);
const JSON: (&str, &str) = ("content-type", "application/json");
/// `{"messaging_product": "whatsapp", "messages": [{"id": "wamid.ZIPPED"}]}`, compressed.
const ZIPPED: [u8; 81] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 77, 45, 46, 78, 76, 207, 204, 75, 143, 47, 40, 202, 79, 41, 77, 46,
    81, 178, 82, 80, 42, 207, 72, 44, 41, 78, 44, 40, 80, 210, 81, 128, 42, 72, 45, 6, 138, 71, 87, 43, 101, 166, 128,
    229, 19, 115, 51, 83, 244, 162, 60, 3, 2, 92, 93, 148, 106, 99, 107, 1, 110, 45, 202, 229, 71, 0, 0, 0,
];

/// One request on a connection of its own, with a body that is written as it is, and what came back.
fn exchange(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> (Head, Passed) {
    let token = format!("Bearer {BOT_TOKEN}");
    let mut all = vec![("authorization", token.as_str())];
    all.extend_from_slice(headers);
    let mut stream = wire::connect(&place().gate.url);
    stream.write_all(wire::head(method, target, &all).as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    wire::read_answer(&mut BufReader::new(stream), method).unwrap()
}

fn chunked(body: &str) -> Vec<u8> {
    let (first, second) = body.split_at(body.len() / 2);
    format!("{:x}\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len()).into_bytes()
}

/// The runtime asks for compression whatever the bot accepts. Cloudflare's front undoes it for who cannot read it, and
/// there is no such front here; so a bot that names no encoding, which means any, may get either form.
#[test]
fn a_compressed_answer_arrives_as_it_was_and_is_understood() {
    let place = place();
    for accepted in [None, Some("gzip, deflate"), Some("gzip, deflate, br, zstd")] {
        for path in ["messages", "media"] {
            let person = Person::new();
            let message = bot_text(&person.phone).to_string();
            let agent = wamid();
            let target = format!("/v23.0/{LINE}/{path}?debug={agent}");
            place.graph.on(&agent, |_| {
                let zipped = Reaction::json(200, &json!(null)).body(Body::Bytes(ZIPPED.to_vec()));
                zipped.header("content-encoding", "gzip").header("vary", "Accept-Encoding")
            });
            let length = message.len().to_string();
            let mut headers = vec![JSON, ("content-length", &length)];
            headers.extend(accepted.map(|accepted| ("accept-encoding", accepted)));
            let (head, body) = exchange("POST", &target, &headers, message.as_bytes());
            let asked = place.graph.asked(&agent).remove(0);
            println!("{path}: the bot accepts {accepted:?}, the gate {:?}", asked.header("accept-encoding"));
            assert!(head.line.contains(" 200 ") && body.is_whole, "{head:?}");
            match head.find("content-encoding") {
                Some("gzip") => assert_eq!(body.kept, ZIPPED, "{path} {accepted:?}"),
                None => assert!(body.kept.starts_with(b"{\"messaging_product\""), "{path} {accepted:?}: {body:?}"),
                other => panic!("{other:?}"),
            }
            if path == "messages" {
                eventually(LIMIT, "the send is settled", || {
                    let sends = place.gate.shown(&person.phone).sends;
                    let id = sends.into_iter().find(|send| send.state == "accepted")?.id?;
                    (id.as_str() == "wamid.ZIPPED").then_some(())
                });
            }
        }
    }
}

#[test]
fn answers_without_a_body_and_with_repeated_headers_come_back_as_they_are() {
    let place = place();
    for (method, status) in [("DELETE", 204), ("GET", 304), ("POST", 204), ("DELETE", 205), ("GET", 200)] {
        let agent = wamid();
        let target = format!("/v23.0/4000000000000031?debug={agent}");
        let target = if method == "POST" { format!("/v23.0/{LINE}/register?debug={agent}") } else { target };
        place.graph.on(&agent, move |_| {
            let empty = Reaction::json(status, &json!(null)).body(Body::Text(String::new()));
            empty.header("etag", "\"1\"").header("set-cookie", "a=1; Path=/").header("set-cookie", "b=2")
        });
        let (head, body) = exchange(method, &target, &[("content-length", "0")], b"");
        assert!(head.line.contains(&format!(" {status} ")), "{method} {status}: {head:?} {body:?}");
        assert_eq!((body.bytes, head.find("etag")), (0, Some("\"1\"")));
        let cookies: Vec<&str> =
            head.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    }
}

#[test]
fn a_body_in_chunks_is_read_and_passed_on() {
    let place = place();
    let person = Person::new();
    let headers = [JSON, ("transfer-encoding", "chunked")];
    let message = bot_text(&person.phone);
    let target = format!("/v23.0/{LINE}/messages");
    let (head, _) = exchange("POST", &target, &headers, &chunked(&message.to_string()));
    assert!(head.line.contains(" 200 "), "{head:?}");
    let [asked] = &place.graph.asked(message["text"]["body"].as_str().unwrap())[..] else { panic!("not once") };
    assert_eq!(asked.text(), message.to_string());
    place.gate.echo(person.both());
    let (head, body) = exchange("POST", &target, &headers, &chunked(&bot_text(&person.phone).to_string()));
    assert!(head.line.contains(" 400 "), "{head:?}");
    assert!(String::from_utf8_lossy(&body.kept).contains(&HELD.1.to_string()));

    let agent = wamid();
    let target = format!("/v23.0/{LINE}/media?debug={agent}");
    let (head, _) = exchange("POST", &target, &headers, &chunked("a picture of unknown length"));
    assert!(head.line.contains(" 200 "), "{head:?}");
    assert_eq!(place.graph.asked(&agent)[0].text(), "a picture of unknown length");

    let large = format!("40000\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "x".repeat(0x40000));
    let (head, _) = exchange("POST", &format!("/v23.0/{LINE}/messages"), &headers, large.as_bytes());
    assert_eq!(head.find("x-baton-refused"), Some("too_large"), "{head:?}");
}

#[test]
fn an_upload_that_breaks_off_is_not_whole_at_the_graph_api() {
    let place = place();
    let token = format!("Bearer {BOT_TOKEN}");
    let part = "x".repeat(100_000);
    for (form, body) in [
        (("content-length", "200000"), part.clone()),
        (("transfer-encoding", "chunked"), format!("{:x}\r\n{part}\r\n", part.len())),
    ] {
        let agent = wamid();
        let target = format!("/v23.0/{LINE}/media?debug={agent}");
        let headers = [("authorization", token.as_str()), ("content-type", "image/png"), form];
        let mut stream = wire::connect(&place.gate.url);
        stream.write_all(wire::head("POST", &target, &headers).as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(500));
        drop(stream);
        std::thread::sleep(Duration::from_secs(2));
        let whole: Vec<_> = place.graph.asked(&agent).into_iter().filter(|asked| asked.body.is_whole).collect();
        assert!(whole.is_empty(), "half an upload is a whole one: {form:?} {:?}", whole[0].head);
    }
}

#[test]
fn a_download_that_breaks_off_is_not_whole_for_the_bot() {
    let place = place();
    let agent = wamid();
    place.graph.on(&agent, |_| Reaction::json(200, &json!(null)).body(Body::Cut("x".repeat(300_000))));
    let (head, body) = exchange("GET", &format!("/v23.0/4000000000000032?debug={agent}"), &[], b"");
    assert!(head.line.contains(" 200 "), "{head:?}");
    assert!(!body.is_whole, "{} bytes of a broken answer look whole: {head:?}", body.bytes);
}

#[test]
fn a_query_arrives_byte_for_byte() {
    let place = place();
    for query in [
        "fields=name,components.limit(3){text,type}",
        "fields=a%7Cb&x=%C3%B1&y=a+b%2Bc",
        "x=its!*()~",
        "x=%zz&y=100%",
        "a=1&a=2&&b",
        "x=[1]|^`\\",
    ] {
        let agent = wamid();
        let target = format!("/v23.0/{LINE}?{query}&debug={agent}");
        let (head, _) = exchange("GET", &target, &[], b"");
        assert!(head.line.contains(" 200 "), "{query}: {head:?}");
        assert_eq!(place.graph.asked(&agent)[0].target, target);
    }
}
