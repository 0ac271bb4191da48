//! Every bound of the gate, as a named constant with its arithmetic.
//!
//! Invariant: whatever grows because somebody outside sends more is cut off by a constant of this room.
//! A Worker has 128 MB of memory for all requests that it serves at once, and a Durable Object that runs
//! out of it takes every other object of its isolate along.
//!
//! What concerns the desk, its reports and alerts stands in `desk`; all are `limits::NAME`.
//!
//! Not here: what the owner may choose within these bounds (`policy`).

mod desk;

pub use desk::*;

use crate::time::Millis;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// Largest webhook body that is read. Meta's maximum is 3 MB ("Webhooks", create-webhook-endpoint,
/// 2026-05-21); 256 KiB of margin for a reading of "MB" as MiB and for what a proxy may add.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 3 * MIB + 256 * KIB;

/// Smallest webhook body that WebCrypto hashes instead of Wasm: 0.7 µs a KiB instead of 2.7, or 33 in a fresh isolate, but
/// its two promises cost as much as 16 KiB in Wasm (docs/performance.md).
pub const VERIFIED_BY_RUNTIME_BYTES_MIN: usize = 16 * KIB;

/// Largest body that the operator sends: a policy of [`POLICY_BYTES_MAX`] and a webhook to try it with.
pub const API_BODY_BYTES_MAX: usize = 256 * KIB;

/// Most events that one delivery is split into. Meta sends at most 1,000 updates a delivery (same page);
/// twice that, because one update may carry a message and a receipt.
pub const EVENTS_PER_DELIVERY_MAX: usize = 2_000;

/// Most bytes that the events of one delivery may come to once each has an envelope of its own. A batch of
/// 1,000 messages is about 1.5 MB; without a bound, 2,000 events that share a 1 MB contact would be 2 GB.
pub const REBUILT_BYTES_MAX: usize = 16 * MIB;

/// Most keys of one JSON object that the gate looks into. The richest object seen in Meta's documents has
/// 17 keys; beyond this bound the object is treated as unknown, never as an error.
pub const KEYS_PER_OBJECT_MAX: usize = 256;

/// Longest id of Meta (wamid, account, line) that is used as it is; a longer one is replaced by its digest.
/// The wamids seen have 50 to 130 characters.
pub const ID_CHARS_MAX: usize = 256;

/// Longest phone number in digits. E.164 allows 15; some test numbers of Meta's have more.
pub const PHONE_DIGITS_MAX: usize = 20;

/// Longest business-scoped user id: two letters, a dot, `ENT.`, 128 characters (Meta, 2026-05-28), with room.
pub const BSUID_CHARS_MAX: usize = 160;

/// Longest name of a bot; it becomes part of the name of a secret.
pub const BOT_NAME_CHARS_MAX: usize = 32;

/// Longest name of a rule. It is written with every event that the rule decides about.
pub const RULE_NAME_CHARS_MAX: usize = 64;

/// Latest time that Meta's clock is believed to show: the last second of the year 9999, beyond which a text has more
/// than four digits for the year. In milliseconds it is 2^47.8, and a row's integers are exact up to 2^53.
pub const SENT_AT_SECONDS_MAX: u64 = 253_402_300_799;

/// Longest type of a message that is remembered. The longest that Meta documents, `interactive` and
/// `unsupported`, have 11 characters; the rest is room for new ones.
pub const KIND_CHARS_MAX: usize = 64;

/// Longest name of a contact of the phone's address book in which markers are looked for: ten times what fits
/// into one line of a phone's screen.
pub const CONTACT_CHARS_MAX: usize = 256;

/// Entries of the phone's address book that one delivery is split into; a list that brings more stays one event.
/// Each is a call of another object, and on the Free plan a request may make 1,000 calls of Cloudflare's own
/// services (Cloudflare, Workers limits, 2026): half of them, so that the messages of the same delivery have theirs.
pub const CONTACTS_PER_DELIVERY_MAX: usize = 500;

