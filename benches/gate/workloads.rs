//! What is sent to the subjects, how fast, and what must come of it.
//!
//! Invariant: every round brings webhooks that no subject has seen, and the same number of the same kind to each. What a
//! subject needs before it can be measured (tables, compiled code, conversations) comes before the first round.
//!
//! Deliberately not here: sending and measuring (`rounds`).

use std::time::Duration;

use super::load::Pace;
use super::subject::Kind;
use super::webhooks::{Load, Maker, Webhook, forged};

/// Conversations of what is warm.
pub const WARM: usize = 50;
const BATCH: usize = 100;
/// A message and its receipts.
const WEBHOOKS_MIN: usize = 4;
/// So many webhooks are under way at any time, where nothing else is said.
pub const AT_ONCE: Pace = Pace::AtOnce(16);
/// Two of these are 6 MB.
const LARGE_AT_ONCE: Pace = Pace::AtOnce(2);
const LARGE_BYTES: usize = 3_000_000 - 1_000;
const BURST: Pace = Pace::PerSecond(200);
/// Of Baton, the alarm that rings after an attempt (`ATTEMPT_LOST_AFTER`, 20 s), and room.
const ALARM_RINGS_WITHIN: Duration = Duration::from_secs(22);

/// A kind of work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Workload {
    Warm,
    Cold,
    Batch,
    Burst,
    Duplicates,
    Large,
    Forged,
    Refused,
    Fence,
}

impl Workload {
    pub const ALL: [Self; 9] = [
        Self::Warm,
        Self::Cold,
        Self::Batch,
        Self::Burst,
        Self::Duplicates,
        Self::Large,
        Self::Forged,
        Self::Refused,
        Self::Fence,
    ];

    /// As it is called on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Batch => "batch",
            Self::Burst => "burst",
            Self::Duplicates => "duplicates",
            Self::Large => "large",
            Self::Forged => "forged",
            Self::Refused => "refused",
            Self::Fence => "fence",
        }
    }

    /// Whether it says something of this subject.
    pub const fn is_for(self, kind: Kind) -> bool {
        // The peer has no fence.
        !matches!((self, kind), (Self::Fence, Kind::Peer))
    }

    /// Webhooks of one subject in one round, or one of so many of them.
    pub fn webhooks(self, less: usize) -> usize {
        let all = match self {
            Self::Refused => 12_000,
            Self::Warm | Self::Duplicates => 2_000,
            Self::Cold | Self::Burst | Self::Fence => 1_000,
            Self::Batch | Self::Large | Self::Forged => 40,
        };
        (all / less).max(WEBHOOKS_MIN)
    }

    pub const fn pace(self) -> Pace {
        match self {
            Self::Burst => BURST,
            Self::Large | Self::Forged => LARGE_AT_ONCE,
            Self::Warm | Self::Cold | Self::Batch | Self::Duplicates | Self::Refused | Self::Fence => AT_ONCE,
        }
    }

    /// The status that every webhook must be answered with.
    pub const fn wanted(self, kind: Kind) -> u16 {
        match (self, kind) {
            (Self::Forged | Self::Refused, Kind::Peer | Kind::Baton) => 401,
            _ => 200,
        }
    }

    /// Whether ids of it must arrive at the other side.
    pub const fn arrives(self, kind: Kind) -> bool {
        !matches!(kind, Kind::Floor) && !matches!(self, Self::Large | Self::Forged | Self::Refused)
    }

    /// How long the subject has work left after the last id has arrived, which counts as its own.
    pub fn afterwards(self, kind: Kind) -> Option<Duration> {
        // Elsewhere the alarms of 50 or 100 conversations ring for thousands of messages.
        (self == Self::Cold && kind == Kind::Baton).then_some(ALARM_RINGS_WITHIN)
    }

    /// What comes before the first round: the conversations, and some of the same kind.
    pub fn first(self, maker: &mut Maker, count: usize) -> Vec<Load> {
        let conversations = maker.load(|maker| (0..WARM).map(|customer| maker.message(customer)).collect());
        vec![conversations, self.load(maker, count)]
    }

    /// So many webhooks of this kind.
    pub fn load(self, maker: &mut Maker, count: usize) -> Load {
        maker.load(|maker| match self {
            Self::Warm | Self::Duplicates => (0..count).map(|at| maker.message(at % WARM)).collect(),
            Self::Cold => (0..count).map(|_| new_message(maker)).collect(),
            Self::Batch => (0..count).map(|_| maker.batch(0..BATCH)).collect(),
            Self::Burst => (0..count.div_ceil(4)).flat_map(|at| answered(maker, at % WARM)).collect(),
            Self::Large => (0..count).map(|_| maker.history(LARGE_BYTES)).collect(),
            Self::Forged => (0..count).map(|_| forged(&maker.history(LARGE_BYTES))).collect(),
            Self::Refused => (0..count).map(|at| forged(&maker.message(at % WARM))).collect(),
            Self::Fence => (0..count).map(|at| maker.send(at % WARM)).collect(),
        })
    }
}

/// The first message of somebody new.
pub fn new_message(maker: &mut Maker) -> Webhook {
    let customer = maker.new_customer();
    maker.message(customer)
}

/// A message, and what became of the answer to it.
fn answered(maker: &mut Maker, customer: usize) -> [Webhook; 4] {
    let message = maker.message(customer);
    let [sent, delivered, read] = maker.receipts(customer);
    [message, sent, delivered, read]
}
