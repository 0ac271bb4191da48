//! What the owner may configure: one document, parsed whole.
//!
//! The document is a JSON object: the table `[vars.BATON_POLICY]` of `wrangler.toml`, or the text under the
//! key `policy` in KV. A key that is left out has its default.
//!
//! Invariant: a [`Policy`] that exists is valid. A document is refused as a whole, with every mistake in it
//! and how to mend it, so that a half-understood policy never decides over a message.
//!
//! | file | what it holds |
//! |---|---|
//! | `document` | the keys, their ranges, and times that contradict each other |
//! | `read` | reading values, and writing mistakes down with their paths |
//! | `rules`, `when` | whose a message is, and on what conditions |
//! | `fence` | what becomes of the bot's sends |
//! | `text`, `letters` | patterns and phrases, and small letters |
//! | `overlay` | the document of a line, over the general one |
//! | `version` | a document among others, and where the one in force comes from |
//! | `hours`, `zones` | opening hours, and what clocks show |
//! | `reference` | the keys as data, for the manual and for programs; no part of the Worker |
//!
//! `docs/policy.md` explains the document to whoever writes one.
//!
//! Not here: secrets and addresses (`settings`), bounds that nobody may change (`limits`).

pub mod fence;
pub mod hours;
pub mod letters;
pub mod overlay;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub mod reference;

pub mod rules;
pub mod text;
pub mod version;

mod document;
mod read;
pub mod when;
mod zones;

use core::fmt;

use crate::ids::BotName;
use crate::time::{Millis, UnixMillis};
use fence::FencePolicy;
use hours::OpeningHours;
use rules::{Decision, Rule, Verdict};
use text::{Phrase, Said, TextPattern};
use when::Subject;
use when::View;

/// How a conversation is to be conducted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Whether data points are written for Workers Analytics Engine.
    pub analytics: bool,
    /// Texts of the app itself (greeting, away, quick texts): an echo of one never takes the baton.
    pub automation_texts: Vec<TextPattern>,
    /// When the same words to many customers count as a broadcast; `None` where never.
    pub broadcast: Option<Broadcast>,
    /// How a customer's messages are gathered before they go to the bot.
    pub burst: Burst,
    /// What becomes of the bot's sends.
    pub fence: FencePolicy,
    /// How long a customer waits unanswered before the baton goes back to the bot.
    pub hand_back_after: Millis,
    /// A person's own words that hand the baton back at once.
    pub handback_phrases: Vec<Phrase>,
    /// How long a message is held so that a person may answer first; inside the opening hours, where there are any.
    pub human_first: Millis,
    /// How long the body of a withheld or dead-lettered event is kept.
    pub keep_bodies: Millis,
    /// How long a person keeps the baton after their last message from the phone.
    pub lease: Millis,
    /// How long after it was taken the lease slides no further.
    pub max_hold: Millis,
    /// Whether the gate does what it decides, or only writes it down.
    pub mode: Mode,
    /// What the bot gets of what it missed.
    pub on_handback: OnHandback,
    /// When the shop is open; `None` where that makes no difference.
    pub opening_hours: Option<OpeningHours>,
    /// How long to wait before each attempt at an entry; its length is the number of attempts.
    pub retry_schedule: Vec<Millis>,
    /// Whether withdrawing the message that took the baton gives it back.
    pub revoke_undoes: bool,
    /// The first rule that matches a message decides.
    pub rules: Vec<Rule>,
    /// Whether the bot is told at a handback what the person wrote.
    pub share_human_text: bool,
    /// How old a message may be on arrival before it no longer wakes the bot; `None` where any age will do.
    pub stale_after: Option<Millis>,
    /// A customer's words that ask for a person.
    pub take_phrases: Vec<Phrase>,
    /// How long a customer waits unanswered before the owner is warned.
    pub warn_after: Millis,
}

/// Whether the gate does what it decides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// Everything passes, and what would have been withheld or prevented is written down.
    Observe,
}

impl Mode {
    /// The mode in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// When the same words to many customers are a broadcast and no person's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broadcast {
    /// To this many customers of a line.
    pub recipients: usize,
    /// Within this time.
    pub window: Millis,
}

