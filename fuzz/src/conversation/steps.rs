//! What the bytes mean: four for the policy, then four for each step.
//!
//! Invariant: every sequence of bytes is a sequence of steps, and a step has the same length whatever it is. So a
//! byte that the fuzzer changes changes one step, four that it moves move one, and a seed can be written by hand.

use std::sync::LazyLock;

use baton::conversation::Incoming;
use baton::ids::{BotName, EventId};
use baton::outbox::Tried;
use baton::outbox::outcome::{Loss, Outcome};
use baton::policy::fence::{AlwaysSend, FenceMode, FencePolicy};
use baton::policy::{Broadcast, Burst, BurstMode, OnHandback, Policy};
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;
use baton::webhook::facts::{Amendment, Facts};

use super::{span, tried};
use crate::Seed;

/// Bytes of a step.
const STEP: usize = 4;

/// Most steps of one run. At 255 days each they end before the year 2248, where a row's numbers do.
const STEPS_MAX: usize = 200;

/// Different messages, echoes and receipts: few, so that they meet.
const IDS: u8 = 8;

/// The mark on what always passes.
pub(super) const MARK: &str = "order:";

/// What people say: to anybody, to the rules, to the phrases, to the app.
const WORDS: [&str; 8] = ["hello", "agent", "orders 7", "keep this", "hush now", "slowly", "bot please", "Welcome"];

/// A policy in which each of the [`WORDS`] means something.
const MEANING: &str = r#"{
    "take_phrases": ["agent"], "handback_phrases": ["bot please"], "automation_texts": ["Welcome"],
    "rules": [
        {"name": "orders", "when": {"text": {"prefix": "orders"}}, "then": "bot", "bot": "orders"},
        {"name": "keep", "when": {"text": {"prefix": "keep"}}, "then": "human"},
        {"name": "hush", "when": {"text": {"prefix": "hush"}}, "then": "ignore"},
        {"name": "slow", "when": {"text": {"prefix": "slowly"}}, "then": "human_first", "human_first_seconds": 60},
        {"name": "marked", "when": {"contact": "vip"}, "then": "human"}
    ]
}"#;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The same delivery once more.
    Again,
    /// The alarm rings, when it is set for.
    Alarm,
    /// An echo was a broadcast.
    Broadcast { echo: u8 },
    /// The gate is stopped: no outcome of what is under way will come.
    Crash,
    /// The clock jumps back.
    Earlier { by: Millis },
    /// An event arrives; with `more`, in one delivery with the next.
    Event { event: Happening, more: bool },
    /// An outcome of one of the attempts under way arrives, of another attempt at the same entry, or twice.
    Finish { which: u8, off: i8, again: bool, outcome: Outcome },
    /// Time passes.
    Later { by: Millis },
    /// The bot asks whether it may send a message.
    Post { says: u8, answers: u8, token: u8 },
    /// Meta reports a message as sent.
    Report { message: u8, age: Millis },
    /// An operator sends the dead letters again.
    Replay,
    /// A message of the bot's has come to its end.
    Settle { which: u8, end: u8 },
    /// The alarm rings now.
    Wake,
}

/// An event of a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening {
    kind: Kind,
    id: u8,
    about: u8,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Contact,
    Echo,
    EchoRevoked,
    Edit,
    Ghost,
    Identity,
    Message,
    Receipt,
    Revoke,
    StaleMessage,
    Unknown,
}

/// Reads the bytes.
pub(super) fn read(bytes: &[u8]) -> (Policy, impl Iterator<Item = Step>) {
    let mut parts = bytes.chunks(STEP).map(|part| {
        let at = |at| part.get(at).copied().unwrap_or_default();
        [at(0), at(1), at(2), at(3)]
    });
    let policy = policy(parts.next().unwrap_or_default());
    (policy, parts.take(STEPS_MAX).map(step))
}

fn policy([times, choices, gathering, schedule]: [u8; STEP]) -> Policy {
    // Reading the document takes longer than most runs.
    static MEANS: LazyLock<Policy> = LazyLock::new(|| {
        let bots: Vec<BotName> = BotName::parse("orders").into_iter().collect();
        Policy::parse(MEANING, &bots).expect("the words mean something")
    });
    let pick = |from: &[u64], byte: u8| Millis::from_seconds(from[usize::from(byte) % from.len()]);
    let lease = pick(&[1, 60, 1_800, 43_200], times);
    Policy {
        lease,
        max_hold: lease.times(u64::from(times >> 2) % 4 + 1),
        hand_back_after: pick(&[2, 120, 1_800, 86_400], times >> 4),
        warn_after: pick(&[1, 60, 600, 1], times >> 4),
        on_handback: match choices % 3 {
            0 => OnHandback::Unanswered,
            1 => OnHandback::All,
            _ => OnHandback::None,
        },
        revoke_undoes: choices & 4 == 0,
        share_human_text: choices & 8 != 0,
        broadcast: (choices & 16 == 0).then_some(Broadcast { recipients: 2, window: Millis::from_seconds(60) }),
        stale_after: (choices & 32 == 0).then_some(Millis::from_seconds(1_800)),
        burst: Burst {
            mode: if gathering & 1 == 0 { BurstMode::Separate } else { BurstMode::MergeText },
            wait: pick(&[0, 5, 60], gathering >> 1),
        },
        human_first: pick(&[0, 0, 30, 600], gathering >> 4),
        fence: FencePolicy {
            mode: match choices >> 6 {
                0 | 3 => FenceMode::Refuse,
                1 => FenceMode::AcceptAndDrop,
                _ => FenceMode::Observe,
            },
            always: AlwaysSend { callback_prefixes: vec![MARK.to_owned()], ..AlwaysSend::default() },
            duplicate_send: pick(&[60, 0, 3_600, 60], gathering >> 6),
            ..FencePolicy::default()
        },
        retry_schedule: match schedule % 4 {
            0 => Policy::default().retry_schedule,
            1 => vec![Millis::default()],
            2 => [0, 5, 300].map(Millis::from_seconds).into(),
            _ => [7, 0].map(Millis::from_seconds).into(),
        },
        keep_bodies: Millis::from_seconds(86_400 * (u64::from(schedule >> 2) % 8 + 4)),
        ..MEANS.clone()
    }
}

