//! A stand-in for a gate: answers by method and path as it is told to, and writes down what it was asked.
//!
//! Invariant: a request that nobody planned is answered 599, which no command takes for an answer.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tiny_http::{Header, Request, Response, Server};

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `GET /path`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What is answered: a status and a document.
pub type Answer = (u16, Value);

/// A gate that answers as told. Its thread ends with the test program.
pub struct StandIn {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Answers each request as `answer` says, which is told how many came before with the same method and path.
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Self {
        Self::start_with(move |request, asked, before| {
            let (status, document) = answer(asked, before);
            let header = Header::from_bytes("content-type", "application/json").unwrap();
            let response = Response::new(status.into(), vec![header], Cursor::new(document.to_string()), None, None);
            // Whoever has gone needs no answer.
            let _ = request.respond(response);
        })
    }

    /// As [`Self::start`], with the request itself in hand.
    pub fn start_with(answer: impl Fn(Request, &Asked, usize) + Send + 'static) -> Self {
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr().to_ip().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&asked);
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                let is_stream = request.headers().iter().any(|header| header.field.equiv("upgrade"));
                // The body of a request for a stream is all that the other side will ever say.
                if !is_stream {
                    request.as_reader().read_to_string(&mut body).unwrap();
                }
                let headers = request.headers().iter();
                let one = Asked {
                    method: request.method().to_string(),
                    target: request.url().to_owned(),
                    headers: headers.map(|header| (header.field.to_string(), header.value.to_string())).collect(),
                    body,
                };
                let before = {
                    let mut book: std::sync::MutexGuard<'_, Vec<Asked>> = book.lock().unwrap();
                    let before = book.iter().filter(|other| other.line() == one.line()).count();
                    book.push(one.clone());
                    before
                };
                answer(request, &one, before);
            }
        });
        Self { url, asked }
    }

    /// Answers these requests, each always the same.
    pub fn with(table: &[(&str, u16, Value)]) -> Self {
        let table: Vec<(String, Answer)> =
            table.iter().map(|(line, status, document)| ((*line).to_owned(), (*status, document.clone()))).collect();
        Self::start(move |asked, _| {
            let found = table.iter().find(|(line, _)| *line == asked.line());
            found.map_or((599, Value::Null), |(_, answer)| answer.clone())
        })
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The methods and paths of it.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}
