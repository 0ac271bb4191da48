//! What the Worker and the office say to each other: one object for the whole deployment, which keeps what must be
//! exact across all isolates.
//!
//! A message is a JSON list: a word, and what belongs to it. Both sides are this code, but during a deployment one of them
//! may be the version before: what a message has more is passed over, and one that is not understood is an error.
//!
//! Why by hand: lists of texts and numbers need no derived reader and no writer of JSON trees, and the Worker has no room
//! for them.

use serde_json::Value;

use crate::access::attempts::Verdict;
use crate::json;
use crate::policy::version::{Change, Version};
use crate::time::{Millis, UnixMillis};

/// What the office is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Somebody tries a token.
    Attempt {
        /// The digest of the network that they try it from.
        address: String,
        /// Whether the token is right.
        is_right: bool,
    },
    /// Take back a version that could not be put in force.
    Undo(u32),
    /// These secrets are in use: name and digest of each.
    Used(Vec<(String, String)>),
    /// Show when each secret was used.
    Uses,
    /// Show a version, or the newest one.
    Version(Option<u32>),
    /// Show all versions.
    Versions,
    /// Make a document the newest version.
    Write {
        /// The version that was edited.
        base: Option<u32>,
        /// The document.
        document: String,
        /// What for.
        note: Option<String>,
    },
}

/// What the office answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// To [`Ask::Attempt`].
    Attempt(Verdict),
    /// To [`Ask::Write`]: somebody has written this version since.
    Newer(u32),
    /// To [`Ask::Uses`] and [`Ask::Versions`]: a JSON object, which is passed on unread.
    Shown(String),
    /// To [`Ask::Undo`] and [`Ask::Used`].
    Undone,
    /// To [`Ask::Version`] and [`Ask::Write`].
    Version(Option<Version>),
}

impl Ask {
    /// The message.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Attempt { address, is_right } => list("attempt", &[quoted(address), is_right.to_string()]),
            Self::Undo(version) => list("undo", &[version.to_string()]),
            Self::Used(uses) => {
                let parts: Vec<String> =
                    uses.iter().flat_map(|(name, digest)| [quoted(name), quoted(digest)]).collect();
                list("used", &parts)
            }
            Self::Uses => list("uses", &[]),
            Self::Version(number) => list("version", &[optional(*number)]),
            Self::Versions => list("versions", &[]),
            Self::Write { base, document, note } => {
                let note = note.as_deref().map_or_else(null, quoted);
                list("write", &[quoted(document), optional(*base), note])
            }
        }
    }

    /// Reads the message; `None` where it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let message = Message::read(text)?;
        Some(match message.word()? {
            "attempt" => Self::Attempt { address: message.text(1)?, is_right: message.0.get(2)?.as_bool()? },
            "undo" => Self::Undo(message.number(1)?),
            "used" => {
                let pairs = (1..message.0.len()).step_by(2).map(|at| Some((message.text(at)?, message.text(at + 1)?)));
                Self::Used(pairs.collect::<Option<_>>()?)
            }
            "uses" => Self::Uses,
            "version" => Self::Version(message.number(1)),
            "versions" => Self::Versions,
            "write" => Self::Write { base: message.number(2), document: message.text(1)?, note: message.text(3) },
            _ => return None,
        })
    }
}