fn step([what, first, second, third]: [u8; STEP]) -> Step {
    let kind = match what % 28 {
        0 | 1 => Kind::Message,
        2 | 3 => Kind::Echo,
        4 => Kind::Receipt,
        5 => Kind::Edit,
        6 => Kind::Revoke,
        7 => Kind::EchoRevoked,
        8 => Kind::Ghost,
        9 => Kind::Identity,
        10 => Kind::Contact,
        11 => Kind::StaleMessage,
        12 => Kind::Unknown,
        13 | 14 => {
            let off = match third % 8 {
                0 => 1,
                1 => -1,
                _ => 0,
            };
            return Step::Finish { which: first, off, again: third & 8 != 0, outcome: outcome(second) };
        }
        15 | 16 => return Step::Alarm,
        17 | 18 => return Step::Later { by: span(first, second) },
        19 => return Step::Earlier { by: span(first, second) },
        20 => return Step::Broadcast { echo: first },
        21 => return Step::Replay,
        24 | 25 => return Step::Post { says: first, answers: second, token: third },
        26 => return Step::Settle { which: first, end: second },
        27 => return Step::Report { message: first, age: span(second, third) },
        22 => return if first % 2 == 0 { Step::Wake } else { Step::Crash },
        _ => return Step::Again,
    };
    Step::Event { event: Happening { kind, id: first, about: second }, more: third % 3 == 1 }
}

fn outcome(byte: u8) -> Outcome {
    match byte % 10 {
        0 | 1 => Outcome::Accepted,
        2 => Outcome::Rejected { status: 410 },
        3 => Outcome::Retryable { status: 500 },
        4 => Outcome::Throttled { status: 429, retry_after: None },
        5 => Outcome::Throttled { status: 503, retry_after: Some(Millis::new(u64::MAX)) },
        6 => Outcome::Unknown(Loss::Connection),
        7 => Outcome::Unknown(Loss::Interruption),
        8 => Outcome::Unknown(Loss::Timeout),
        _ => Outcome::Unsendable,
    }
}

fn id(list: &str, number: u8) -> EventId {
    EventId::named(&format!("{list}{}", number % IDS))
}

/// The id of a customer's message.
pub(super) fn message_id(number: u8) -> EventId {
    id("message", number)
}

/// The id of a message of the bot's; some of them are the ids of echoes.
pub(super) fn sent_id(number: u8) -> EventId {
    if number & 0x80 == 0 { id("sent", number) } else { echo_id(number) }
}

/// The id of an echo. There are more of them than fit into the conversation's row.
pub(super) fn echo_id(number: u8) -> EventId {
    EventId::named(&format!("echo{}", number % (4 * IDS)))
}

impl Happening {
    /// The event as it arrives at this time.
    pub(super) fn incoming(self, now: UnixMillis) -> Incoming {
        let Self { kind, id: number, about } = self;
        let word = WORDS[usize::from(about) % WORDS.len()];
        let said = |kind: &str| Facts { kind: kind.to_owned(), text: Some(word.to_owned()), ..Facts::default() };
        let amends = |kind: &str, amends| Facts { kind: kind.to_owned(), amends: Some(amends), ..Facts::default() };
        let (class, id, facts) = match kind {
            Kind::Contact => {
                let name = [None, Some("vip".to_owned()), Some("nobody".to_owned())];
                let contact = name[usize::from(about) % name.len()].clone();
                (Class::Contact, id("contact", number), Facts { contact, kind: "add".to_owned(), ..Facts::default() })
            }
            Kind::Echo => (Class::Echo, echo_id(number), Facts { content: Some(word.to_owned()), ..said("text") }),
            Kind::EchoRevoked => {
                (Class::EchoNote, id("note", number), amends("revoke", Amendment::Revoke(echo_id(about))))
            }
            Kind::Edit => (Class::Turn, id("message", number), amends("edit", Amendment::Edit(id("message", about)))),
            Kind::Revoke => {
                (Class::Turn, id("message", number), amends("revoke", Amendment::Revoke(id("message", about))))
            }
            Kind::Ghost => (Class::Ghost, id("message", number), said("unsupported")),
            Kind::Identity => (Class::Identity, id("identity", number), said("system")),
            Kind::Message | Kind::StaleMessage => {
                let kind = if about & 0x80 == 0 { "text" } else { "image" };
                (Class::Turn, id("message", number), Facts { referral: about & 0x40 != 0, ..said(kind) })
            }
            Kind::Receipt => (Class::Receipt, id("receipt", number), Facts::default()),
            Kind::Unknown => (Class::Unknown, id("unknown", number), Facts::default()),
        };
        let age = if matches!(kind, Kind::StaleMessage) { span(4, about) } else { Millis::default() };
        let tried: Option<Tried> = if class == Class::Receipt { tried(about) } else { None };
        Incoming { id, class, sent_at: Some(now.before(age)), tried, facts }
    }
}