/// Largest policy document. A variable of a Worker holds 5 KB and a value in KV 25 MB (Cloudflare, Workers and KV
/// limits, 2026); 64 KiB are a hundred rules with room, or the numbers of 3,000 customers, and are read in a
/// few milliseconds.
pub const POLICY_BYTES_MAX: usize = 64 * KIB;

/// Rules of a policy. They are tried one after the other for every message.
pub const RULES_MAX: usize = 100;
/// Items of one list of the policy. What a policy can hold altogether ends at [`POLICY_BYTES_MAX`].
pub const POLICY_LIST_MAX: usize = 1_000;

/// Longest text in a policy: of a pattern, a phrase, a marker. A greeting of the app is a few lines. The bound is
/// below [`TEXT_CHARS_MAX`], so that a message that was cut there never equals a pattern.
pub const POLICY_TEXT_CHARS_MAX: usize = 1_024;

/// Regular expressions of a policy. An ordinary one takes microseconds for a message. The worst that the two
/// bounds below allow takes 10 ms natively for the longest message ([`TEXT_CHARS_MAX`]), and all twenty of them
/// a fifth of a second, several times that in Wasm: slow, and never an end to the isolate.
pub const REGEXES_MAX: usize = 20;

/// Longest regular expression.
pub const REGEX_CHARS_MAX: usize = 256;
/// Largest regular expression once compiled. 256 characters of plain text take 8.1 KiB, `[a-z]{200}` takes
/// 7.9 KiB. Matching takes time in proportion to this times the length of the message.
pub const REGEX_BYTES_MAX: usize = 10 * KIB;

/// How deep a regular expression may be nested; reading one is recursive.
pub const REGEX_NEST_MAX: u32 = 20;

/// Bots beside the one at `BOT_URL`. Each may have a secret of its own, and a Worker of the Free plan has 64
/// variables and secrets altogether (Cloudflare, Workers limits, 2026).
pub const BOTS_MAX: usize = 32;

/// Longest text of a message that rules and phrases look at. WhatsApp's own limit is 4,096 characters
/// (Meta, "Text messages", 2026); what is longer is looked at as far as this.
pub const TEXT_CHARS_MAX: usize = 4_096;

/// Longest name of a customer's own that is shown at the desk. WhatsApp allows 25 characters.
pub const PROFILE_CHARS_MAX: usize = 64;

/// How long after a line about refused deliveries the next one is written: a flood of them is 3,600 lines an hour.
pub const REFUSALS_TOLD_EVERY: Millis = Millis::from_seconds(1);

/// Conversations that one replay of dead letters asks; on the Free plan a request may make 1,000 calls of
/// Cloudflare's own services.
pub const REPLAYED_AT_ONCE: usize = 200;

/// Conversations that one delivery is written to at the same time. A batch of 1,000 updates may name 1,000
/// customers; calling all of their objects at once would hold every body in memory twice.
pub const CONVERSATIONS_AT_ONCE: usize = 24;

/// Undelivered entries that one conversation holds. A bot that is down for the three days of the retry
/// schedule collects one customer's messages; 500 of them are more than a person writes, and at 2 KB each
/// they are 1 MB of one object's storage. What comes after that is dead-lettered, which keeps it.
pub const OPEN_ENTRIES_MAX: usize = 500;

/// Entries with which a conversation stays in its object's memory after a transaction; a longer one is read from storage
/// each time. At some 300 bytes an entry they are 20 KB, and ten thousand objects that all have so many 200 MB spread
/// over the isolates that they run in; the usual conversation has one entry or none.
pub const KEPT_ENTRIES_MAX: usize = 64;

/// Echo ids that the conversation's own row remembers; older ones move to a row each. An echo then costs two
/// rows at most: the conversation's row, and either the alarm (first echo of a hold) or an old echo's row.
pub const ECHOES_IN_ROW_MAX: usize = 16;

