//! No object becomes hot: the objects that traffic goes to, by the gate's own names, second by second.
//!
//! Who calls whom is written down here as `src/edge/` has it, and each event is held to what `cli/counts.rs` says that it
//! counts; the names are the gate's (`ids::ObjectName`, `desk::ask`). Three demands are driven (`docs/capacity.md`), with
//! lines and customers of which few have most, twice as much in every fifth second, and receipts that are late.
//!
//! Not here: how fast an object is (`npm run bench`).

use std::collections::HashMap;

use baton::desk::ask;
use baton::ids::{Customer, LineId, ObjectName};
use baton::limits::SWEEP_EVERY;
use baton::store::Sql;
use baton::store::desk::{self as tables, intake};
use baton::time::UnixMillis;

use crate::common::book::page_at;
use crate::counts::{self, DESK_DAY, DESK_HOUR, readable};
use crate::demand::{DESK_BYTES, Demand, LINE_TAKES, OBJECT_TAKES};
use crate::reference::is_as_made;
use crate::sqlite::Sqlite;

/// What no object is asked more than, a second: a tenth of what one takes.
const COOL: u32 = 100;

/// Customers of a line.
const CUSTOMERS: u64 = 1_000;

const ONE_LINE: Demand = Demand {
    lines: 1,
    per_second: 20,
    busiest: 20,
    echoes: 2,
    per_day: 20 * 86_400,
    customers: 100_000,
    bot_ms: 350,
    late_receipts: false,
    past_the_gate: false,
    shards: 1,
};
const AGENCY: Demand = Demand { lines: 1_000, per_second: 50, echoes: 5, per_day: 500_000, ..ONE_LINE };
const MILLION: Demand =
    Demand { lines: 1_000_000, per_second: 10_000, echoes: 1_000, per_day: 100_000_000, ..ONE_LINE };
const MILLION_PAST: Demand = Demand { past_the_gate: true, ..MILLION };

/// Numbers that look as if they came by chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// One of so many, the n-th of them about 1/n as often as the first.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn one_of(&mut self, all: u64) -> u64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((share * (all as f64 + 1.0).ln()).exp() as u64 - 1).min(all - 1)
    }
}

/// What each object is asked in a second, and the most that one of each kind was.
#[derive(Default)]
struct Asked {
    now: HashMap<ObjectName, u32>,
    most: HashMap<String, u32>,
}

impl Asked {
    fn ask(&mut self, name: &ObjectName) {
        *self.now.entry(name.clone()).or_default() += 1;
    }

    /// The second is over.
    fn end(&mut self) {
        for (name, count) in self.now.drain() {
            let kind = name.as_str().split('/').next().unwrap().to_owned();
            let most = self.most.entry(kind).or_default();
            *most = count.max(*most);
        }
    }

    fn total(&self) -> u64 {
        self.now.values().map(|count| u64::from(*count)).sum()
    }

    fn most(&self, kind: &str) -> u32 {
        self.most.get(kind).copied().unwrap_or_default()
    }
}

/// A conversation, and where what it does is told.
struct Talk {
    conversation: ObjectName,
    desk: ObjectName,
    broadcasts: ObjectName,
}

impl Talk {
    fn of(line: u64, customer: u64, shards: u64) -> Self {
        let line = LineId::parse(&(100_000_000_000_000 + line).to_string()).unwrap();
        let customer = Customer::parse(&format!("DE.{customer}")).unwrap();
        let conversation = ObjectName::conversation(&line, &customer);
        let part = ask::shard_of(&conversation.public_id(), u32::try_from(shards).unwrap());
        Self { desk: ask::desk(&line, part), broadcasts: ObjectName::broadcasts(&line), conversation }
    }

    /// `webhook` has it accepted, the alarm after it rings, and the desk is told once the bot has it.
    fn message(&self, asked: &mut Asked) {
        asked.ask(&self.conversation);
        asked.ask(&self.conversation);
        asked.ask(&self.desk);
    }

    /// `send` asks whether it may go out and tells what became of it; past the gate, its `sent` is told.
    fn answer(&self, asked: &mut Asked, past_the_gate: bool) {
        asked.ask(&self.conversation);
        if !past_the_gate {
            asked.ask(&self.conversation);
            asked.ask(&self.desk);
        }
    }

    /// `receipts` has it stored, and tells how the attempt has ended.
    fn late_receipt(&self, asked: &mut Asked) {
        asked.ask(&self.conversation);
        asked.ask(&self.conversation);
    }

    /// Accepted, counted over the line's customers, and reported.
    fn echo(&self, asked: &mut Asked) {
        asked.ask(&self.conversation);
        asked.ask(&self.broadcasts);
        asked.ask(&self.desk);
    }
}

