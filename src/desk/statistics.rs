//! Counts over time as the operator reads them, and as Prometheus does.
//!
//! Invariant: everything here is numbers and fixed words, so it is written as text without a detour: nothing in it could
//! need escaping.
//!
//! Not here: counting (`tallies`), storing (`store::desk`).

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::tallies::{Tallies, Timed};
use super::watch::Marks;
use crate::ids::LineId;
use crate::time::{Millis, UnixMillis};

/// How far back statistics go, and how finely.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Span {
    /// A day in hours.
    Day,
    /// An hour in minutes.
    Hour,
    /// A month in days.
    Month,
}

impl Span {
    /// Length of a bucket.
    #[must_use]
    pub const fn bucket(self) -> Millis {
        match self {
            Self::Day => Millis::from_seconds(3_600),
            Self::Hour => Millis::from_seconds(60),
            Self::Month => Millis::from_seconds(86_400),
        }
    }

    /// How many buckets there are.
    const fn buckets(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Hour => 60,
            Self::Month => 30,
        }
    }

    /// Where the bucket of a time begins.
    #[must_use]
    pub const fn bucket_of(self, at: UnixMillis) -> UnixMillis {
        let bucket = self.bucket().as_millis();
        UnixMillis::new(at.as_millis() / bucket * bucket)
    }

    /// Where the first bucket begins, so that the last is the present one.
    #[must_use]
    pub const fn begin(self, now: UnixMillis) -> UnixMillis {
        self.bucket_of(now).before(Millis::new(self.bucket().as_millis() * (self.buckets() - 1)))
    }
}

/// What one part of a desk has counted.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Counts {
    /// By the minute or hour in which each bucket begins, in milliseconds, in any order.
    pub buckets: Vec<(u64, Tallies)>,
    /// The last signs of life.
    pub marks: Marks,
}

/// What a line has counted since its desk began.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Totals {
    /// Everything that was ever counted.
    pub tallies: Tallies,
    /// The last signs of life.
    pub marks: Marks,
    /// Customers who wait, conversations that a person holds, conversations with dead letters.
    pub standing: [u64; 3],
}

impl Totals {
    /// Adds what another part of the desk has counted.
    pub fn add(&mut self, other: &Self) {
        self.tallies.add(&other.tallies);
        self.marks.join(&other.marks);
        for (sum, count) in self.standing.iter_mut().zip(other.standing) {
            *sum = sum.saturating_add(count);
        }
    }
}

/// The statistics of a line as JSON, from what the parts of its desk have counted.
#[must_use]
pub fn json(line: &LineId, span: Span, parts: &[Counts], now: UnixMillis) -> String {
    let mut buckets: Vec<(u64, Tallies)> = Vec::new();
    let (begin, mut marks, mut totals) = (span.begin(now), Marks::default(), Tallies::default());
    for number in 0..span.buckets() {
        buckets.push((begin.as_millis() + number * span.bucket().as_millis(), Tallies::default()));
    }
    for part in parts {
        marks.join(&part.marks);
        for (at, tallies) in &part.buckets {
            let at = span.bucket_of(UnixMillis::new(*at)).as_millis();
            if let Some((_, bucket)) = buckets.iter_mut().find(|(begin, _)| *begin == at) {
                bucket.add(tallies);
                totals.add(tallies);
            }
        }
    }
    let mut out = format!(
        "{{\"line\":\"{}\",\"from_ms\":{},\"to_ms\":{},\"bucket_ms\":{},\"buckets\":[",
        line.as_str(),
        begin.as_millis(),
        now.as_millis(),
        span.bucket().as_millis()
    );
    for (number, (at, tallies)) in buckets.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing into a String cannot fail, here and below.
        let _ = write!(out, "{comma}{{\"at_ms\":{at},{}}}", counts(tallies));
    }
    let _ = write!(out, "],\"totals\":{{{}}}", counts(&totals));
    for (name, what) in
        [("time_to_bot_ms", Timed::TimeToBot), ("echo_delay_ms", Timed::EchoDelay), ("late_ms", Timed::Late)]
    {
        let quantile = |percent| number(totals.quantile_ms(what, percent));
        let _ = write!(
            out,
            ",\"{name}\":{{\"count\":{},\"p50\":{},\"p95\":{}}}",
            totals.timed(what),
            quantile(50),
            quantile(95)
        );
    }
    let _ = write!(out, ",\"bot\":{},\"watchdog\":{}}}", bot(&marks), watchdog(&marks, now));
    out
}

/// `"messages":1,…`
fn counts(tallies: &Tallies) -> String {
    let mut out = String::new();
    for (name, count) in tallies.counts() {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}\"{name}\":{count}");
    }
    out
}

fn bot(marks: &Marks) -> String {
    // A name of `outbox::Reason`: small letters, digits and _.
    let how = if marks.how.is_empty() { "null".to_owned() } else { format!("\"{}\"", marks.how) };
    format!(
        "{{\"is_down\":{},\"last_success_at_ms\":{},\"last_failure_at_ms\":{},\"last_failure\":{how},\"failures_in_a_row\":{}}}",
        marks.is_bot_down(),
        at(marks.success),
        at(marks.failure),
        marks.failures
    )
}