/// Most bytes of the header that tells the bot of a hold. Common servers take 8 KB of headers in all.
pub const HANDBACK_HEADER_BYTES_MAX: usize = 3 * KIB;

/// Most messages, and most characters of each, that are remembered of what a person wrote during a hold where the
/// owner shares it with the bot: more would not fit into the header above.
pub const HUMAN_TEXTS_MAX: usize = 16;
/// See [`HUMAN_TEXTS_MAX`].
pub const HUMAN_TEXT_CHARS_MAX: usize = 500;

/// Most events of a hold that are handed back to the bot. The customer's last words are what it is to answer; as
/// many as the outbox holds are more than a person writes.
pub const HANDED_BACK_MAX: usize = OPEN_ENTRIES_MAX;

/// Messages of a person's that can be made unsaid within a hold, because they turn out to be broadcasts. A broadcast is
/// recognised within its window of a minute; more than a few to one customer in a minute are no talk at all.
pub const LAST_WORDS_MAX: usize = 4;

/// How much later than its time a gathered burst may start at most, however long the customer goes on typing.
pub const BURST_EXTENSION_MAX: Millis = Millis::from_seconds(60);

/// Most texts that are gathered into one. A burst of more goes to the bot in several messages.
pub const BURST_TEXTS_MAX: usize = 20;

/// Different texts of a line that are watched for a broadcast at a time, and recipients counted for each. A
/// broadcast list of the app has at most 256 recipients; 64 × 256 names of about 200 bytes are 3.2 MB.
pub const BROADCAST_TEXTS_MAX: usize = 64;
/// See [`BROADCAST_TEXTS_MAX`].
pub const BROADCAST_RECIPIENTS_MAX: usize = 256;

/// Transitions that the journal of a conversation keeps.
pub const JOURNAL_MAX: usize = 64;

/// Longest text that is written in one row: a row of SQLite in a Durable Object holds at most 2 MB
/// (Cloudflare, Durable Objects limits, 2026). Longer bodies are written in parts of this size.
pub const ROW_TEXT_BYTES_MAX: usize = MIB;

/// Events that one page of a conversation's record shows, newest last.
pub const RECORD_EVENTS_MAX: usize = 200;

/// Longest number that stands for something at the Graph API. Those seen have 15 to 17 digits.
pub const GRAPH_NUMBER_DIGITS_MAX: usize = 32;

/// Most segments of a path to the Graph API: prefix, version, id and the deepest of the Cloud API's, with room.
pub const GRAPH_PATH_SEGMENTS_MAX: usize = 6;

/// Largest body of a message that is read. The richest, an interactive list or a template with a carousel, have some
/// 20 KB; a text has at most 4,096 characters, four bytes each. Media are uploaded apart and not read at all.
pub const SEND_BODY_BYTES_MAX: usize = 256 * KIB;

/// Longest answer of the Graph API to a message that is kept to be given again. Those seen have 200 to 400 bytes.
pub const SEND_ANSWER_BYTES_MAX: usize = 4 * KIB;

/// Longest `biz_opaque_callback_data` (Meta, "Messages", 2026).
pub const CALLBACK_DATA_CHARS_MAX: usize = 512;
/// Longest name of a template (Meta, "Templates", 2026).
pub const TEMPLATE_NAME_CHARS_MAX: usize = 512;

/// Sends that a conversation remembers, to know its own and to recognise a repetition. A bot that says more than this
/// to one customer within `duplicate_send_seconds` is beyond WhatsApp's own limit of one message in six seconds.
pub const SENDS_MAX: usize = 32;

/// How long a person may pause within one talk, and how late their first words may still answer the customer's last: who
/// writes after two hours has come back for something else. The last bucket of those histograms ends here.
pub const PERSON_PAUSE_MAX: Millis = Millis::from_seconds(2 * 3_600);
/// Observations from which a time is suggested: of 30, three lie beyond the 90th percentile.
pub const OBSERVATIONS_MIN: u64 = 30;
/// Most days that are looked back over. The desk keeps hours for 32.
pub const OBSERVED_DAYS_MAX: u64 = 30;