/// How a customer's messages are gathered before they go to the bot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Burst {
    /// How the gathered messages are sent.
    pub mode: BurstMode,
    /// How long the customer must have been silent.
    pub wait: Millis,
}

/// How gathered messages are sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BurstMode {
    /// Texts that follow each other become one.
    MergeText,
    /// One by one, in order.
    #[default]
    Separate,
}

/// What the bot gets of what it missed while a person held the baton.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnHandback {
    /// Every message.
    All,
    /// Nothing.
    None,
    /// What came after the person's last words.
    #[default]
    Unanswered,
}

impl Default for Policy {
    /// Half an hour for the person, half an hour for a customer who waits; the retry schedule of the Standard
    /// Webhooks specification.
    fn default() -> Self {
        let schedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self {
            analytics: false,
            automation_texts: Vec::new(),
            broadcast: Some(Broadcast { recipients: 10, window: Millis::from_seconds(60) }),
            burst: Burst::default(),
            fence: FencePolicy::default(),
            hand_back_after: Millis::from_seconds(1_800),
            handback_phrases: Vec::new(),
            human_first: Millis::default(),
            keep_bodies: Millis::from_seconds(7 * 86_400),
            lease: Millis::from_seconds(1_800),
            max_hold: Millis::from_seconds(43_200),
            mode: Mode::default(),
            on_handback: OnHandback::default(),
            opening_hours: None,
            retry_schedule: schedule.into_iter().map(Millis::from_seconds).collect(),
            revoke_undoes: true,
            rules: Vec::new(),
            share_human_text: false,
            stale_after: Some(Millis::from_seconds(1_800)),
            take_phrases: Vec::new(),
            warn_after: Millis::from_seconds(600),
        }
    }
}

