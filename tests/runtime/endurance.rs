//! All promises at once, under load, while the gate is killed again and again at random moments.
//!
//! Several customers write, a person answers from the phone, Meta repeats itself, the bot fails now and then; every
//! second or so every process of the gate is killed, and starts again on the same storage. Meta's side sends again
//! whatever was not answered 200. At the end everything is quiet, and the story is compared with what the bot saw and
//! what the operator is shown.
//!
//! Not here: kills at chosen moments (`crash`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use baton::command::{HolderName, Shown};
use baton::conversation::memory::{Cause, Change, Transition};
use serde_json::{Value, json};

use crate::bot::{Bot, Reaction, garbage_after, ok_after, status};
use crate::chance::Chance;
use crate::client::{Person, eventually, is_acknowledged, wamid};
use crate::common::meta::{self, Customer, LINE, batch};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options};

const ROUNDS: usize = 20;
/// A life ends after a random number of deliveries, and so after about as many on a slow machine as on a fast one;
/// at the latest after this time.
const ACKNOWLEDGED_MAX: usize = 100;
const LIFE_MAX: Duration = Duration::from_secs(3);
const WRITERS: usize = 5;
const CUSTOMERS_EACH: usize = 8;
/// The operator is shown the last 200 events of a conversation and its last 64 transitions, of which an echo makes up
/// to three: the story of each customer must fit.
const MESSAGES_MAX: usize = 120;
const ECHOES_MAX: usize = 20;
/// After the last kill: 20 s until an attempt that it interrupted counts as lost, a hold, and the retries.
const QUIET_WITHIN: Duration = Duration::from_secs(90);
/// How long a delivery that had started may be under way on a busy machine.
const UNDER_WAY_MAX: Duration = Duration::from_secs(10);

/// One customer's story.
struct Story {
    person: Person,
    /// The messages, in the order in which they were accepted.
    messages: Vec<String>,
    /// The echoes, with when Meta's side was told 200.
    echoes: BTreeMap<String, Instant>,
    /// What was acknowledged, to be sent again.
    acknowledged: Vec<Value>,
    /// What got no answer.
    unanswered: Option<Post>,
}

/// One delivery of Meta's, and what is in it.
struct Post {
    delivery: Value,
    messages: Vec<String>,
    echoes: Vec<String>,
}

impl Story {
    fn new() -> Self {
        let (messages, acknowledged) = (Vec::new(), Vec::new());
        Self { person: Person::new(), messages, echoes: BTreeMap::new(), acknowledged, unanswered: None }
    }

    /// What happens next; `None` where the story is full.
    fn next(&self, chance: &mut Chance) -> Option<Post> {
        if self.messages.len() + 2 > MESSAGES_MAX {
            return None;
        }
        let may_echo = self.echoes.len() < ECHOES_MAX;
        let kinds: &[&str] = match chance.below(100) {
            0..15 if !self.acknowledged.is_empty() => {
                let delivery = self.acknowledged[chance.below(self.acknowledged.len())].clone();
                return Some(Post { delivery, messages: Vec::new(), echoes: Vec::new() });
            }
            15..30 if may_echo => &["echo"],
            30..38 if may_echo => &["message", "echo", "message"],
            38..50 => &["message", "message"],
            _ => &["message"],
        };
        let mut post = Post { delivery: Value::Null, messages: Vec::new(), echoes: Vec::new() };
        let mut changes = Vec::new();
        let customer = self.name(chance);
        for kind in kinds {
            let id = wamid();
            if *kind == "echo" {
                changes.push((LINE, "smb_message_echoes", meta::echo(customer, &id, &format!("answer {id}"))));
                post.echoes.push(id);
            } else {
                changes.push((LINE, "messages", meta::text(customer, &id, &format!("question {id} ñ 😀"))));
                post.messages.push(id);
            }
        }
        post.delivery = batch(changes);
        Some(post)
    }

