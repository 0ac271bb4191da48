//! Rules: which messages are whose. The first that matches decides.
//!
//! Invariant: every rule can be reached, names a bot that exists, and says completely what it wants.
//!
//! Not here: the conditions of a rule (`when`), and what the gate does with a verdict (`conversation`).

use super::read::{At, Reader, Table};
use super::when::{View, When};
use crate::ids::{BotName, RuleName};
use crate::limits::{RULE_NAME_CHARS_MAX, RULES_MAX};
use crate::time::Millis;

pub(super) const KEYS: [&str; 5] = ["name", "when", "then", "human_first_seconds", "bot"];
const EXAMPLE: &str = "{\"name\": \"orders\", \"when\": {\"kind\": \"order\"}, \"then\": \"human\"}";

/// How long a rule may leave a message to a person. A customer who has heard nothing for an hour is answered by
/// whoever can.
pub(super) const HUMAN_FIRST_SECONDS_MAX: u64 = 3_600;

/// What `then` may be. The time of `human_first` stands beside it.
pub(super) const THEN: [(&str, Verdict); 4] = [
    ("bot", Verdict::Bot),
    ("human", Verdict::Human),
    ("ignore", Verdict::Ignore),
    ("human_first", Verdict::HumanFirst(Millis::new(0))),
];

/// What becomes of a message, and which rule says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision<'p> {
    /// The bot that gets it; `None` for the one at `BOT_URL`.
    pub bot: Option<&'p BotName>,
    /// The rule; `None` where none matched.
    pub rule: Option<&'p RuleName>,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a message while the bot holds the baton.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The bot gets it.
    Bot,
    /// The bot never gets it; a person is to answer.
    Human,
    /// The bot gets it after this time, unless a person answers first.
    HumanFirst(Millis),
    /// The bot never gets it, and nobody need answer.
    Ignore,
}

impl Verdict {
    /// A person first for this long; where nobody is in the shop, or for no time at all, the bot at once.
    pub(super) fn human_first(wait: Millis, is_open: bool) -> Self {
        if is_open && wait > Millis::default() { Self::HumanFirst(wait) } else { Self::Bot }
    }
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name, for explanations.
    pub name: RuleName,
    /// The bot that gets what is a bot's; `None` for the one at `BOT_URL`.
    bot: Option<BotName>,
    then: Verdict,
    when: When,
}

impl Rule {
    /// Whether the rule looks at the phone's address book.
    #[must_use]
    pub fn looks_at_contacts(&self) -> bool {
        self.when.looks_at_contacts()
    }

    /// Whether the rule looks for a marker that this contact's name bears.
    #[must_use]
    pub fn marks(&self, contact: &str) -> bool {
        self.when.marks(contact)
    }

    /// What the rule makes of a message; `None` where it does not match.
    pub(super) fn decide(&self, view: &View<'_>, is_open: bool) -> Option<Decision<'_>> {
        let verdict = match self.then {
            Verdict::HumanFirst(wait) => Verdict::human_first(wait, is_open),
            plain @ (Verdict::Bot | Verdict::Human | Verdict::Ignore) => plain,
        };
        self.when.matches(view).then_some(Decision { bot: self.bot.as_ref(), rule: Some(&self.name), verdict })
    }
}

/// Reads all rules; `has_hours` tells whether there are opening hours to be inside or outside of.
pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, has_hours: bool) -> Vec<Rule> {
    let items = reader.list(at, RULES_MAX);
    let mut rules: Vec<Rule> = Vec::new();
    let (mut end, mut is_told): (Option<RuleName>, bool) = (None, false);
    for item in &items {
        if let Some(end) = end.take() {
            let reason =
                format!("is never reached, nor is any after it: the rule \"{}\" matches everything", end.as_str());
            reader.wrong(&item.path, reason);
            is_told = true;
        }
        let before = reader.mistakes.len();
        let Some(rule) = rule(reader, item, has_hours) else { continue };
        // A condition with a mistake is left out of `when`, and is no reason to call a rule unconditional.
        let is_whole = reader.mistakes.len() == before;
        if rules.iter().any(|earlier| earlier.name == rule.name) {
            reader.wrong(format!("{}.name", item.path), "is the name of an earlier rule; every rule has its own");
        }
        if is_whole && rule.when.is_everything() && !is_told {
            end = Some(rule.name.clone());
        }
        rules.push(rule);
    }
    rules
}

