//! What is not signed by the Meta app is refused and leaves no trace; what is not asked by the operator is not told.

use std::time::Duration;

use baton::limits::{VERIFIED_BY_RUNTIME_BYTES_MIN, WEBHOOK_BODY_BYTES_MAX};

use crate::client::{Person, wamid};
use crate::common::meta::{self, delivery};
use crate::delivery::sign;
use crate::gate::{APP_SECRET, Gate, Options, PREVIOUS_APP_SECRET, VERIFY_TOKEN, common};

fn message(person: &Person, wamid: &str) -> Vec<u8> {
    delivery("messages", meta::text(person.both(), wamid, "¿Lo tienen? 😀")).to_string().into_bytes()
}

#[test]
fn the_current_and_the_previous_secret_are_good_and_the_bot_is_signed_for_with_the_current_one() {
    let common = common();
    for secret in [APP_SECRET, PREVIOUS_APP_SECRET] {
        let (person, wamid) = (Person::new(), wamid());
        let body = message(&person, &wamid);
        let answer = common.gate.post(&body, Some(&sign(secret, &body)));
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        // The bot itself checks each delivery against APP_SECRET.
        let got = common.bot.wait_for(1, &wamid, Duration::from_secs(10));
        assert_eq!(got[0].json()["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"], "¿Lo tienen? 😀");
    }
    let (person, wamid) = (Person::new(), wamid());
    let body = message(&person, &wamid);
    let upper = sign(APP_SECRET, &body).to_uppercase().replace("SHA256", "sha256");
    assert_eq!(common.gate.post(&body, Some(&upper)).status, 200, "hex digits are the same in capitals");
}

#[test]
fn a_secret_that_is_no_longer_the_previous_one_is_refused() {
    let gate = Gate::start_for("http://127.0.0.1:9/", Options::default());
    let body = message(&Person::new(), &wamid());
    assert_eq!(gate.post(&body, Some(&sign(PREVIOUS_APP_SECRET, &body))).status, 401);
    assert_eq!(gate.post(&body, Some(&sign(APP_SECRET, &body))).status, 200);
}

#[test]
fn a_delivery_that_is_not_metas_is_401_and_nothing_is_stored() {
    let common = common();
    let (person, wamid) = (Person::new(), wamid());
    let body = message(&person, &wamid);
    let mut changed = body.clone();
    *changed.last_mut().unwrap() = b' ';
    let good = sign(APP_SECRET, &body);
    let digits = good.strip_prefix("sha256=").unwrap();
    let malformed = [
        String::new(),
        "sha256=".to_owned(),
        digits.to_owned(),
        format!("sha1={digits}"),
        format!("SHA256={digits}"),
        format!("sha256={}", &digits[..62]),
        format!("sha256={digits}00"),
        format!("sha256={}", digits.replace(|digit: char| digit.is_ascii_digit(), "g")),
        format!("{good},{good}"),
    ];
    let mut refused = vec![
        common.gate.post(&body, None),
        common.gate.post(&body, Some(&sign("another app's secret", &body))),
        common.gate.post(&body, Some(&sign(VERIFY_TOKEN, &body))),
        common.gate.post(&changed, Some(&good)),
        common.gate.post(b"", Some(&good)),
        common.gate.post(b"", None),
    ];
    refused.extend(malformed.iter().map(|signature| common.gate.post(&body, Some(signature))));
    for answer in refused {
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.problem().to_string().contains(digits), "the right signature must not be told: {answer:?}");
    }
    for name in [&person.phone, &person.bsuid] {
        assert!(common.gate.shown_at(meta::LINE, name).is_none(), "something was stored");
    }
    assert_eq!(common.gate.post(&body, Some(&good)).status, 200);
    common.bot.wait_for(1, &wamid, Duration::from_secs(10));
    assert_eq!(common.bot.deliveries(&wamid).len(), 1);
}