/// How long a send is remembered: a status of it that comes later than a day after it says nothing any more.
pub const REMEMBER_SENDS_FOR: Millis = Millis::from_seconds(86_400);

/// Collisions that a conversation remembers one by one; beyond this they are only counted.
pub const COLLISIONS_MAX: usize = 32;

/// How long the Graph API may take to answer a message. Half a second is usual; after a minute nobody waits any more.
pub const SEND_TIMEOUT: Millis = Millis::from_seconds(60);

/// After this long without an outcome a send counts as lost, its outcome unknown: its timeout, and 15 s in which the
/// answer travels back and is written down.
pub const SEND_LOST_AFTER: Millis = Millis::from_seconds(75);

/// How long a repetition waits before it asks what became of the first, while that is under way: half a Graph API's
/// usual answer at first, twice as long each time, and then these seconds. So in the longest case ([`SEND_LOST_AFTER`])
/// it asks some forty times; on the Free plan a request may make 1,000 calls of Cloudflare's own services.
pub const REPEAT_ASKS_AFTER: Millis = Millis::new(200);
/// See [`REPEAT_ASKS_AFTER`].
pub const REPEAT_ASKS_AFTER_MAX: Millis = Millis::from_seconds(2);

/// Customers of whom a Worker remembers where their conversation lives, and for how long: those whom a bot is answering.
pub const HOMES_MAX: usize = 512;
/// See [`HOMES_MAX`].
pub const HOME_FRESH_FOR: Millis = Millis::from_seconds(60);

/// Templates whose category a Worker remembers, and for how long. Meta changes a category after a day's notice at the
/// earliest (Meta, "Template categorization", 2026).
pub const TEMPLATES_REMEMBERED_MAX: usize = 256;
/// See [`TEMPLATES_REMEMBERED_MAX`].
pub const TEMPLATES_FRESH_FOR: Millis = Millis::from_seconds(600);

/// Largest answer about templates that is read: a hundred templates with their parts.
pub const TEMPLATES_ANSWER_BYTES_MAX: usize = 256 * KIB;

/// Business numbers of one deployment. The variable that names them holds 5 KB (Cloudflare, Workers limits, 2026).
pub const LINES_MAX: usize = 100;

/// Meta apps that the business numbers of one deployment belong to. Each has two secrets, and two more while they are
/// being changed; a Worker of the paid plan has 128 variables and secrets altogether (same page), which are 32 times four.
pub const APPS_MAX: usize = 32;

/// Time that one attempt at the bot may take, from the first byte sent to the last byte read. Standard
/// Webhooks asks for 15 to 30 s; a bot that thinks longer should answer first and think afterwards.
pub const ATTEMPT_TIMEOUT: Millis = Millis::from_seconds(15);

/// After this long without an outcome an attempt counts as lost, its outcome unknown: the timeout of the
/// attempt and 5 s for the object to be woken and to write.
pub const ATTEMPT_LOST_AFTER: Millis = Millis::from_seconds(20);

/// Most bytes of the bot's answer that are read. Its status is all that counts; reading on lets the bot
/// finish its work before the next message starts.
pub const BOT_ANSWER_BYTES_MAX: usize = 64 * KIB;

/// Shortest wait after the bot said "too many requests" or did not answer in time (Standard Webhooks).
pub const OVERLOAD_WAIT_MIN: Millis = Millis::from_seconds(60);

/// Share by which a retry comes earlier or later than the schedule says, in percent, so that the entries
/// that failed together do not come back together.
pub const RETRY_JITTER_PERCENT: u64 = 20;

/// How long a ghost (an `unsupported` message with error 131060) waits for the real message that follows
/// under the same wamid. Seen 200 ms apart; 10 s leave room for a retry of Meta's in between.
pub const GHOST_HOLD: Millis = Millis::from_seconds(10);

