//! Media pass through the gate as a stream: 20 MB up and down, unchanged, before they are complete, and without being
//! held in memory.
//!
//! How memory is judged: the runtime's resident memory at its highest. A gate that held one body would need its 20 MB
//! at once, and a Worker's memory that was needed once is never given back.

use std::fs;
use std::io::{BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{BOT_TOKEN, wamid};
use crate::common::meta::LINE;
use crate::gate::Gate;
use crate::graph::{Body, Place, Reaction, SLOW_BLOCK, place};
use crate::wire::{self, Passed};

const MEGABYTE: usize = 1_024 * 1_024;
const BODY_BYTES: usize = 20 * MEGABYTE;
/// A pause in which a stream that is not held back has long arrived.
const PAUSE: Duration = Duration::from_millis(1_500);
const LIMIT: Duration = Duration::from_secs(20);
/// Bodies up and down for each of which memory is looked at.
const ROUNDS: usize = 6;
/// What the runtime's memory may grow by from the first of them to the last: two of them. It was 11 to 14 MB when this
/// was written, and 210 MB for a gate that held what it was sent.
const GROWTH_MAX: usize = 40 * MEGABYTE;

/// A picture of this many bytes, as a form.
fn form(bytes: usize) -> (Vec<u8>, &'static str) {
    let mut body = b"--BOUNDARY\r\ncontent-disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
        --BOUNDARY\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\ncontent-type: video/mp4\r\n\r\n"
        .to_vec();
    // No two blocks are equal, so that one that is lost or comes twice is seen.
    body.extend((0..bytes / 8).flat_map(|number| (number * 0x9e37_79b9).to_le_bytes()));
    body.extend_from_slice(b"\r\n--BOUNDARY--\r\n");
    (body, "multipart/form-data; boundary=BOUNDARY")
}

/// Uploads a body, with a pause after the first block; when the last was sent, and the answer's status line.
fn upload(gate: &Gate, agent: &str, body: &[u8], kind: &str, pause: Duration) -> (Instant, String) {
    let mut stream = wire::connect(&gate.url);
    let (length, token) = (body.len().to_string(), format!("Bearer {BOT_TOKEN}"));
    let headers =
        [("authorization", token.as_str()), ("content-type", kind), ("content-length", &length), ("user-agent", agent)];
    stream.write_all(wire::head("POST", &format!("/v23.0/{LINE}/media"), &headers).as_bytes()).unwrap();
    let (first, rest) = body.split_at(256 * 1_024);
    stream.write_all(first).unwrap();
    thread::sleep(pause);
    let last_sent_at = Instant::now();
    stream.write_all(rest).unwrap();
    let (head, _) = wire::read_answer(&mut BufReader::new(stream), "POST").unwrap();
    (last_sent_at, head.line)
}

/// Downloads what the Graph API has under this path.
fn download(gate: &Gate, target: &str) -> Passed {
    let mut stream = wire::connect(&gate.url);
    let token = format!("Bearer {BOT_TOKEN}");
    stream.write_all(wire::head("GET", target, &[("authorization", &token)]).as_bytes()).unwrap();
    let (head, body) = wire::read_answer(&mut BufReader::new(stream), "GET").unwrap();
    assert!(head.line.contains(" 200 ") && body.is_whole, "{head:?}");
    body
}

fn blocks(bytes: usize, pause: Duration) -> Reaction {
    let kind = ("content-type", "video/mp4".to_owned());
    let body = Body::Slow { blocks: bytes / SLOW_BLOCK.len(), pause };
    Reaction::Answer { status: 200, headers: vec![kind], body, after: Duration::ZERO }
}

#[test]
fn twenty_megabytes_go_up_unchanged_and_begin_to_arrive_before_they_are_sent() {
    let place = place();
    let (body, kind) = form(BODY_BYTES);
    let agent = wamid();
    let start = Instant::now();
    let (last_sent_at, line) = upload(&place.gate, &agent, &body, kind, PAUSE);
    println!("20 MB up with a pause of {PAUSE:?}: {:?}", start.elapsed());
    assert!(line.contains(" 200 "), "{line}");
    let asked = place.graph.wait_for(1, "/media", LIMIT);
    let [asked] = &asked.into_iter().filter(|asked| asked.header("user-agent") == Some(&agent)).collect::<Vec<_>>()[..]
    else {
        panic!("the upload arrived not once")
    };
    assert_eq!((asked.body.bytes, &asked.body.digest), (body.len(), &wire::digest_of(&body)));
    assert_eq!(asked.header("content-length"), Some(body.len().to_string().as_str()));
    assert!(asked.body.first_at < last_sent_at, "the gate has waited for the whole body");
}

#[test]
fn twenty_megabytes_come_down_unchanged_and_begin_to_arrive_before_they_are_answered() {
    let place = place();
    let target = "/v23.0/4000000000000021";
    // A body in two halves would do; as many pauses as blocks would take too long.
    let pause = Duration::from_millis(10);
    place.graph.on(target, move |_| blocks(BODY_BYTES, pause));
    let start = Instant::now();
    let body = download(&place.gate, target);
    let (first, all) = (body.first_at - start, start.elapsed());
    println!("20 MB down, slowly: the first byte after {first:?}, the last after {all:?}");
    let expected = SLOW_BLOCK.repeat(BODY_BYTES / SLOW_BLOCK.len());
    assert_eq!((body.bytes, &body.digest), (expected.len(), &wire::digest_of(&expected)));
    assert!(first < all / 2, "the gate has waited for the whole answer");
}

/// The resident memory of a gate's runtime at its highest, all processes of it together.
fn memory(gate: &Gate) -> Option<usize> {
    let status = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let highest = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        highest.trim().strip_suffix(" kB")?.parse::<usize>().ok()
    };
    let highest: Vec<usize> = gate.runtime_processes().into_iter().filter_map(status).collect();
    (!highest.is_empty()).then(|| highest.iter().sum::<usize>() * 1_024)
}

#[test]
fn memory_stays_flat_while_large_bodies_pass() {
    let place = Place::start(json!({}));
    let target = "/v23.0/4000000000000022";
    place.graph.on(target, |_| blocks(BODY_BYTES, Duration::ZERO));
    // What the runtime needs to carry anything at all it needs once.
    let (small, kind) = form(MEGABYTE);
    upload(&place.gate, "first", &small, kind, Duration::ZERO);
    place.graph.on("/v23.0/4000000000000023", |_| blocks(MEGABYTE, Duration::ZERO));
    download(&place.gate, "/v23.0/4000000000000023");
    let Some(before) = memory(&place.gate) else { return println!("not measured: there is no /proc here") };
    let (large, kind) = form(BODY_BYTES);
    for _ in 0..ROUNDS {
        upload(&place.gate, "large", &large, kind, Duration::ZERO);
        download(&place.gate, target);
    }
    let after = memory(&place.gate).unwrap();
    let in_megabytes = |bytes: usize| bytes / MEGABYTE;
    println!(
        "{} bodies of 20 MB: the runtime's memory at its highest was {} MB before and {} MB after",
        2 * ROUNDS,
        in_megabytes(before),
        in_megabytes(after)
    );
    assert!(after - before < GROWTH_MAX, "{} MB and then {} MB", in_megabytes(before), in_megabytes(after));
}
