//! What each event costs at Cloudflare, what its plans allow, and what a day of a shop comes to.
//!
//! The counts are asserted by `cargo test --test native cost` against the gate itself, and make the tables of
//! `docs/costs.md`. Making a table counts two rows, setting an alarm one.
//!
//! Invariant: sums are of whole numbers and saturate; a day that nobody has is a large number and no panic.
//!
//! Not here: what Meta charges for messages, and what the bot's own server costs.

/// What one event costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Count {
    /// What happens.
    pub event: &'static str,
    /// Requests to the Worker.
    pub worker: u64,
    /// Requests to Durable Objects, without the desk's.
    pub object: u64,
    /// Rows that these write.
    pub rows: u64,
    /// Requests to the desk.
    pub desk: u64,
    /// Rows that the desk writes, at most.
    pub desk_rows: u64,
    /// Alarms that ring afterwards: each is a request to an object, and a row, because it is set anew. After a burst of
    /// messages there is one.
    pub alarms: u64,
}

pub(crate) const FIRST_MESSAGE: Count = Count {
    event: "first message of a new customer",
    worker: 1,
    object: 2,
    rows: 10,
    desk: 1,
    desk_rows: 4,
    alarms: 1,
};
pub(crate) const MESSAGE: Count =
    Count { event: "any later message for the bot", worker: 1, object: 1, rows: 3, desk: 1, desk_rows: 1, alarms: 1 };
pub(crate) const WAITING: Count = Count {
    event: "first message that waits for a person",
    worker: 1,
    object: 1,
    rows: 3,
    desk: 1,
    desk_rows: 4,
    alarms: 0,
};
pub(crate) const WITHHELD: Count = Count {
    event: "any further message that is withheld",
    worker: 1,
    object: 1,
    rows: 1,
    desk: 1,
    desk_rows: 1,
    alarms: 0,
};
pub(crate) const WARNING: Count = Count {
    event: "the warning that a customer waits",
    worker: 0,
    object: 1,
    rows: 2,
    desk: 1,
    desk_rows: 4,
    alarms: 0,
};
/// Without the messages that are handed back.
pub(crate) const HANDBACK: Count = Count {
    event: "handing back what nobody has answered",
    worker: 0,
    object: 1,
    rows: 3,
    desk: 1,
    desk_rows: 4,
    alarms: 0,
};
pub(crate) const HANDED_BACK: Count = Count {
    event: "each message of it; the first writes a row less",
    worker: 0,
    object: 0,
    rows: 3,
    desk: 0,
    desk_rows: 0,
    alarms: 0,
};
pub(crate) const ECHO: Count = Count {
    event: "a person's message from the phone",
    worker: 1,
    object: 2,
    rows: 2,
    desk: 1,
    desk_rows: 4,
    alarms: 0,
};
pub(crate) const RECEIPT: Count = Count {
    event: "receipt that the bot takes within 150 ms",
    worker: 1,
    object: 0,
    rows: 0,
    desk: 0,
    desk_rows: 0,
    alarms: 0,
};
/// Of an answer that did not come by the gate.
pub(crate) const UNKNOWN_SENT: Count = Count {
    event: "the `sent` of a message that did not go out by the gate, beside that",
    worker: 0,
    object: 1,
    rows: 0,
    desk: 0,
    desk_rows: 0,
    alarms: 0,
};
pub(crate) const LATE_RECEIPT: Count = Count {
    event: "receipt that the bot takes later",
    worker: 1,
    object: 2,
    rows: 3,
    desk: 0,
    desk_rows: 0,
    alarms: 0,
};
pub(crate) const REPEATED: Count =
    Count { event: "the same event again", worker: 1, object: 1, rows: 0, desk: 0, desk_rows: 0, alarms: 0 };
pub(crate) const SEND: Count = Count {
    event: "message of the bot's through the gate",
    worker: 1,
    object: 2,
    rows: 2,
    desk: 1,
    desk_rows: 1,
    alarms: 0,
};
pub(crate) const REFUSED: Count =
    Count { event: "the same, refused", worker: 1, object: 1, rows: 1, desk: 1, desk_rows: 1, alarms: 0 };

/// A desk looks for alarms that have not rung, and sets its own anew.
pub(crate) const DESK_HOUR: Count = Count {
    event: "an hour of each part of a desk, whatever happens",
    worker: 0,
    object: 0,
    rows: 0,
    desk: 1,
    desk_rows: 1,
    alarms: 0,
};
/// To the object that knows all lines.
pub(crate) const DESK_DAY: Count = Count {
    event: "a day of each part of a desk, beside that",
    worker: 0,
    object: 0,
    rows: 0,
    desk: 1,
    desk_rows: 0,
    alarms: 0,
};

/// All of them, in the order of the table.
pub(crate) const COUNTS: [Count; 16] = [
    FIRST_MESSAGE,
    MESSAGE,
    WAITING,
    WITHHELD,
    WARNING,
    HANDBACK,
    HANDED_BACK,
    ECHO,
    RECEIPT,
    UNKNOWN_SENT,
    LATE_RECEIPT,
    REPEATED,
    SEND,
    REFUSED,
    DESK_HOUR,
    DESK_DAY,
];

/// Receipts of an answer: `sent`, `delivered`, `read`.
pub(crate) const RECEIPTS: u64 = 3;

/// CPU that a request takes, as it is reckoned here: the gate's own measurements are of another machine's.
pub(crate) const CPU_MS: u64 = 3;

/// What is counted in a day, or allowed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    pub worker: u64,
    pub object: u64,
    pub rows: u64,
    /// Milliseconds that objects wait for the bot, at 128 MB.
    pub waiting_ms: u64,
}