/// How long a receipt that goes straight from the Worker to the bot may take before Meta is answered
/// without it. Meta expects a median of 250 ms for the whole answer.
pub const RECEIPT_STRAIGHT_WAIT: Millis = Millis::new(150);

/// Receipts of one delivery that go straight to the bot. Production waits for the response headers of six
/// calls of one invocation at a time; the seventh receipt would queue behind a slow bot.
pub const RECEIPTS_STRAIGHT_MAX: usize = 6;

/// Receipts that a Worker remembers to have sent straight: at 200 webhooks a second half a minute's worth, and
/// at 16 bytes each 64 KB of its memory.
pub const RECEIPTS_REMEMBERED_MAX: usize = 4_096;

/// How long a wamid is remembered: Meta repeats a delivery for up to 7 days (webhooks overview, 2026), and
/// one day more for a delivery that was accepted late on its last day.
pub const REMEMBER_EVENTS_FOR: Millis = Millis::from_seconds(8 * 86_400);

/// How long the body of a withheld or dead-lettered event is kept.
pub const KEEP_BODIES_FOR: Millis = Millis::from_seconds(7 * 86_400);

/// Longest time for which the operator keeps the bot out of a conversation. What the bot misses meanwhile is kept for at
/// least [`REMEMBER_EVENTS_FOR`], a day longer than that.
pub const PAUSE_MAX: Millis = Millis::from_seconds(7 * 86_400);

/// How long an object that found something to forget waits before it looks again.
pub const FORGET_EVERY: Millis = Millis::from_seconds(86_400);

/// How long after a failure the alarm of an object tries again.
pub const ALARM_RETRY: Millis = Millis::from_seconds(30);

/// An alarm that should have rung this long ago is not coming, and is set anew. The platform delays alarms by up
/// to a minute, and gives up on one whose handler failed after about two (Cloudflare, Alarms API, 2026).
pub const ALARM_OVERDUE: Millis = Millis::from_seconds(300);

/// How long a policy that was read from KV stays in use before it is read again. KV itself may show a
/// change to another place only after 60 s (Cloudflare, "How KV works").
pub const POLICY_FRESH_FOR: Millis = Millis::from_seconds(30);

/// Objects that a call follows from one name of a customer to the next before it gives up, and names that one event
/// has linked. Names point at the home object directly; a second hop happens only while a link is being made. An
/// event that reports new names brings three at most: the old phone number, the new one and the new user id.
pub const HOPS_MAX: usize = 8;

/// How long KV may show another place what was there before: 60 s (Cloudflare, "How KV works").
pub const KV_SPREADS_WITHIN: Millis = Millis::from_seconds(60);

/// Within which time a change of the policy has reached every isolate.
pub const IN_FORCE_WITHIN: Millis = POLICY_FRESH_FOR.plus(KV_SPREADS_WITHIN);

/// How long to wait before a key of KV is written again: one write a second is allowed (Cloudflare, Workers KV limits,
/// 2026).
pub const KV_WRITE_AGAIN: Millis = Millis::new(1_100);

/// How often one change puts a newer version into KV that came meanwhile. Each such version has a caller of its own who
/// does the same.
pub const PUBLISH_ROUNDS_MAX: usize = 3;

/// Versions of the policy that are kept. At [`POLICY_BYTES_MAX`] each they are 3.2 MB, which the object that shows them
/// holds twice for a moment.
pub const POLICY_VERSIONS_MAX: u32 = 50;

/// Longest note to a version of the policy, in characters.
pub const POLICY_NOTE_CHARS_MAX: usize = 200;

/// Fewest characters of the operator's token. Ten guesses in five minutes from each of [`ATTEMPT_ADDRESSES_MAX`]
/// addresses are 12 million a day: half a day for six digits thought of in a hurry, for ever for 16 random letters (2^75).
pub const ADMIN_TOKEN_CHARS_MIN: usize = 16;

