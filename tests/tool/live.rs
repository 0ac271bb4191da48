//! `baton tail`: each change once, over breaks of the stream, until somebody ends it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, StatusCode};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::documents::{CUSTOMER, LINE, conversation, conversations, problem};
use super::stand_in::{Asked, StandIn};
use super::tool::{ADMIN_TOKEN, Folder, command, interruptible};

const LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub fn answer(request: Request, status: u16, document: Value) {
    let _ = request.respond(Response::from_string(document.to_string()).with_status_code(status));
}

/// Opens a stream, says these things, and hangs up.
pub fn stream(request: Request, asked: &Asked, says: &[Value]) {
    let accept = derive_accept_key(asked.header("sec-websocket-key").unwrap().as_bytes());
    let headers = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", accept.as_str())];
    let headers = headers.map(|(name, value)| Header::from_bytes(name, value).unwrap()).to_vec();
    let response = Response::new(StatusCode(101), headers, std::io::empty(), None, None);
    let mut socket = WebSocket::from_raw_socket(request.upgrade("websocket", response), Role::Server, None);
    // The tool reads the list once the stream is open; what is said meanwhile waits.
    for one in says {
        socket.send(Message::text(one.to_string())).unwrap();
    }
    let _ = socket.send(Message::text("no JSON at all"));
    let _ = socket.close(None);
    let _ = socket.flush();
}

/// A gate whose stream breaks after these changes; the list has another one then, and later nobody is let in.
fn gate() -> StandIn {
    StandIn::start_with(|request, asked, before| {
        let target = asked.target.as_str();
        if target == "/api/v1/lines" {
            return answer(request, 200, json!({ "lines": [{ "id": LINE, "shards": 1 }] }));
        }
        if target == format!("/api/v1/conversations?line={LINE}&limit=200") {
            return match before {
                0 | 1 => answer(request, 200, conversations(&[conversation("automation", 1, 1_000)])),
                // After the break: what happened meanwhile.
                2 => answer(request, 200, conversations(&[conversation("automation", 3, 9_000)])),
                _ => answer(request, 401, problem(401, "The token is wrong.")),
            };
        }
        if target == format!("/api/v1/live?line={LINE}&shard=0") && before == 0 {
            let alert = json!({
                "id": "a", "line": LINE, "kind": "bot_down", "customer": null, "opened_at_ms": 6_000, "closed_at_ms": null,
                "told": true, "explanation": "Five attempts in a row failed.",
            });
            let changed =
                |token, at_ms| json!({ "type": "conversation", "conversation": conversation("human", token, at_ms) });
            let says = [
                changed(2, 5_000),
                // The same again is no news, and what is older than what is known neither.
                changed(2, 5_001),
                json!({ "type": "conversation", "conversation": conversation("automation", 1, 4_000) }),
                json!({ "type": "alert", "alert": alert }),
                json!({ "type": "gone", "conversation": "c9" }),
                json!({ "type": "unheard_of" }),
            ];
            return stream(request, asked, &says);
        }
        answer(request, 503, problem(503, "Not now."));
    })
}

/// The tool as it runs, and the lines of its two outputs.
fn start(gate: &StandIn, arguments: &[&str]) -> (Ending, Receiver<String>, Receiver<String>) {
    let folder = Folder::new();
    let mut child = interruptible(&command(&folder, &[&["tail", "--gate", &gate.url], arguments].concat()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    (Ending(child), lines(out), lines(err))
}

/// A process that ends with the test, also where that fails.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

fn all(receiver: &Receiver<String>) -> Vec<String> {
    core::iter::from_fn(|| receiver.recv_timeout(LIMIT).ok()).collect()
}

#[test]
fn each_change_is_one_line_also_the_one_that_happened_while_the_stream_was_broken() {
    let gate = gate();
    let (mut child, out, err) = start(&gate, &[]);
    let (out, err) = (all(&out), all(&err));
    assert_eq!(child.0.wait().unwrap().code(), Some(4), "a token that is refused will be refused for ever: {err:?}");
    let line = |time: &str, customer: &str, what: &str, why: &str| {
        format!("00:00:0{time}  {LINE:<16} {customer:<16} {what:<16} {why}")
    };
    assert_eq!(
        out,
        [
            line("5", CUSTOMER, "taken", "As somebody decided."),
            line("6", "", "alert: bot down", "Five attempts in a row failed."),
            out[2].clone(),
            line("9", CUSTOMER, "handed back", "As somebody decided."),
        ]
    );
    assert!(out[2].contains("c9") && out[2].contains("gone"), "{out:?}");
    let broken: Vec<&String> = err.iter().filter(|line| line.contains("broken")).collect();
    assert!(broken.len() >= 2 && broken[0].contains("in 1 s") && broken[1].contains("in 2 s"), "growing: {err:?}");
    let opened = gate.asked().into_iter().find(|asked| asked.target.contains("live")).unwrap();
    assert_eq!(opened.header("authorization"), Some(format!("Bearer {ADMIN_TOKEN}").as_str()));
}

#[test]
fn programs_get_one_document_a_line() {
    let gate = gate();
    let (mut child, out, _) = start(&gate, &["--json", "--line", LINE]);
    let out = all(&out);
    assert_eq!(child.0.wait().unwrap().code(), Some(4));
    let documents: Vec<Value> = out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first =
        json!({ "at_ms": 5_000, "line": LINE, "customer": CUSTOMER, "what": "taken", "why": "As somebody decided." });
    assert_eq!(documents[0], first);
    assert_eq!(documents.last().unwrap()["code"], 4, "the last says why it ended");
}

/// A shell sees 130 of what SIGINT has ended.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_as_shells_expect() {
    use std::os::unix::process::ExitStatusExt as _;
    let gate = StandIn::start_with(|request, asked, _| match asked.target.as_str() {
        "/api/v1/lines" => answer(request, 200, json!({ "lines": [{ "id": LINE, "shards": 1 }] })),
        _ => answer(request, 200, conversations(&[])),
    });
    let (mut child, _, err) = start(&gate, &[]);
    assert!(err.recv_timeout(LIMIT).unwrap().contains("Ctrl-C ends it"));
    let told = std::process::Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let ended = (0..LIMIT.as_millis() / LOOK_EVERY.as_millis()).find_map(|_| {
        thread::sleep(LOOK_EVERY);
        child.0.try_wait().unwrap()
    });
    let status = ended.expect("it ends");
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{status:?}");
}