/// One mistake in a policy document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyError {
    /// Where: a key, or a key and an index.
    pub path: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Policy {
    /// Reads a policy document; `bots` are those that its rules may name.
    ///
    /// # Errors
    ///
    /// Every mistake of the document, in the order in which `docs/policy.md` explains the keys.
    pub fn parse(document: &str, bots: &[BotName]) -> Result<Self, Vec<PolicyError>> {
        document::read(document, bots)
    }

    /// Whether everything passes, and what would have been withheld or prevented is only written down.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.mode == Mode::Observe
    }

    /// What becomes of a customer's message while the bot holds the baton: the verdict of the first rule that
    /// matches, else the default.
    #[must_use]
    pub fn decide(&self, subject: &Subject<'_>, now: UnixMillis) -> Decision<'_> {
        let is_open = self.opening_hours.as_ref().map(|hours| hours.is_open(now));
        let view = View::new(subject, is_open);
        // Without opening hours somebody may always be there.
        let may_answer = is_open.unwrap_or(true);
        let default =
            || Decision { bot: None, rule: None, verdict: Verdict::human_first(self.human_first, may_answer) };
        self.rules.iter().find_map(|rule| rule.decide(&view, may_answer)).unwrap_or_else(default)
    }

    /// Whether an echo of this text is the app's own and no person's.
    #[must_use]
    pub fn is_automation(&self, text: &str) -> bool {
        let said = Said::new(text);
        self.automation_texts.iter().any(|pattern| pattern.is_in(&said))
    }

    /// Whether a person hands the baton back with this text.
    #[must_use]
    pub fn hands_back(&self, text: &str) -> bool {
        let said = Said::new(text);
        self.handback_phrases.iter().any(|phrase| phrase.is_in(&said))
    }

    /// Whether a customer asks for a person with this text.
    #[must_use]
    pub fn asks_for_person(&self, text: &str) -> bool {
        let said = Said::new(text);
        self.take_phrases.iter().any(|phrase| phrase.is_in(&said))
    }

    /// Whether any rule looks at the phone's address book.
    #[must_use]
    pub fn looks_at_contacts(&self) -> bool {
        self.rules.iter().any(Rule::looks_at_contacts)
    }

    /// Whether a rule looks for a marker that this contact's name bears.
    #[must_use]
    pub fn is_marked(&self, contact: &str) -> bool {
        self.rules.iter().any(|rule| rule.marks(contact))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(document: &Value) -> Policy {
        let bots = ["sales", "support"].map(|name| BotName::parse(name).unwrap());
        Policy::parse(&document.to_string(), &bots).unwrap()
    }

    /// Monday, 23 November 2026, at this hour in UTC.
    fn monday(hour: u64) -> UnixMillis {
        UnixMillis::from_seconds(1_795_392_000 + hour * 3_600)
    }

    /// What one rule with this condition says to a message: whether it matches.
    fn matches(when: &Value, subject: &Subject<'_>) -> bool {
        let policy = policy(&json!({"rules": [{"name": "rule", "when": when, "then": "human"}]}));
        let decision = policy.decide(subject, monday(12));
        assert_eq!(decision.rule.is_some(), decision.verdict == Verdict::Human);
        decision.rule.is_some()
    }

    #[test]
    fn a_condition_holds_for_what_it_names_and_never_for_what_is_unknown() {
        let subject = Subject {
            bsuid: Some("ES.1"),
            contact: Some("Maria  #VIP (Valencia)"),
            kind: "text",
            line: Some("300"),
            phone: Some("34600000000"),
            referral: false,
            reply_id: Some("Order-7"),
            text: Some("¿Dónde está mi pedido?"),
        };
        for (when, expected) in [
            (json!({}), true),
            (json!({"kind": "text"}), true),
            (json!({"kind": ["image", "text"]}), true),
            (json!({"kind": "image"}), false),
            (json!({"text": {"phrase": "mi pedido"}}), true),
            (json!({"text": ["mi pedido", {"prefix": "¿dónde"}]}), true),
            (json!({"text": "mi pedido"}), false),
            (json!({"customer": "34600000000"}), true),
            (json!({"customer": ["+34600000000", "34999999999"]}), true),
            (json!({"customer": "ES.1"}), true),
            (json!({"customer": ["3460000000", "ES.2"]}), false),
            (json!({"country": "34"}), true),
            (json!({"country": ["+351", "+34"]}), true),
            (json!({"country": ["+351", "55"]}), false),
            (json!({"contact": "#vip"}), true),
            (json!({"contact": ["no bot", "maria #vip"]}), true),
            (json!({"contact": "no bot"}), false),
            (json!({"reply_id": "Order-7"}), true),
            (json!({"reply_id": ["a", {"prefix": "Order-"}]}), true),
            (json!({"reply_id": "order-7"}), false),
            (json!({"reply_id": {"prefix": "rder"}}), false),
            (json!({"referral": false}), true),
            (json!({"referral": true}), false),
            (json!({"line": ["299", "300"]}), true),
            (json!({"line": "30"}), false),
            // All conditions must hold.
            (json!({"kind": "text", "country": "34", "line": "300"}), true),
            (json!({"kind": "text", "country": "55", "line": "300"}), false),
        ] {
            assert_eq!(matches(&when, &subject), expected, "{when}");
        }
        let unknown = Subject { kind: "image", ..Subject::default() };
        for when in [
            json!({"text": {"regex": ".*"}}),
            json!({"customer": ["34600000000", "ES.1"]}),
            json!({"country": "34"}),
            json!({"contact": "vip"}),
            json!({"reply_id": {"prefix": "a"}}),
            json!({"line": "300"}),
        ] {
            assert!(!matches(&when, &unknown), "{when}");
        }
        assert!(matches(&json!({"country": "34"}), &Subject { phone: Some("+34600000000"), ..unknown }));
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_no_rule_means_the_default() {
        let policy = policy(&json!({
            "human_first_seconds": 30,
            "opening_hours": {"time_zone": "UTC", "monday": ["09:00-18:00"]},
            "rules": [
                {"name": "spam", "when": {"text": {"contains": "crypto"}}, "then": "ignore"},
                {"name": "orders", "when": {"kind": "order"}, "then": "human"},
                {"name": "ads", "when": {"referral": true}, "then": "bot", "bot": "sales"},
                {"name": "night", "when": {"opening_hours": "outside", "kind": "text"}, "then": "bot", "bot": "support"},
                {"name": "photos", "when": {"kind": "image"}, "then": "human_first", "human_first_seconds": 120, "bot": "support"},
            ],
        }));
        let text = Subject { kind: "text", text: Some("hello"), ..Subject::default() };
        let first = |seconds| Verdict::HumanFirst(Millis::from_seconds(seconds));
        for (subject, hour, rule, verdict, bot) in [
            (text, 12, None, first(30), None),
            (text, 20, Some("night"), Verdict::Bot, Some("support")),
            (Subject { kind: "audio", ..text }, 20, None, Verdict::Bot, None),
            (Subject { text: Some("Crypto!"), referral: true, ..text }, 12, Some("spam"), Verdict::Ignore, None),
            (Subject { kind: "order", referral: true, ..text }, 12, Some("orders"), Verdict::Human, None),
            (Subject { referral: true, ..text }, 12, Some("ads"), Verdict::Bot, Some("sales")),
            (Subject { kind: "image", ..text }, 12, Some("photos"), first(120), Some("support")),
            (Subject { kind: "image", ..text }, 20, Some("photos"), Verdict::Bot, Some("support")),
        ] {
            let decision = policy.decide(&subject, monday(hour));
            assert_eq!(decision.rule.map(crate::ids::RuleName::as_str), rule, "{subject:?} at {hour}");
            assert_eq!(decision.verdict, verdict, "{subject:?} at {hour}");
            assert_eq!(decision.bot.map(BotName::as_str), bot, "{subject:?} at {hour}");
        }
    }

    #[test]
    fn a_person_is_first_at_any_time_where_there_are_no_opening_hours_and_never_by_default() {
        let text = Subject { kind: "text", ..Subject::default() };
        let first = policy(&json!({"human_first_seconds": 30}));
        assert_eq!(first.decide(&text, monday(3)).verdict, Verdict::HumanFirst(Millis::from_seconds(30)));
        let nothing = Decision { bot: None, rule: None, verdict: Verdict::Bot };
        assert_eq!(Policy::default().decide(&text, monday(3)), nothing);
    }

    #[test]
    fn a_contact_is_marked_where_a_rule_looks_for_something_in_its_name() {
        let policy = policy(&json!({"rules": [
            {"name": "a", "when": {"kind": "text", "contact": ["#vip", "🔇"]}, "then": "human"},
            {"name": "b", "when": {"contact": "proveedor"}, "then": "ignore"},
        ]}));
        for (name, marked) in
            [("Ana #VIP", true), ("🔇 Luis", true), ("Proveedor de telas", true), ("Ana VIP", false), ("", false)]
        {
            assert_eq!(policy.is_marked(name), marked, "{name:?}");
        }
        assert!(!Policy::default().is_marked("Ana #VIP"));
    }

    #[test]
    fn texts_of_the_app_and_words_of_either_side_are_known() {
        let policy = policy(&json!({
            "automation_texts": ["Gracias por escribirnos.\nAbrimos a las 9.", {"prefix": "Hola 👋"}, {"regex": "^Pedido #\\d+ recibido$"}],
            "handback_phrases": ["#bot", "te dejo con el asistente"],
            "take_phrases": ["asesor", "hablar con una persona"],
        }));
        assert!(policy.is_automation(" gracias por escribirnos. abrimos a las 9. "));
        assert!(policy.is_automation("Hola 👋 Laura"));
        assert!(policy.is_automation("Pedido #77 recibido"));
        assert!(!policy.is_automation("Gracias por escribirnos. Abrimos a las 9. Un saludo, Ana"));
        assert!(policy.hands_back("#Bot") && policy.hands_back("Listo, te dejo con el asistente 👋"));
        assert!(!policy.hands_back("eso lo hace el bot"));
        assert!(policy.asks_for_person("¡Asesor!") && policy.asks_for_person("Quiero hablar con una persona, ya"));
        assert!(!policy.asks_for_person("el asesor fue amable"));
    }

    #[test]
    fn debug_shows_neither_customers_nor_contacts() {
        let when = json!({"customer": ["34600000000", "ES.13491208655302741918"], "contact": "Maria Valencia"});
        let shown = format!("{:?}", policy(&json!({"rules": [{"name": "a", "when": when, "then": "human"}]})));
        for personal in ["34600000000", "13491208655302741918", "maria", "Maria"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }

    #[test]
    fn policies_are_equal_where_their_documents_say_the_same() {
        let document = |source: &str| {
            policy(&json!({"rules": [{"name": "a", "when": {"text": {"regex": source}}, "then": "human"}]}))
        };
        assert_eq!(document("a+"), document("a+").clone());
        assert_ne!(document("a+"), document("a*"));
    }
}