fn rule(reader: &mut Reader<'_>, at: &At<'_>, has_hours: bool) -> Option<Rule> {
    let table = reader.table(at, &KEYS, EXAMPLE)?;
    let expected = format!("a name of 1 to {RULE_NAME_CHARS_MAX} characters on one line");
    let name = reader.required(&table, "name", "it is what explanations call the rule");
    let name = name.and_then(|at| reader.parsed(&at, &expected, RuleName::parse));
    let when = table.get("when").map_or_else(When::default, |at| When::read(reader, &at, has_hours));
    let then = then(reader, &table);
    let bot = table.get("bot").and_then(|at| bot(reader, &at, then));
    Some(Rule { name: name?, bot, then: then?, when })
}

fn then(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<Verdict> {
    const WAIT: &str = "human_first_seconds";
    let at = reader.required(table, "then", "it is one of \"bot\", \"human\", \"ignore\", \"human_first\"")?;
    let then = reader.choice(&at, &THEN)?;
    let wait = table.get(WAIT);
    match (then, wait) {
        (Verdict::HumanFirst(_), Some(at)) => {
            reader.seconds(&at, &(1..=HUMAN_FIRST_SECONDS_MAX)).map(Verdict::HumanFirst)
        }
        (Verdict::HumanFirst(_), None) => {
            reader.wrong(table.path(WAIT), format!("is missing; \"human_first\" needs 1 to {HUMAN_FIRST_SECONDS_MAX}"));
            None
        }
        (Verdict::Bot | Verdict::Human | Verdict::Ignore, Some(at)) => {
            reader.wrong(&at.path, "only goes with \"then\": \"human_first\"");
            None
        }
        (plain @ (Verdict::Bot | Verdict::Human | Verdict::Ignore), None) => Some(plain),
    }
}

fn bot(reader: &mut Reader<'_>, at: &At<'_>, then: Option<Verdict>) -> Option<BotName> {
    if matches!(then, Some(Verdict::Human | Verdict::Ignore)) {
        reader.wrong(&at.path, "only goes with \"then\": \"bot\" or \"human_first\"");
        return None;
    }
    let bots = reader.bots;
    let names: Vec<&str> = bots.iter().map(BotName::as_str).collect();
    let expected = if names.is_empty() {
        "the name of a bot in [vars.BOTS], and there is none; leave the key out for the one at BOT_URL".to_owned()
    } else {
        format!("the name of a bot in [vars.BOTS]: {}; leave the key out for the one at BOT_URL", names.join(", "))
    };
    reader.parsed(at, &expected, |text| bots.iter().find(|name| name.as_str() == text).cloned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(rules: &Value, bots: &[&str], has_hours: bool) -> Vec<String> {
        let bots: Vec<BotName> = bots.iter().map(|name| BotName::parse(name).unwrap()).collect();
        let mut reader = Reader::new(&bots);
        read(&mut reader, &At { path: "rules".to_owned(), value: rules }, has_hours);
        reader.mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_that_is_not_complete_and_sound_is_told_with_its_path() {
        for (rule, expected) in [
            (json!("bot"), "rules[0]: must be an object"),
            (json!({"then": "bot"}), "rules[0].name: is missing"),
            (json!({"name": "", "then": "bot"}), "rules[0].name: must be a name of 1 to 64 characters"),
            (json!({"name": "a".repeat(65), "then": "bot"}), "rules[0].name: must be a name"),
            (json!({"name": "a\nb", "then": "bot"}), "rules[0].name: must be a name"),
            (json!({"name": "a"}), "rules[0].then: is missing"),
            (json!({"name": "a", "then": "robot"}), "rules[0].then: must be one of \"bot\", \"human\""),
            (json!({"name": "a", "then": "human_first"}), "rules[0].human_first_seconds: is missing"),
            (
                json!({"name": "a", "then": "human_first", "human_first_seconds": 0}),
                "rules[0].human_first_seconds: must be a whole number of seconds from 1 to 3600",
            ),
            (
                json!({"name": "a", "then": "human_first", "human_first_seconds": 3_601}),
                "rules[0].human_first_seconds: must be a whole number",
            ),
            (
                json!({"name": "a", "then": "bot", "human_first_seconds": 60}),
                "rules[0].human_first_seconds: only goes with",
            ),
            (
                json!({"name": "a", "then": "bot", "bot": "support"}),
                "rules[0].bot: must be the name of a bot in [vars.BOTS]: sales;",
            ),
            (json!({"name": "a", "then": "bot", "bot": 1}), "rules[0].bot: must be the name of a bot"),
            (json!({"name": "a", "then": "human", "bot": "sales"}), "rules[0].bot: only goes with"),
            (json!({"name": "a", "then": "ignore", "bot": "sales"}), "rules[0].bot: only goes with"),
            (json!({"name": "a", "then": "bot", "if": {}}), "rules[0].if: is not a key here; the keys are name, when,"),
            (json!({"name": "a", "then": "bot", "when": []}), "rules[0].when: must be an object"),
            (json!({"name": "a", "then": "bot", "when": {"kinds": "text"}}), "rules[0].when.kinds: is not a key here"),
        ] {
            let told = told(&json!([rule]), &["sales"], true);
            assert_eq!(told.len(), 1, "{rule}: {told:?}");
            assert!(told[0].starts_with(expected), "{rule}: {told:?}");
        }
        let none = told(&json!([{"name": "a", "then": "bot", "bot": "sales"}]), &[], false);
        assert!(none[0].contains("there is none"), "{none:?}");
    }

    #[test]
    fn conditions_that_could_never_hold_are_mistakes() {
        for (when, expected) in [
            (json!({"kind": []}), "kind: is an empty list"),
            (json!({"kind": "Image"}), "kind: must be a type of message"),
            (json!({"kind": ["image", 5]}), "kind[1]: must be a type of message"),
            (json!({"kind": "a".repeat(33)}), "kind: must be a type of message"),
            (json!({"text": []}), "text: is an empty list"),
            (json!({"text": ["a", {"regex": "("}]}), "text[1].regex: is not a regular expression"),
            (json!({"customer": ["34600000000", "0034600000000"]}), "customer[1]: must be a phone number"),
            (json!({"customer": "+34 600 000 000"}), "customer: must be a phone number"),
            (json!({"customer": 34_600_000_000_u64}), "customer: must be a phone number"),
            (json!({"country": 55}), "country: must be a calling code"),
            (json!({"country": "BR"}), "country: must be a calling code"),
            (json!({"country": ["+55", "055"]}), "country[1]: must be a calling code"),
            (json!({"country": "1234567"}), "country: must be a calling code"),
            (json!({"contact": " "}), "contact: must be a text"),
            (json!({"reply_id": {"suffix": "a"}}), "reply_id.suffix: is not a key here"),
            (json!({"reply_id": 1}), "reply_id: must be an object"),
            (json!({"referral": "yes"}), "referral: must be true or false"),
            (json!({"line": "a b"}), "line: must be a phone_number_id"),
            (json!({"opening_hours": true}), "opening_hours: must be one of \"inside\", \"outside\""),
        ] {
            let told = told(&json!([{"name": "a", "then": "bot", "when": when}]), &[], true);
            assert!(told[0].starts_with(&format!("rules[0].when.{expected}")), "{when}: {told:?}");
        }
        let rule = json!([{"name": "a", "then": "bot", "when": {"opening_hours": "inside"}}]);
        assert_eq!(told(&rule, &[], true), Vec::<String>::new());
        assert_eq!(
            told(&rule, &[], false),
            ["rules[0].when.opening_hours: needs opening_hours in the policy, and there are none"]
        );
    }

    #[test]
    fn names_are_given_once_and_no_rule_stands_behind_one_that_matches_everything() {
        let rule = |name: &str, when: Value| json!({"name": name, "then": "bot", "when": when});
        let some = || json!({"kind": "text"});
        for (rules, expected) in [
            (json!([rule("a", some()), rule("b", some()), rule("c", json!({}))]), &[][..]),
            (
                json!([rule("a", some()), rule("b", some()), rule("a", some())]),
                &["rules[2].name: is the name of an earlier"],
            ),
            (json!([rule("a", json!({})), rule("b", some()), rule("c", json!({}))]), &["rules[1]: is never reached"]),
            (json!([{"name": "a", "then": "bot"}, rule("b", some())]), &["rules[1]: is never reached"]),
            (json!([rule("a", json!({"kind": 5})), rule("b", some())]), &["rules[0].when.kind: must be a type"]),
            (json!([rule("a", json!({"knd": "text"})), rule("b", some())]), &["rules[0].when.knd: is not a key"]),
        ] {
            let told = told(&rules, &[], false);
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.starts_with(expected), "{told:?}");
            }
        }
    }

    #[test]
    fn there_may_be_as_many_rules_as_the_limit_says() {
        let rules = |count: usize| {
            (0..count).map(|at| json!({"name": at.to_string(), "then": "bot", "when": {"kind": "text"}})).collect()
        };
        assert_eq!(told(&Value::Array(rules(RULES_MAX)), &[], false), Vec::<String>::new());
        assert_eq!(told(&Value::Array(rules(RULES_MAX + 1)), &[], false), ["rules: must be a list of at most 100"]);
    }
}
