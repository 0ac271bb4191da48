//! The race that the fence is there for: a customer writes, the bot thinks, and a person answers from the phone at any
//! moment of that.
//!
//! Invariant: a reply that the bot began to send after Meta had its 200 for the person's message never reaches the
//! Graph API; by the gate's own record no reply was let through after the takeover; and every reply either reached the
//! Graph API exactly once or was refused exactly once.
//!
//! Not here: what else a hold is (`fence`, `silence`), a gate that is killed meanwhile (`crash`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use baton::command::{HolderName, Shown};
use baton::conversation::collisions::Conflict;
use baton::conversation::memory::Change;
use serde_json::json;

use crate::bot::status;
use crate::chance::Chance;
use crate::client::{Answer, Person, bot_text, eventually, wamid};
use crate::common::meta::{Customer, LINE};
use crate::fence::HELD;
use crate::graph::{Place, yes};

const RACES: usize = 1_000;
/// Customers who are served at a time.
const AT_ONCE: usize = 24;
/// No more customers are begun after this long; a machine that is busy with something else does fewer.
const BEGIN_WITHIN: Duration = Duration::from_secs(85);
/// Of the thousand at least so many must have been, whatever the machine does.
const RACES_MIN: usize = 200;
const LIMIT: Duration = Duration::from_secs(30);
/// Longest that the bot thinks, that the person waits, and that the Graph API takes, in milliseconds.
const THINKS_MAX: usize = 600;
const ANSWERS_MAX: usize = 60;

/// One customer's story, in times of its own choosing.
struct Story {
    person: Person,
    thinks: Duration,
    /// After the customer's message was delivered.
    echo_after: Duration,
    /// How the bot names the customer and what it says of what it answers.
    by_bsuid: bool,
    gives_token: bool,
    gives_context: bool,
}

impl Story {
    fn new(chance: &mut Chance) -> Self {
        let thinks = chance.millis(0, THINKS_MAX);
        Self {
            person: Person::new(),
            thinks,
            // Half of them at nearly the same moment, a quarter at once, a quarter at any time.
            echo_after: match chance.below(4) {
                0 => chance.millis(0, THINKS_MAX),
                1 => chance.millis(0, 20),
                _ => (thinks + chance.millis(0, 40)).saturating_sub(Duration::from_millis(20)),
            },
            by_bsuid: chance.below(4) == 0,
            gives_token: chance.below(2) == 0,
            gives_context: chance.below(2) == 0,
        }
    }

    fn echo_goes_to(&self, number: usize) -> Customer<'_> {
        [self.person.both(), self.person.by_phone(), self.person.by_bsuid()][number % 3]
    }
}

/// What became of the bot's reply.
#[derive(Debug, Eq, PartialEq)]
enum Fate {
    /// It was sent, and the person was later.
    Sent,
    /// It was refused before Meta had its 200 for the echo.
    RefusedMeanwhile,
    /// It was refused, and the bot had begun to send it after that.
    RefusedAfterwards,
}

/// Who waits for the bot to be told of which message; what is told is the fencing token.
type Waiting = Arc<Mutex<BTreeMap<String, Sender<u64>>>>;