/// Seconds of this demand, all of whose receipts are late.
fn drive(demand: Demand, seconds: u64, most_of_a_line: u64) -> Asked {
    let (mut asked, mut chance) = (Asked::default(), Chance(0x9E37_79B9_7F4A_7C15));
    for second in 0..seconds {
        let burst = if second % 5 == 4 { 2 } else { 1 };
        let (mut messages, mut echoes) = (HashMap::new(), HashMap::new());
        let mut talk = |of_line: &mut HashMap<u64, u64>| loop {
            let line = chance.one_of(demand.lines);
            let count = of_line.entry(line).or_default();
            *count += 1;
            // What Meta lets a line have.
            if *count <= most_of_a_line {
                return Talk::of(line, chance.one_of(CUSTOMERS), demand.shards);
            }
        };
        let most = demand.lines * most_of_a_line;
        for _ in 0..(demand.per_second * burst).min(most) {
            let talk = talk(&mut messages);
            talk.message(&mut asked);
            talk.answer(&mut asked, demand.past_the_gate);
            for _ in 0..counts::RECEIPTS {
                talk.late_receipt(&mut asked);
            }
        }
        for _ in 0..(demand.echoes * burst).min(most) {
            talk(&mut echoes).echo(&mut asked);
        }
        asked.end();
    }
    asked
}

#[test]
fn each_event_asks_as_many_objects_as_it_costs() {
    let talk = Talk::of(1, 1, 1);
    let total = |work: &dyn Fn(&mut Asked)| {
        let mut asked = Asked::default();
        work(&mut asked);
        asked.total()
    };
    for (event, total) in [
        (counts::MESSAGE, total(&|asked| talk.message(asked))),
        (counts::SEND, total(&|asked| talk.answer(asked, false))),
        (counts::UNKNOWN_SENT, total(&|asked| talk.answer(asked, true))),
        (counts::LATE_RECEIPT, total(&|asked| talk.late_receipt(asked))),
        (counts::ECHO, total(&|asked| talk.echo(asked))),
    ] {
        assert_eq!(total, event.object + event.desk + event.alarms, "{}", event.event);
    }
}

#[test]
fn no_object_of_a_line_becomes_hot_however_many_lines_there_are() {
    for (demand, seconds) in [(ONE_LINE, 300), (AGENCY, 300), (MILLION_PAST, 5)] {
        let asked = drive(demand, seconds, LINE_TAKES);
        for kind in ["customer", "desk", "broadcasts"] {
            let most = asked.most(kind);
            assert!((1..=COOL).contains(&most), "{demand:?}: {kind} {most}");
        }
    }
}

/// A line that Meta has let have a thousand messages a second is none in Coexistence; its desk is what `DESK_SHARDS` is for.
#[test]
fn parts_of_a_desk_share_what_is_told_to_it() {
    let busy = Demand { per_second: 1_000, busiest: 1_000, echoes: 0, ..ONE_LINE };
    let whole = drive(busy, 2, 1_000).most("desk");
    let parts = drive(Demand { shards: 16, ..busy }, 2, 1_000).most("desk");
    assert_eq!(whole, 2_000, "twice what an object takes");
    // The customer who has most of it is in one of the parts.
    assert!(parts < whole / 4, "{parts} of {whole}");
    let reckoned = Demand { shards: 16, ..busy }.kinds()[1].rate;
    assert_eq!(reckoned, 2_000 * 1_000 / 16);
}

/// What the one directory hears in a second, where each part of a desk looks once an hour.
fn registered(lines: u64, hours: u64, moment_of: impl Fn(u64) -> u64) -> u32 {
    let mut by_second = vec![0_u32; usize::try_from((hours + 1) * 3_600).unwrap()];
    for line in 0..lines {
        let part = ask::desk(&LineId::parse(&(100_000_000_000_000 + line).to_string()).unwrap(), 0);
        for hour in 0..hours {
            let second = hour * SWEEP_EVERY.as_millis() / 1_000 + moment_of(line);
            if ask::registers_again(&part, UnixMillis::from_seconds(second)) {
                by_second[usize::try_from(second).unwrap()] += 1;
            }
        }
    }
    by_second.into_iter().max().unwrap()
}

/// A quarter of a million lines stand for a million, and a quarter of what an object takes for all of it.
#[test]
fn the_directory_stays_cool_with_a_million_lines_and_bears_that_all_alarms_ring_within_a_minute() {
    let lines = MILLION.lines / 4;
    let spread = registered(lines, 1, |line| line * 7_919 % 3_600);
    assert!((1..=COOL / 4).contains(&spread), "{spread}");
    // After an outage the platform rings what it owes.
    let herd = registered(lines, 1, |line| line % 60);
    assert!((COOL / 4..1_000 / 4).contains(&herd), "{herd}");
}

/// A day's registration writes nothing, and an hour's look sets one alarm: what `counts` says of idle desks.
#[test]
fn registering_again_writes_no_row() {
    let sql = Sqlite::default();
    let rows = || sql.query("SELECT total_changes()", vec![]).unwrap()[0][0].clone();
    tables::register(&sql, "1").unwrap();
    let before = rows();
    tables::register(&sql, "1").unwrap();
    assert_eq!(rows(), before);
    assert_eq!((DESK_DAY.desk, DESK_DAY.desk_rows, DESK_HOUR.desk, DESK_HOUR.desk_rows), (1, 0, 1, 1));
}