/// Longest token that is compared with the operator's.
pub const ADMIN_TOKEN_CHARS_MAX: usize = 512;

/// How long a session lasts: a working day, so that nobody has to sign in twice, and none lasts into the next.
pub const SESSION_LASTS: Millis = Millis::from_seconds(12 * 3_600);

/// Session cookies of one request that are looked at. A browser sends one; a neighbour under the same domain may add
/// some, and each costs four HMACs.
pub const SESSION_COOKIES_MAX: usize = 4;

/// Failed attempts from one address before it has to wait: more than anybody mistypes.
pub const ATTEMPTS_MAX: u32 = 10;

/// Within which time failed attempts are counted, and for how long an address then has to wait.
pub const ATTEMPTS_WINDOW: Millis = Millis::from_seconds(300);

/// Addresses of which failed attempts are kept at a time: at about 100 bytes each 400 KB. Whoever has more addresses than
/// that is not slowed by a limit per address.
pub const ATTEMPT_ADDRESSES_MAX: u32 = 4_096;

/// Longest assertion of Cloudflare Access that is read. Those seen have 1 to 2 KB; all headers of a request come to
/// 128 KB at most (Cloudflare, Workers limits, 2026).
pub const ACCESS_TOKEN_CHARS_MAX: usize = 16 * KIB;

/// Largest list of a team's keys that is read: two keys and their certificates are about 5 KB.
pub const ACCESS_CERTS_BYTES_MAX: usize = 64 * KIB;

/// Keys of a team that are kept. Access shows two at a time (Cloudflare One, "Validate JWTs", 2026).
pub const ACCESS_KEYS_MAX: usize = 8;

/// How long a team's keys stay in use before they are read again. Access changes them every six weeks, and the ones
/// before stay good for seven days (same page).
pub const ACCESS_KEYS_FRESH_FOR: Millis = Millis::from_seconds(3_600);

/// How soon the keys are read again for an assertion whose key is unknown, so that nobody can have them read at will.
pub const ACCESS_KEYS_RETRY: Millis = Millis::from_seconds(60);

/// How long a team's keys may take to arrive.
pub const ACCESS_CERTS_TIMEOUT: Millis = Millis::from_seconds(5);

/// How far Cloudflare's clocks may be from each other where an assertion begins and ends.
pub const ACCESS_LEEWAY: Millis = Millis::from_seconds(30);

/// How often the gate looks again after an erasure, until it finds nothing. A report to the desk that was under way arrives
/// within a fraction of a second and is taken back then; where one takes longer than these six seconds, the operator is
/// told that something remains, and erases again.
pub const ERASE_LOOKS_MAX: u32 = 12;
/// See [`ERASE_LOOKS_MAX`].
pub const ERASE_LOOK_AGAIN_AFTER: Millis = Millis::new(500);

/// Time that each part has to answer while the gate looks at itself. They are tried one after the other: where all of them
/// hang, an operator waits for half a minute, and learns which.
pub const DIAGNOSIS_TIMEOUT: Millis = Millis::from_seconds(5);

/// Time that one request of a probe may take; there are two at most, and whoever asks for it waits.
pub const PROBE_TIMEOUT: Millis = Millis::from_seconds(10);

/// How often the office is told that a secret is in use, by each isolate: an isolate that lives for a day writes 24 rows
/// for each of a deployment's five to ten secrets.
pub const SECRET_USE_TOLD_EVERY: Millis = Millis::from_seconds(3_600);
/// How long an isolate waits before it tells again what the office could not be told.
pub const SECRET_USE_TOLD_AGAIN: Millis = Millis::from_seconds(60);

/// Secrets of one name that the office remembers: the two that are good, and the two that were before.
pub const SECRETS_REMEMBERED_MAX: i64 = 4;
/// How long the office remembers a secret that nobody uses: over a year, so that a yearly change still knows the last.
pub const SECRETS_REMEMBERED_FOR: Millis = Millis::from_seconds(400 * 86_400);