#[test]
fn a_person_and_the_bot_who_answer_at_the_same_moment_never_both_reach_the_customer_out_of_turn() {
    let mut chance = Chance::start("race");
    let place = Place::start(json!({ "lease_seconds": 3_600 }));
    let waiting: Waiting = Arc::default();
    place.bot.on("", {
        let waiting = Arc::clone(&waiting);
        move |delivery| {
            if let Some(waiting) = waiting.lock().unwrap().remove(&delivery.wamid()) {
                let _ = waiting.send(delivery.token());
            }
            status(200)
        }
    });
    place.graph.on("/messages", {
        let mut chance = chance.split();
        move |asked| yes(asked).after(chance.millis(0, ANSWERS_MAX))
    });
    let stories: Vec<Story> = (0..RACES).map(|_| Story::new(&mut chance)).collect();
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let fates: Vec<Fate> = thread::scope(|scope| {
        let work = || {
            let mut fates = Vec::new();
            while start.elapsed() < BEGIN_WITHIN {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(story) = stories.get(number) else { break };
                fates.push(race(&place, story, number, &waiting));
            }
            fates
        };
        let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let count = |fate: &Fate| fates.iter().filter(|one| *one == fate).count();
    let (sent, meanwhile, afterwards) =
        (count(&Fate::Sent), count(&Fate::RefusedMeanwhile), count(&Fate::RefusedAfterwards));
    println!(
        "{} races in {:?}: {sent} replies were sent, {meanwhile} were refused while the echo was under way, \
         {afterwards} were begun after Meta had its 200 and refused",
        fates.len(),
        start.elapsed()
    );
    assert!(fates.len() >= RACES_MIN, "the machine is too slow for this test");
    assert!([sent, afterwards].iter().all(|count| *count > fates.len() / 20), "the race was won by one side only");
    assert_eq!(place.graph.asked("").len(), sent, "the Graph API was asked for something else");
}

/// One customer writes, the bot replies after a while, and a person answers from the phone after a while.
fn race(place: &Place, story: &Story, number: usize, waiting: &Waiting) -> Fate {
    let Place { gate, graph, .. } = place;
    let (person, id) = (&story.person, wamid());
    let (told, tokens) = channel();
    waiting.lock().unwrap().insert(id.clone(), told);
    gate.text(person.both(), &id, "do you have it in blue?");
    let mut reply = bot_text(&person.phone);
    if story.by_bsuid {
        reply.as_object_mut().unwrap().remove("to");
        reply["recipient"] = json!(person.bsuid);
    }
    if story.gives_context {
        reply["context"] = json!({ "message_id": id });
    }
    let (reply_began_at, answer, echo_known_at) = thread::scope(|scope| {
        let echo = scope.spawn(|| {
            thread::sleep(story.echo_after);
            gate.echo(story.echo_goes_to(number));
            Instant::now()
        });
        // A bot that was never told, because the person was first, writes unasked.
        let token = tokens.recv_timeout(story.thinks.max(Duration::from_millis(100))).ok();
        thread::sleep(story.thinks);
        let token = token.filter(|_| story.gives_token).map(|token| token.to_string());
        let headers: Vec<(&str, &str)> = token.iter().map(|token| ("x-baton-token", token.as_str())).collect();
        let reply_began_at = Instant::now();
        let answer = gate.send_with(&reply, &headers);
        (reply_began_at, answer, echo.join().unwrap())
    });
    let at_graph = graph.asked(reply["text"]["body"].as_str().unwrap()).len();
    let shown = eventually(LIMIT, "the reply is settled", || {
        let shown = gate.shown_at(LINE, &person.phone)?;
        shown.sends.iter().all(|send| send.state != "in_flight").then_some(shown)
    });
    check_record(&shown, &answer);
    if answer.status == 200 {
        assert!(
            reply_began_at < echo_known_at,
            "a reply was sent that was begun after the person was known: {shown:#?}"
        );
        assert_eq!(at_graph, 1, "{shown:#?}");
        return Fate::Sent;
    }
    assert_eq!((answer.graph_error(), at_graph), (HELD, 0), "{shown:#?}");
    if reply_began_at > echo_known_at { Fate::RefusedAfterwards } else { Fate::RefusedMeanwhile }
}

/// By the gate's own record: who has the baton, what was let through and when, and what was refused.
fn check_record(shown: &Shown, answer: &Answer) {
    assert_eq!(shown.holder, HolderName::Human);
    let takeover = shown.journal.iter().find(|step| step.transition == Change::Takeover);
    let taken_at = takeover.unwrap_or_else(|| panic!("no takeover: {shown:#?}")).at_ms;
    let late = shown.sends.iter().find(|send| send.at_ms > taken_at);
    assert!(late.is_none(), "a reply was let through after the takeover: {shown:#?}");
    let refused = usize::from(answer.status != 200);
    assert_eq!((shown.sends.len(), shown.collisions.len()), (1 - refused, refused), "{shown:#?}");
    assert_eq!(usize::try_from(shown.collision_counts.prevented).unwrap(), refused);
    for collision in &shown.collisions {
        assert_eq!(collision.reason, Conflict::HeldByHuman);
        assert!(collision.at_ms >= taken_at);
    }
    for send in &shown.sends {
        assert_eq!((send.state.as_str(), send.id.is_some()), ("accepted", true));
    }
}