/// What the Free plan allows in a day (Cloudflare, Workers and Durable Objects limits, November 2026); 13,000 GB-s of
/// objects at 128 MB are 101,562 s.
pub(crate) const FREE: Usage = Usage { worker: 100_000, object: 100_000, rows: 100_000, waiting_ms: 101_562_000 };

/// The price of the Paid plan a month, and what is in it (Cloudflare, Workers and Durable Objects pricing, November 2026);
/// 400,000 GB-s are 3,125,000 s.
pub(crate) const PAID_CENTS: u64 = 500;
pub(crate) const PAID: Usage =
    Usage { worker: 10_000_000, object: 1_000_000, rows: 50_000_000, waiting_ms: 3_125_000_000 };
pub(crate) const PAID_CPU_MS: u64 = 30_000_000;

/// What a million more cost, in cents: requests to the Worker, to objects, rows, milliseconds of CPU, and seconds of an
/// object ($12.50 for a million GB-s).
pub(crate) const CENTS_OF_MILLION: [u64; 5] = [30, 15, 100, 2, 160];

pub(crate) const DAYS: u64 = 30;

/// A day of a shop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Day {
    /// Messages of customers, each of which goes to the bot.
    pub messages: u64,
    /// Messages of the bot's.
    pub answers: u64,
    /// Messages from the phone.
    pub echoes: u64,
    /// How long the bot takes to answer the webhook.
    pub bot_ms: u64,
    /// Whether it takes longer than 150 ms for receipts.
    pub late_receipts: bool,
    /// Whether its messages go past the gate.
    pub past_the_gate: bool,
}

impl Usage {
    /// With so many of an event.
    pub(crate) fn plus(self, count: Count, times: u64) -> Self {
        let of = |each: u64| each.saturating_mul(times);
        Self {
            worker: self.worker.saturating_add(of(count.worker)),
            object: self.object.saturating_add(of(count.object + count.desk + count.alarms)),
            rows: self.rows.saturating_add(of(count.rows + count.desk_rows + count.alarms)),
            waiting_ms: self.waiting_ms,
        }
    }

    fn times(self, times: u64) -> Self {
        Self {
            worker: self.worker.saturating_mul(times),
            object: self.object.saturating_mul(times),
            rows: self.rows.saturating_mul(times),
            waiting_ms: self.waiting_ms.saturating_mul(times),
        }
    }

    /// Its parts, with their names.
    pub(crate) const fn parts(self) -> [(&'static str, u64); 4] {
        [
            ("Worker requests", self.worker),
            ("object requests", self.object),
            ("rows written", self.rows),
            ("seconds of objects", self.waiting_ms / 1_000),
        ]
    }
}

impl Day {
    /// What it comes to.
    pub(crate) fn usage(self) -> Usage {
        let receipt = if self.late_receipts { LATE_RECEIPT } else { RECEIPT };
        let used = Usage::default()
            .plus(MESSAGE, self.messages)
            .plus(ECHO, self.echoes)
            .plus(receipt, self.answers.saturating_mul(RECEIPTS))
            .plus(if self.past_the_gate { UNKNOWN_SENT } else { SEND }, self.answers);
        Usage { waiting_ms: self.messages.saturating_mul(self.bot_ms), ..used }
    }

    /// The largest share that it takes of what the Free plan allows, in thousandths, and of what.
    pub(crate) fn share_of_free(self) -> (u64, &'static str) {
        self.usage().share_of_free()
    }

    /// How many messages a day the Free plan carries where everything else grows with them.
    pub(crate) fn free_carries(self) -> u64 {
        let shares = self.usage().parts().into_iter().zip(FREE.parts());
        let most = shares
            .filter(|((_, used), _)| *used > 0)
            .map(|((_, used), (_, allowed))| u128::from(self.messages) * u128::from(allowed) / u128::from(used))
            .min();
        most.and_then(|most| u64::try_from(most).ok()).unwrap_or(u64::MAX)
    }

    /// What a month of such days costs on the Paid plan, in cents.
    pub(crate) fn cents_a_month(self) -> u64 {
        self.usage().cents_a_month()
    }
}

impl Usage {
    /// The largest share of what the Free plan allows in a day, in thousandths, and of what.
    pub(crate) fn share_of_free(self) -> (u64, &'static str) {
        let shares = self
            .parts()
            .into_iter()
            .zip(FREE.parts())
            .map(|((name, used), (_, allowed))| (used.saturating_mul(1_000).div_ceil(allowed.max(1)), name));
        shares.max_by_key(|(share, _)| *share).unwrap_or_default()
    }

    /// What a month of days with this costs on the Paid plan, in cents.
    pub(crate) fn cents_a_month(self) -> u64 {
        let month = self.times(DAYS);
        let used = [
            (month.worker, PAID.worker),
            (month.object, PAID.object),
            (month.rows, PAID.rows),
            (month.worker.saturating_mul(CPU_MS), PAID_CPU_MS),
            (month.waiting_ms / 1_000, PAID.waiting_ms / 1_000),
        ];
        let beyond = used
            .into_iter()
            .zip(CENTS_OF_MILLION)
            .map(|((used, included), cents)| u128::from(used.saturating_sub(included)) * u128::from(cents));
        // Rounded up as a whole, and not part by part.
        let beyond = beyond.sum::<u128>().div_ceil(1_000_000);
        PAID_CENTS.saturating_add(u64::try_from(beyond).unwrap_or(u64::MAX))
    }
}

/// A number with commas between its thousands.
pub(crate) fn readable(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