/// Isolates tell the office once an hour which secrets they use, each from when it has begun.
#[test]
fn the_office_hears_of_each_isolate_once_an_hour() {
    for demand in [ONE_LINE, AGENCY, MILLION, MILLION_PAST] {
        let [.., office] = demand.kinds();
        assert!(office.rate < OBJECT_TAKES / 100, "{demand:?}: {office:?}");
    }
    let mut chance = Chance(7);
    let mut by_second = [0_u32; 3_600];
    for _ in 0..MILLION_PAST.isolates() {
        by_second[usize::try_from(chance.next() % 3_600).unwrap()] += 1;
    }
    assert!(by_second.iter().all(|count| *count <= COOL));
}

/// Bytes of a conversation's row at a desk, indexes and all.
#[test]
fn a_conversation_takes_at_a_desk_what_is_reckoned() {
    let sql = Sqlite::default();
    let pages = || match sql.query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", vec![]) {
        Ok(rows) => format!("{:?}", rows[0][0]).chars().filter(char::is_ascii_digit).collect::<String>(),
        Err(error) => panic!("{error}"),
    };
    for customer in 0..5_000 {
        let report = crate::desk::at_length(customer);
        intake::reports(&sql, "300000000000001", &[report], true, UnixMillis::from_seconds(1_795_392_000)).unwrap();
    }
    let each = pages().parse::<u64>().unwrap() / 5_000;
    println!("{each} bytes of a desk for a conversation");
    assert!((DESK_BYTES / 4..=DESK_BYTES).contains(&each), "{each}");
}

#[test]
fn walls_are_met_in_this_order() {
    let first = |demand: Demand| demand.walls().swap_remove(0);
    assert_eq!((first(ONE_LINE).name, first(ONE_LINE).share()), ("bytes of the busiest line's desk", 50));
    assert_eq!((first(AGENCY).name, first(AGENCY).share()), ("lines that one deployment's LINES names", 10_000));
    assert_eq!((AGENCY.deployments(), MILLION.deployments(), MILLION_PAST.deployments()), (10, 10_000, 1));
    assert_eq!(first(MILLION_PAST).allowed, 10_000);
    let idle = Demand { per_second: 0, busiest: 0, echoes: 0, per_day: 0, ..MILLION_PAST };
    assert_eq!((idle.day().rows, idle.day().object), (24_000_000, 25_000_000), "desks look once an hour");
    let all = u64::MAX;
    let absurd =
        Demand { lines: all, per_second: all, busiest: all, echoes: all, per_day: all, customers: all, ..AGENCY };
    for demand in [absurd, Demand { past_the_gate: true, ..absurd }] {
        assert!(demand.cents_a_month() > 0 && demand.walls()[0].share() > 1_000 && demand.kinds()[1].rate > 0);
    }
}

const BOOK: &str = "docs/capacity.md";
const BEGIN: &str = "<!-- made by `npm run reference`: capacity -->\n";
const END: &str = "<!-- end of capacity -->";

#[test]
fn reference_capacity_in_the_book_is_what_is_reckoned() {
    let page = page_at(BOOK).text;
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    is_as_made(BOOK, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

fn table() -> String {
    let cases = [ONE_LINE, AGENCY, MILLION, MILLION_PAST];
    let mut table =
        "| | one line | 1,000 lines | 1 million lines | the same, past the gate |\n|---|---|---|---|---|\n".to_owned();
    let mut row = |name: &str, of: &dyn Fn(Demand) -> String| {
        let cells: Vec<String> = cases.iter().map(|demand| of(*demand)).collect();
        for part in ["| ", name, " | ", &cells.join(" | "), " |\n"] {
            table.push_str(part);
        }
    };
    row("messages of customers a second, at the peak", &|demand| readable(demand.per_second));
    row("messages of customers on a day", &|demand| readable(demand.per_day));
    row("deployments", &|demand| readable(demand.deployments()));
    for (at, kind) in ONE_LINE.kinds().into_iter().enumerate() {
        row(&format!("requests a second: {}", kind.name), &|demand| {
            let rate = demand.kinds()[at].rate;
            format!("{}.{:03}", readable(rate / 1_000), rate % 1_000)
        });
    }
    row("Worker requests a second", &|demand| readable(demand.peak().worker));
    row("requests of objects a second", &|demand| readable(demand.peak().object));
    row("rows a second", &|demand| readable(demand.peak().rows));
    row("reads of KV on a day, at most", &|demand| readable(demand.kv_reads()));
    row("a month on the Paid plan", &|demand| format!("${}", readable(demand.cents_a_month() / 100)));
    row("of it for desks that look once an hour", &|demand| format!("${}", readable(demand.idle_cents() / 100)));
    for number in 0..3 {
        row(["first wall", "second", "third"][number], &|demand| {
            let wall = demand.walls().swap_remove(number);
            format!("{}: {}.{} %", wall.name, readable(wall.share() / 10), wall.share() % 10)
        });
    }
    table
}