fn watchdog(marks: &Marks, now: UnixMillis) -> String {
    let deafness = marks.deafness(now);
    let reason = deafness.map_or_else(|| "null".to_owned(), |reason| format!("\"{}\"", reason.name()));
    let explanation = match deafness {
        Some(reason) => reason.explain(),
        None if marks.echo.is_none() => "No message from the phone has reached the gate yet.",
        None => "The gate hears the phone.",
    };
    format!(
        "{{\"last_message_at_ms\":{},\"last_echo_at_ms\":{},\"messages_since_echo\":{},\"is_deaf\":{},\"reason\":{reason},\
         \"phone_idle_at_ms\":{},\"explanation\":\"{explanation}\"}}",
        at(marks.message),
        at(marks.echo),
        marks.unheard,
        deafness.is_some(),
        at(marks.phone_idle_at()),
    )
}

fn at(at: Option<UnixMillis>) -> String {
    number(at.map(UnixMillis::as_millis))
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| number.to_string())
}

/// The metrics of all lines in Prometheus' text format (Prometheus, "Exposition formats", 0.0.4).
#[must_use]
pub fn metrics(lines: &[(LineId, Totals)], now: UnixMillis) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Totals) -> String| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (line, totals) in lines {
            let _ = writeln!(out, "{name}{{line=\"{}\"}} {}", line.as_str(), value(totals));
        }
    };
    for (position, name) in super::tallies::COUNTED.iter().enumerate() {
        let value = |totals: &Totals| totals.tallies.counts().nth(position).map_or(0, |(_, count)| count).to_string();
        family(&format!("baton_{name}_total"), "counter", HELP.get(position).copied().unwrap_or_default(), &value);
    }
    let seconds = |at: Option<UnixMillis>| at.map_or(0, UnixMillis::as_seconds).to_string();
    for (position, (name, help)) in STANDING.iter().enumerate() {
        family(name, "gauge", help, &|totals| totals.standing.get(position).copied().unwrap_or(0).to_string());
    }
    family("baton_bot_down", "gauge", "1 while the bot's last attempts failed", &|totals| {
        u8::from(totals.marks.is_bot_down()).to_string()
    });
    family("baton_gate_deaf", "gauge", "1 while the gate seems not to hear the phone", &|totals| {
        u8::from(totals.marks.deafness(now).is_some()).to_string()
    });
    family("baton_last_message_timestamp_seconds", "gauge", "When a customer last wrote", &|totals| {
        seconds(totals.marks.message)
    });
    family("baton_last_echo_timestamp_seconds", "gauge", "When something from the phone last came", &|totals| {
        seconds(totals.marks.echo)
    });
    for (name, what, help) in [
        ("baton_time_to_bot_seconds", Timed::TimeToBot, "From the arrival of a message until the bot had taken it"),
        ("baton_echo_delay_seconds", Timed::EchoDelay, "From a person's words until the gate knew of them"),
        ("baton_late_seconds", Timed::Late, "From the takeover until the bot's late message"),
        ("baton_reply_gap_seconds", Timed::ReplyGap, "From a person's message until the next one of theirs"),
        ("baton_first_answer_seconds", Timed::FirstAnswer, "From a customer's message until a person's first answer"),
    ] {
        histogram(&mut out, name, help, what, lines);
    }
    out
}

/// One help text for each of [`super::tallies::COUNTED`].
const HELP: [&str; 14] = [
    "Messages of customers",
    "Messages from the phone",
    "Events that the bot took",
    "Messages that the bot was not shown",
    "Attempts that failed and are repeated",
    "Messages that were given up on",
    "Messages of the bot's that were let through",
    "Times that a person took the baton",
    "Times that the bot got it back",
    "Late messages of the bot's that were refused",
    "Late messages of the bot's that were dropped",
    "Late messages of the bot's that reached a customer",
    "Messages that passed to the bot only because the policy observed",
    "Late messages of the bot's that passed only because the policy observed",
];

const STANDING: [(&str, &str); 3] = [
    ("baton_customers_waiting", "Customers who wait for a person"),
    ("baton_conversations_held", "Conversations that a person holds"),
    ("baton_conversations_with_dead_letters", "Conversations with dead letters"),
];

fn histogram(out: &mut String, name: &str, help: &str, what: Timed, lines: &[(LineId, Totals)]) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
    for (line, Totals { tallies, .. }) in lines {
        let (line, mut sum_ms) = (line.as_str(), 0);
        for (end, below, middle_ms) in tallies.cumulative(what) {
            sum_ms = middle_ms;
            let end = end.map_or_else(|| "+Inf".to_owned(), |end| format!("{}.{:03}", end / 1_000, end % 1_000));
            let _ = writeln!(out, "{name}_bucket{{line=\"{line}\",le=\"{end}\"}} {below}");
        }
        let _ = writeln!(out, "{name}_sum{{line=\"{line}\"}} {}.{:03}", sum_ms / 1_000, sum_ms % 1_000);
        let _ = writeln!(out, "{name}_count{{line=\"{line}\"}} {}", tallies.timed(what));
    }
}