    /// The first event names the customer in both ways; from then on any name will do.
    fn name(&self, chance: &mut Chance) -> Customer<'_> {
        let names = [Person::both, Person::by_phone, Person::by_bsuid];
        let count = if self.acknowledged.is_empty() { 1 } else { names.len() };
        names[chance.below(count)](&self.person)
    }

    fn is_acknowledged(&mut self, post: Post) {
        self.messages.extend(post.messages);
        self.echoes.extend(post.echoes.into_iter().map(|id| (id, Instant::now())));
        self.acknowledged.push(post.delivery);
    }
}

/// Some customers write, and are written to, until the gate no longer answers.
fn write_until_killed(address: &str, stories: &mut [Story], chance: &mut Chance, acknowledged: &AtomicUsize) {
    loop {
        let at = chance.below(stories.len());
        let story = &mut stories[at];
        let Some(post) = story.next(chance) else { return };
        if !is_acknowledged(address, &post.delivery) {
            story.unanswered = Some(post);
            return;
        }
        story.is_acknowledged(post);
        acknowledged.fetch_add(1, Ordering::Relaxed);
        thread::sleep(chance.millis(0, 40));
    }
}

/// What the bot answered to an attempt: whether it took the message.
type Answers = Arc<Mutex<BTreeMap<(String, u32), bool>>>;

/// A bot that takes most messages, some of them slowly, and fails at the others in every way that ends soon.
fn moody(bot: &Bot, mut chance: Chance) -> Answers {
    let answers = Answers::default();
    let kept = Arc::clone(&answers);
    bot.on("", move |delivery| {
        let reaction = match chance.below(100) {
            0..8 => status(500),
            8..12 => Reaction::Reset,
            12..15 => garbage_after(Duration::ZERO),
            15..30 => ok_after(chance.millis(100, 400)),
            _ => ok_after(chance.millis(0, 20)),
        };
        let takes = matches!(reaction, Reaction::Answer { status: 200, .. });
        kept.lock().unwrap().insert((delivery.wamid(), delivery.attempt()), takes);
        reaction
    });
    answers
}

fn is_quiet(shown: &Shown) -> bool {
    let is_open = |state: &str| ["waiting", "in_flight"].contains(&state);
    shown.holder == HolderName::Automation && !shown.events.iter().any(|event| is_open(&event.state))
}