/// Either side of the size from which on the runtime hashes, and as large as Meta's may be.
#[test]
fn a_large_body_is_judged_as_a_small_one() {
    let common = common();
    let edge = VERIFIED_BY_RUNTIME_BYTES_MIN;
    for bytes in [edge - 1, edge, edge + 1, 1_024 * 1_024, 3_000_000, WEBHOOK_BODY_BYTES_MAX] {
        let padded = |person: &Person, wamid: &str| {
            let mut body = message(person, wamid);
            // Blanks after the document change what is signed and nothing of what is said.
            body.resize(bytes, b' ');
            body
        };
        for secret in [APP_SECRET, PREVIOUS_APP_SECRET] {
            for is_announced in [true, false] {
                let (person, wamid) = (Person::new(), wamid());
                let body = padded(&person, &wamid);
                let signature = sign(secret, &body);
                let status = if is_announced {
                    common.gate.post(&body, Some(&signature)).status
                } else {
                    common.gate.raw(&[&chunked(&format!("x-hub-signature-256: {signature}\r\n"), &body)]).status
                };
                assert_eq!(status, 200, "{bytes} bytes, announced: {is_announced}");
                assert_eq!(common.bot.wait_for(1, &wamid, Duration::from_secs(20)).len(), 1);
            }
        }
        let (person, wamid) = (Person::new(), wamid());
        let body = padded(&person, &wamid);
        let mut changed = body.clone();
        *changed.last_mut().unwrap() = b'\n';
        let good = sign(APP_SECRET, &body);
        let unannounced = chunked(&format!("x-hub-signature-256: {good}\r\n"), &changed);
        for answer in [
            common.gate.post(&body, Some(&sign("another app's secret", &body))),
            common.gate.post(&body, Some(&sign(VERIFY_TOKEN, &body))),
            common.gate.post(&changed, Some(&good)),
            common.gate.post(&body[..bytes - 1], Some(&good)),
            common.gate.raw(&[&unannounced]),
        ] {
            assert_eq!(answer.status, 401, "{bytes} bytes: {answer:?}");
            let small = common.gate.post(b"{}", Some(&sign("another app's secret", b"{}")));
            assert_eq!(answer.problem(), small.problem(), "{bytes} bytes");
        }
        assert!(common.gate.shown_at(meta::LINE, &person.phone).is_none(), "something was stored");
    }
}

fn head(more: &str) -> String {
    format!("POST /webhook HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n{more}\r\n")
}

/// A request with these headers whose body nobody has announced the length of.
fn chunked(more: &str, body: &[u8]) -> Vec<u8> {
    let mut request = head(&format!("transfer-encoding: chunked\r\n{more}")).into_bytes();
    for chunk in body.chunks(64 * 1_024) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[test]
fn a_body_beyond_the_limit_is_413_however_it_is_sent() {
    let gate = &common().gate;
    let body = vec![b' '; WEBHOOK_BODY_BYTES_MAX + 1];
    let well_formed = format!("x-hub-signature-256: sha256={}\r\n", "0".repeat(64));
    let announced =
        |more: &str| gate.raw(&[head(&format!("content-length: {}\r\n{more}", body.len())).as_bytes(), &body]);
    let chunked = |more: &str| gate.raw(&[&chunked(more, &body)]);
    for answer in [announced(""), announced(&well_formed), chunked(&well_formed)] {
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.body.contains("urn:baton:problem:body-too-large"), "{answer:?}");
    }
    // Without a signature there is no reason to read a body whose length nobody has announced.
    assert!(matches!(chunked("").status, 401 | 413));
    let largest = vec![b' '; WEBHOOK_BODY_BYTES_MAX];
    assert_eq!(gate.post(&largest, None).status, 401, "the largest body is judged by its signature");
    assert_eq!(gate.get("/health").status, 200);
}

#[test]
fn only_the_operator_is_shown_a_conversation() {
    let common = common();
    let (person, wamid) = (Person::new(), wamid());
    common.gate.text(person.both(), &wamid, "hello");
    let path = format!("/api/v1/conversations/{}/{}", meta::LINE, person.phone);
    for header in
        ["", "Bearer", "Bearer ", "Bearer wrong", "Basic dG9rZW46", "token of the operator", "bearer x", APP_SECRET]
    {
        let headers: &[(&str, &str)] = if header.is_empty() { &[] } else { &[("authorization", header)] };
        let answer = common.gate.request("GET", &path, headers);
        assert_eq!(answer.status, 401, "{header}");
        answer.problem();
        assert!(!answer.body.contains(&wamid));
    }
    assert!(common.gate.shown(&person.phone).events.iter().any(|event| event.id.as_str() == wamid));
    assert!(common.gate.shown_at(meta::LINE, &Person::new().phone).is_none());
    assert!(common.gate.shown_at("300000000000009", &person.phone).is_none(), "another line, another conversation");
}