/// The stories that everything else is a variation of.
pub(super) fn seeds() -> Vec<Seed> {
    const POLICY: [u8; STEP] = [0b01_00_01, 0, 0, 2];
    const GATHERING: [u8; STEP] = [0b01_00_01, 1, 0b11, 2];
    const SAY: u8 = 0;
    const ECHO: u8 = 2;
    const RECEIPT: u8 = 4;
    const EDIT: u8 = 5;
    const REVOKE: u8 = 6;
    const NOTE: u8 = 7;
    const GHOST: u8 = 8;
    const FINISH: u8 = 13;
    const ALARM: u8 = 15;
    const LATER: u8 = 17;
    const EARLIER: u8 = 19;
    const BROADCAST: u8 = 20;
    const REPLAY: u8 = 21;
    const POST: u8 = 24;
    const SETTLE: u8 = 26;
    const REPORT: u8 = 27;
    const CRASH: [u8; STEP] = [22, 1, 0, 0];
    const AGAIN: [u8; STEP] = [23, 0, 0, 0];
    const ACCEPTED: u8 = 0;
    const GONE: u8 = 2;
    const FAILED: u8 = 3;
    const LOST: u8 = 8;
    let say = |id| [SAY, id, 0, 0];
    let echo = |id| [ECHO, id, 0, 0];
    let ends = |outcome| [FINISH, 0, outcome, 2];
    let alarm = [ALARM, 0, 0, 0];
    let minutes = |count| [LATER, 2, count, 0];
    let post = |says| [POST, says, 0xff, 0xff];
    let settle = |end| [SETTLE, 0, end, 0];
    let report = |message| [REPORT, message, 0, 0];
    let stories: [(&str, Vec<[u8; STEP]>); 16] = [
        ("sent", vec![POLICY, say(0), post(0), settle(0), post(0), say(1), post(0), settle(1), post(0)]),
        ("refused", vec![POLICY, say(0), echo(0), post(0), post(0x80), settle(0), alarm, [POST, 0, 0, 0]]),
        ("leaked", vec![POLICY, echo(0), report(0), report(0x81), echo(1), minutes(9), report(1)]),
        ("lost", vec![POLICY, post(0), settle(2), echo(0), minutes(2), report(0), post(0), settle(0)]),
        ("delivered", vec![POLICY, say(0), ends(ACCEPTED), AGAIN, say(1), ends(ACCEPTED)]),
        ("retried", vec![POLICY, say(0), ends(FAILED), say(1), alarm, ends(LOST), alarm, ends(ACCEPTED)]),
        ("crashed", vec![POLICY, say(0), CRASH, alarm, alarm, ends(ACCEPTED)]),
        ("taken_over", vec![POLICY, say(0), echo(0), ends(FAILED), say(1), minutes(5), alarm, ends(ACCEPTED)]),
        ("asked_for", vec![POLICY, [SAY, 0, 1, 0], say(1), alarm, alarm, alarm]),
        ("undone", vec![POLICY, say(0), echo(0), [NOTE, 0, 0, 0], echo(1), [BROADCAST, 1, 0, 0]]),
        ("amended", vec![POLICY, echo(0), say(0), [EDIT, 1, 0, 0], [REVOKE, 2, 0, 0], minutes(9), alarm]),
        ("gathered", vec![GATHERING, [SAY, 0, 0, 1], say(1), [LATER, 1, 3, 0], say(2), alarm, ends(ACCEPTED)]),
        ("announced", vec![POLICY, [GHOST, 0, 0, 0], say(0), [GHOST, 1, 0, 0], alarm, ends(ACCEPTED)]),
        ("receipts", vec![POLICY, [RECEIPT, 0, 0, 1], [RECEIPT, 1, 2, 1], [RECEIPT, 2, 3, 0], alarm, ends(GONE)]),
        ("dead_and_sent_again", vec![POLICY, say(0), ends(GONE), [REPLAY, 0, 0, 0], ends(ACCEPTED)]),
        ("back_in_time", vec![POLICY, echo(0), [EARLIER, 3, 9, 0], say(0), echo(1), alarm, alarm]),
    ];
    stories.map(|(name, story)| Seed { name: name.to_owned(), bytes: story.concat() }).into()
}