#[test]
fn twenty_kills_under_load_lose_nothing_double_nothing_and_break_no_silence() {
    let start = Instant::now();
    let mut chance = Chance::start("endurance");
    let bot = Bot::start(APP_SECRET);
    let answers = moody(&bot, chance.split());
    let policy = json!({
        "lease_seconds": 2,
        "warn_after_seconds": 1,
        "hand_back_after_seconds": 2,
        "retry_schedule_seconds": vec![1; 40],
    });
    let mut gate = Gate::start(&bot, Options::with_policy(policy));
    let mut stories: Vec<Story> = (0..WRITERS * CUSTOMERS_EACH).map(|_| Story::new()).collect();
    let mut lives = Lives::default();
    for _ in 0..ROUNDS {
        let address = gate.url.clone();
        let acknowledged = AtomicUsize::new(0);
        let (enough, moment) = (1 + chance.below(ACKNOWLEDGED_MAX), chance.millis(0, 30));
        thread::scope(|scope| {
            for stories in stories.chunks_mut(CUSTOMERS_EACH) {
                let (address, acknowledged, mut chance) = (&address, &acknowledged, chance.split());
                scope.spawn(move || write_until_killed(address, stories, &mut chance, acknowledged));
            }
            let life = Instant::now();
            while acknowledged.load(Ordering::Relaxed) < enough && life.elapsed() < LIFE_MAX {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(moment);
            gate.kill();
            lives.ends.push(Instant::now());
        });
        gate.restart();
        for story in &mut stories {
            if let Some(post) = story.unanswered.take() {
                gate.deliver(&post.delivery);
                story.is_acknowledged(post);
            }
        }
    }
    let written = start.elapsed();
    let shown: Vec<Shown> = stories
        .iter()
        .map(|story| {
            eventually(QUIET_WITHIN, &format!("all is quiet around {}", story.person.phone), || {
                gate.shown_at(LINE, &story.person.phone).filter(is_quiet)
            })
        })
        .collect();
    bot.settle();

    let mut figures = Figures::default();
    let answers = answers.lock().unwrap();
    let mut arrived: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for delivery in bot.deliveries("wamid.") {
        arrived.entry(delivery.header("x-baton-conversation").to_owned()).or_default().push(delivery);
    }
    for (story, shown) in stories.iter().zip(&shown) {
        let arrived = arrived.remove(&shown.conversation).unwrap_or_default();
        assert_eq!(gate.shown(&story.person.bsuid).conversation, shown.conversation, "one customer, one conversation");
        everything_is_accounted_for(story, shown, &arrived, &lives, &answers, &mut figures);
        nothing_is_doubled(&arrived, &lives, &answers, &mut figures);
        is_in_order(story, &arrived);
        is_silent_while_a_person_holds(story, shown, &arrived, &mut figures);
    }
    assert!(arrived.is_empty(), "the bot heard of conversations that nobody began: {:?}", arrived.keys());
    println!("{ROUNDS} kills in {written:?}, quiet after {:?}: {figures:#?}", start.elapsed());
    assert!(figures.delivered > 50 && figures.takeovers > 10 && figures.repeated > 0, "this was no load");
}

/// When the gate's lives ended. Between two of them nothing is sent, so what arrives belongs to the one that ended
/// last, or to the next.
#[derive(Default)]
struct Lives {
    ends: Vec<Instant>,
}

impl Lives {
    /// When the life ended in which an attempt began that arrived then; `None` for the last, which goes on. What the
    /// gate had sent may be read by the bot a moment after the kill, and no life begins within a second.
    fn end_of(&self, arrived: Instant) -> Option<Instant> {
        const READ_WITHIN: Duration = Duration::from_millis(500);
        self.ends.iter().copied().find(|end| *end + READ_WITHIN >= arrived)
    }
}

/// What the story came to.
#[derive(Debug, Default)]
struct Figures {
    messages: usize,
    echoes: usize,
    delivered: usize,
    withheld: usize,
    dead: usize,
    takeovers: usize,
    handbacks: usize,
    /// Attempts beyond the first at one message.
    repeated: usize,
    /// Of these, at messages that the bot had taken: the kill came before the gate knew.
    repeated_after_a_lost_outcome: usize,
    /// Messages that a person took over although the bot has them: the kill came before the gate knew.
    withheld_after_a_lost_outcome: usize,
    /// Attempts that had started before the echo and arrived after its acknowledgement.
    under_way_at_a_takeover: usize,
}

/// Promise 2: every wamid that Meta was told 200 for has exactly one end, and the bot knows of its own.
fn everything_is_accounted_for(
    story: &Story,
    shown: &Shown,
    arrived: &[Delivery],
    lives: &Lives,
    answers: &BTreeMap<(String, u32), bool>,
    figures: &mut Figures,
) {
    let states = |id: &str| -> Vec<&str> {
        shown.events.iter().filter(|event| event.id.as_str() == id).map(|event| event.state.as_str()).collect()
    };
    let taken: BTreeSet<&str> = answers.iter().filter(|(_, takes)| **takes).map(|((id, _), _)| id.as_str()).collect();
    figures.messages += story.messages.len();
    figures.echoes += story.echoes.len();
    for id in &story.messages {
        let has_arrived = arrived.iter().any(|delivery| delivery.wamid() == *id);
        match states(id).as_slice() {
            ["delivered"] => {
                assert!(has_arrived && taken.contains(id.as_str()), "{id} is called delivered, but never was");
                figures.delivered += 1;
            }
            ["withheld"] => {
                figures.withheld += 1;
                if taken.contains(id.as_str()) {
                    let at = arrived.iter().filter(|delivery| delivery.wamid() == *id).map(|delivery| delivery.at);
                    let is_cut_off = |at| lives.end_of(at).is_some();
                    assert!(at.max().is_some_and(is_cut_off), "{id} is called withheld, but the bot took it");
                    figures.withheld_after_a_lost_outcome += 1;
                }
            }
            ["dead"] => figures.dead += 1,
            states => panic!("{id} has these ends: {states:?} in {shown:#?}"),
        }
    }
    for id in story.echoes.keys() {
        assert_eq!(states(id), ["withheld"], "the echo {id}");
    }
}

/// Promise 3: a message comes a second time only after a failure, or where a kill left the outcome open; with a higher
/// number, the same bytes and the same id.
fn nothing_is_doubled(
    arrived: &[Delivery],
    lives: &Lives,
    answers: &BTreeMap<(String, u32), bool>,
    figures: &mut Figures,
) {
    let mut before: BTreeMap<String, &Delivery> = BTreeMap::new();
    for delivery in arrived {
        let id = delivery.wamid();
        let Some(earlier) = before.insert(id.clone(), delivery) else { continue };
        figures.repeated += 1;
        assert!(delivery.attempt() > earlier.attempt(), "{id} came twice as attempt {}", delivery.attempt());
        assert_eq!(delivery.body, earlier.body, "the bytes of {id} changed");
        assert_eq!(delivery.header("webhook-id"), earlier.header("webhook-id"));
        if answers[&(id.clone(), earlier.attempt())] {
            let end = lives.end_of(earlier.at);
            assert!(
                end.is_some_and(|end| end < delivery.at),
                "{id} came again although the bot had taken it, and the gate knew"
            );
            figures.repeated_after_a_lost_outcome += 1;
        }
    }
}

/// Promise 4: what the bot sees for the first time it sees in the order of acceptance.
fn is_in_order(story: &Story, arrived: &[Delivery]) {
    let mut seen = BTreeSet::new();
    let firsts: Vec<String> = arrived.iter().map(Delivery::wamid).filter(|id| seen.insert(id.clone())).collect();
    let expected: Vec<String> = story.messages.iter().filter(|id| seen.contains(*id)).cloned().collect();
    assert_eq!(firsts, expected, "the order of {}", story.person.phone);
}

/// Promise 1: from the moment that Meta's side was told 200 for an echo that took the baton, until the hand-back in
/// the journal, no attempt starts. What had started before may still arrive; of one conversation that is one attempt.
fn is_silent_while_a_person_holds(story: &Story, shown: &Shown, arrived: &[Delivery], figures: &mut Figures) {
    let wall = |at: Instant| SystemTime::now() - at.elapsed();
    let steps: Vec<&Transition> = shown.journal.iter().filter(|step| step.transition != Change::Warning).collect();
    assert!(steps.first().is_none_or(|step| step.token.number() == 1), "the journal begins with the story");
    for step in steps {
        let token = step.token.number();
        match (step.transition, step.cause) {
            (Change::Takeover, Cause::Echo) => {
                figures.takeovers += 1;
                let echo = step.event.as_ref().expect("an echo has an id");
                let known_at = story.echoes[echo.as_str()];
                let late = arrived.iter().filter(|delivery| delivery.token() < token && delivery.at > known_at);
                let late: Vec<Duration> = late.map(|delivery| delivery.at.duration_since(known_at)).collect();
                let is_under_way = late.len() <= 1 && late.iter().all(|late| *late <= UNDER_WAY_MAX);
                assert!(is_under_way, "the bot was told {late:?} after {echo:?}, which took the baton: {shown:#?}");
                figures.under_way_at_a_takeover += late.len();
                let in_the_hold = arrived.iter().find(|delivery| delivery.token() == token);
                assert!(in_the_hold.is_none(), "an attempt in the person's own turn: {in_the_hold:?}");
            }
            (Change::Handback, _) => {
                figures.handbacks += 1;
                let given_back = SystemTime::UNIX_EPOCH + Duration::from_millis(step.at_ms.as_millis());
                let early = arrived.iter().find(|delivery| delivery.token() == token && wall(delivery.at) < given_back);
                assert!(early.is_none(), "the bot was told before the baton was its own: {early:?}");
            }
            _ => panic!("nothing else takes a baton here: {step:?}"),
        }
    }
}
