//! The document of a line: the keys in which it differs, over the general document.
//!
//! Invariant: what comes of the two is read as a whole, as any policy is. A key of the line's takes the place of the
//! general one entirely, lists and tables too: the rules of a line are its own rules or the general ones, never both.
//! So whoever reads either document knows what a key says without looking for what might have been joined to it.
//!
//! What contradicts itself only together (a line's lease that is longer than the general longest hold) is a mistake of
//! the line's: the general document is in force for others, and was found good by itself.
//!
//! Not here: which documents are in force (`edge::inforce`).

use serde_json::{Map, Value};

use super::document;
use super::{Policy, PolicyError};
use crate::ids::BotName;
use crate::json;

/// The key that names bots.
const RULES: &str = "rules";

/// Two documents as one.
struct Overlaid {
    document: Map<String, Value>,
    /// Whether the rules are the line's own.
    has_own_rules: bool,
}

impl Policy {
    /// Reads the document of a line over the general one. Rules of the general document may name any of `bots`, the
    /// line's own only those of them that `may_name` says yes to: they could lead one line's messages to the bot that
    /// another has for its own.
    ///
    /// # Errors
    ///
    /// Every mistake of the two together.
    pub fn of_line(
        general: &str,
        own: &str,
        bots: &[BotName],
        may_name: impl Fn(&BotName) -> bool,
    ) -> Result<Self, Vec<PolicyError>> {
        match overlaid(general, own) {
            Ok(Overlaid { document, has_own_rules }) => {
                let bots: Vec<BotName> = bots.iter().filter(|bot| !has_own_rules || may_name(bot)).cloned().collect();
                document::read_value(Ok(Value::Object(document)), &bots)
            }
            Err(reason) => document::read_value(Err(reason), bots),
        }
    }
}

/// What the document of a line and the general one come to, as one document; `None` where either is none.
#[must_use]
pub fn effective(general: &str, own: &str) -> Option<String> {
    json::write(&overlaid(general, own).ok()?.document).ok()
}

fn overlaid(general: &str, own: &str) -> Result<Overlaid, String> {
    let (mut document, own) = (object(general)?, object(own)?);
    let has_own_rules = own.contains_key(RULES);
    document.extend(own);
    Ok(Overlaid { document, has_own_rules })
}

fn object(document: &str) -> Result<Map<String, Value>, String> {
    match document::value(document)? {
        Value::Object(keys) => Ok(keys),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("must be an object with the keys in which the line differs, for example {\"lease_seconds\": 3600}"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    const GENERAL: &str = r#"{"lease_seconds": 600, "max_hold_seconds": 3600, "take_phrases": ["asesor"],
        "rules": [{"name": "a", "then": "bot", "bot": "b"}]}"#;

    fn of_line(own: &str) -> Result<Policy, Vec<String>> {
        let bots = ["a", "b"].map(|name| BotName::parse(name).unwrap());
        Policy::of_line(GENERAL, own, &bots, |bot| bot.as_str() != "b")
            .map_err(|mistakes| mistakes.iter().map(|mistake| mistake.path.clone()).collect())
    }

    #[test]
    fn a_key_of_the_lines_takes_the_place_of_the_general_one_and_all_others_stay() {
        let general = of_line("{}").unwrap();
        assert_eq!(general.lease, Millis::from_seconds(600));
        let own = of_line(r#"{"lease_seconds": 900, "take_phrases": ["persona"]}"#).unwrap();
        assert_eq!((own.lease, own.max_hold), (Millis::from_seconds(900), Millis::from_seconds(3_600)));
        assert!(own.asks_for_person("persona") && !own.asks_for_person("asesor"), "a list is replaced, not joined");
        assert_eq!(own.rules, general.rules);
        assert_eq!(of_line(r#"{"rules": []}"#).unwrap().rules, []);
    }

    #[test]
    fn what_is_wrong_with_the_two_together_is_a_mistake_with_its_path() {
        for (own, paths) in [
            ("{", ["policy"]),
            ("[]", ["policy"]),
            ("5", ["policy"]),
            (r#"{"leese": 1}"#, ["leese"]),
            (r#"{"lease_seconds": 0}"#, ["lease_seconds"]),
            // Good by itself, and longer than the general longest hold.
            (r#"{"lease_seconds": 7200}"#, ["lease_seconds"]),
        ] {
            assert_eq!(of_line(own).unwrap_err(), paths, "{own}");
        }
    }

    #[test]
    fn the_rules_of_a_line_do_not_name_the_bot_that_another_has_for_its_own() {
        let rule = |bot: &str| format!(r#"{{"rules": [{{"name": "r", "then": "bot", "bot": "{bot}"}}]}}"#);
        assert!(of_line(&rule("a")).is_ok());
        assert_eq!(of_line(&rule("b")).unwrap_err(), ["rules[0].bot"]);
        assert!(of_line(r#"{"lease_seconds": 900}"#).is_ok(), "the general rules may, and are followed");
    }

    #[test]
    fn the_document_that_the_two_come_to_is_read_the_same() {
        let own = r#"{"lease_seconds": 900, "rules": []}"#;
        let bots = ["a", "b"].map(|name| BotName::parse(name).unwrap());
        assert_eq!(Policy::parse(&effective(GENERAL, own).unwrap(), &bots).unwrap(), of_line(own).unwrap());
        assert_eq!((effective(GENERAL, "[]"), effective("{", "{}")), (None, None));
    }
}