impl Reply {
    /// The message.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Attempt(Verdict::Admitted) => list("admitted", &[]),
            Self::Attempt(Verdict::Blocked { retry_after }) => list("blocked", &[retry_after.as_millis().to_string()]),
            Self::Attempt(Verdict::Refused) => list("refused", &[]),
            Self::Newer(version) => list("newer", &[version.to_string()]),
            Self::Undone => list("undone", &[]),
            Self::Version(None) => list("none", &[]),
            Self::Version(Some(Version { at, document, number })) => {
                list("version", &[number.to_string(), at.as_millis().to_string(), quoted(&document)])
            }
            Self::Shown(shown) => shown,
        }
    }

    /// Reads the message; `None` where it is none.
    #[must_use]
    pub fn read(text: String) -> Option<Self> {
        if text.starts_with('{') {
            return Some(Self::Shown(text));
        }
        let message = Message::read(&text)?;
        let millis = |at: usize| message.0.get(at)?.as_u64();
        Some(match message.word()? {
            "admitted" => Self::Attempt(Verdict::Admitted),
            "blocked" => Self::Attempt(Verdict::Blocked { retry_after: Millis::new(millis(1)?) }),
            "refused" => Self::Attempt(Verdict::Refused),
            "newer" => Self::Newer(message.number(1)?),
            "undone" => Self::Undone,
            "none" => Self::Version(None),
            "version" => {
                let (at, document) = (UnixMillis::new(millis(2)?), message.text(3)?);
                Self::Version(Some(Version { at, document, number: message.number(1)? }))
            }
            _ => return None,
        })
    }
}

impl From<Change> for Reply {
    fn from(change: Change) -> Self {
        match change {
            Change::Newer(version) => Self::Newer(version),
            Change::Written(version) => Self::Version(Some(version)),
        }
    }
}

/// A list of what is JSON already.
fn list(word: &str, rest: &[String]) -> String {
    let mut list = format!("[\"{word}\"");
    for part in rest {
        list.push(',');
        list.push_str(part);
    }
    list.push(']');
    list
}

fn null() -> String {
    "null".to_owned()
}

fn optional(number: Option<u32>) -> String {
    number.map_or_else(null, |number| number.to_string())
}

fn quoted(text: &str) -> String {
    json::write(text).unwrap_or_default()
}

struct Message(Vec<Value>);

impl Message {
    fn read(text: &str) -> Option<Self> {
        if let Ok(Value::Array(parts)) = serde_json::from_str(text) { Some(Self(parts)) } else { None }
    }

    fn word(&self) -> Option<&str> {
        self.0.first()?.as_str()
    }

    fn text(&self, at: usize) -> Option<String> {
        self.0.get(at)?.as_str().map(str::to_owned)
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.0.get(at)?.as_u64()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_says_the_other_understands() {
        let document = r#"{"take_phrases": ["\"¡Asesor!\""]}"#.to_owned();
        for ask in [
            Ask::Attempt { address: "0a".to_owned(), is_right: true },
            Ask::Undo(7),
            Ask::Used(vec![("BOT_SECRET".to_owned(), "0a".to_owned()), ("GRAPH_KEY".to_owned(), "0b".to_owned())]),
            Ask::Uses,
            Ask::Version(Some(7)),
            Ask::Version(None),
            Ask::Versions,
            Ask::Write { base: Some(0), document: document.clone(), note: Some("so".to_owned()) },
            Ask::Write { base: None, document: document.clone(), note: None },
        ] {
            assert_eq!(Ask::read(&ask.text()), Some(ask));
        }
        for reply in [
            Reply::Attempt(Verdict::Admitted),
            Reply::Attempt(Verdict::Blocked { retry_after: Millis::new(299_999) }),
            Reply::Attempt(Verdict::Refused),
            Reply::Newer(7),
            Reply::Undone,
            Reply::Version(None),
            Reply::Version(Some(Version { at: UnixMillis::new(1_793_700_100_000), document, number: 7 })),
            Reply::Shown(r#"{"versions":[]}"#.to_owned()),
        ] {
            assert_eq!(Reply::read(reply.clone().text()), Some(reply));
        }
        for text in
            ["", "[]", "5", "[5]", "\"attempt\"", "[\"attempt\"]", "[\"write\",5]", "[\"erase\"]", "[\"used\",\"A\"]"]
        {
            assert_eq!((Ask::read(text), Reply::read(text.to_owned())), (None, None), "{text}");
        }
    }
}
