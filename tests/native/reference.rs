//! The reference of the policy is what the parser does: the tables of the manual and the JSON Schema are those of the
//! code, what the parser takes is valid by the schema, and one step beyond a bound neither takes it.
//!
//! The schema is read here by a validator of its own, for the words of JSON Schema that the schema uses; a word that it
//! does not know fails the test.

use std::path::Path;

use baton::ids::BotName;
use baton::policy::Policy;
use baton::policy::reference::{Form, Key, schema, sections, tables};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Map, Value, json};

const MANUAL: &str = "docs/policy.md";
const SCHEMA: &str = "web/public/api/v1/policy.schema.json";
const MEND: &str = "npm run reference";

/// Set to 1 it has the tests write what they otherwise compare.
const WRITE: &str = "BATON_WRITE";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a file with what it is to be, or writes it.
pub fn is_as_made(file: &str, made: &str) {
    let path = root().join(file);
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "{file} is not what the code makes of it: {MEND}");
}

#[test]
fn reference_in_the_manual_and_published_schema_are_made_from_the_code() {
    let manual = std::fs::read_to_string(root().join(MANUAL)).unwrap();
    is_as_made(MANUAL, &tables::renewed(&manual).unwrap());
    is_as_made(SCHEMA, &schema::text());
    assert_eq!(tables::renewed(&manual.replace("of holder", "of nobody")), Err("holder"), "no table is lost");
}

fn bots() -> Vec<BotName> {
    vec![BotName::parse("sales").unwrap()]
}

fn is_taken(document: &Value) -> bool {
    Policy::parse(&document.to_string(), &bots()).is_ok()
}

fn is_valid(document: &Value) -> bool {
    let schema = schema::schema();
    Validator { root: &schema }.holds(&schema, document)
}

/// The part of JSON Schema that the policy's schema is written in.
struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn holds(&self, schema: &Value, value: &Value) -> bool {
        let Value::Object(words) = schema else { return schema == &Value::Bool(true) };
        words.iter().all(|(word, rule)| self.word(word, rule, words, value))
    }

    fn word(&self, word: &str, rule: &Value, words: &Map<String, Value>, value: &Value) -> bool {
        let bound = || rule.as_u64().unwrap();
        let chars = value.as_str().map(|text| text.chars().count() as u64);
        let items = value.as_array();
        let keys = value.as_object();
        match word {
            "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "examples" | "then" | "else" => true,
            "$ref" => {
                let target = self.root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap());
                self.holds(target.unwrap(), value)
            }
            "type" => match rule.as_str().unwrap() {
                "array" => value.is_array(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
                "object" => value.is_object(),
                "string" => value.is_string(),
                other => panic!("the validator does not know the type {other}"),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => chars.is_none_or(|chars| chars >= bound()),
            "maxLength" => chars.is_none_or(|chars| chars <= bound()),
            "pattern" => {
                let expression = regex_lite::Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| expression.is_match(text))
            }
            "minItems" => items.is_none_or(|items| items.len() as u64 >= bound()),
            "maxItems" => items.is_none_or(|items| items.len() as u64 <= bound()),
            "items" => items.is_none_or(|items| items.iter().all(|item| self.holds(rule, item))),
            "minProperties" => keys.is_none_or(|keys| keys.len() as u64 >= bound()),
            "maxProperties" => keys.is_none_or(|keys| keys.len() as u64 <= bound()),
            "required" => keys.is_none_or(|keys| {
                rule.as_array().unwrap().iter().all(|name| keys.contains_key(name.as_str().unwrap()))
            }),
            "properties" => keys.is_none_or(|keys| {
                keys.iter().all(|(name, value)| rule.get(name).is_none_or(|schema| self.holds(schema, value)))
            }),
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                keys.is_none_or(|keys| keys.keys().all(|name| words["properties"].get(name).is_some()))
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|schema| self.holds(schema, value)),
            "allOf" => rule.as_array().unwrap().iter().all(|schema| self.holds(schema, value)),
            "if" => {
                let branch = if self.holds(rule, value) { "then" } else { "else" };
                words.get(branch).is_none_or(|schema| self.holds(schema, value))
            }
            other => panic!("the validator does not know the word {other}"),
        }
    }
}

/// Texts as owners write them, and at the edges of what a text may be.
fn texts() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(vec!["asesor", "hablar con una persona", "#vip", "bot", "human", "34600000000",
            "+351", "ES.1349", "09:00-13:30", "22:00-24:00", "Europe/Madrid", "sales", "order", "unanswered", "text",
            "human_first", "ignore", "inside", "authentication", "merge_text", "refuse", "106540352242922"]).prop_map(Value::from),
        1 => ".{0,6}".prop_map(Value::from),
        1 => prop::sample::select(vec!["", " ", "\u{feff}", "\u{85}", "a\u{7}", "0034", "24:00-01:00", "🔇"]).prop_map(Value::from),
        1 => (1_022_usize..1_026, prop::sample::select(vec!['a', 'ñ', '🔇']))
            .prop_map(|(count, letter)| Value::from(letter.to_string().repeat(count))),
    ]
}

/// What could be taken for a value of this form, and now and then something else.
fn like(form: &Form) -> prop::strategy::BoxedStrategy<Value> {
    let fitting = match form {
        Form::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Form::List { of, lengths } => {
            prop::collection::vec(like(of), *lengths.start()..=3).prop_map(Value::from).boxed()
        }
        Form::OneOrSome(of) => {
            prop_oneof![like(of), prop::collection::vec(like(of), 0..3).prop_map(Value::from)].boxed()
        }
        Form::Number { range, .. } => prop_oneof![
            3 => range.clone().prop_map(Value::from),
            1 => prop::sample::select(vec![*range.start(), *range.end(), range.end() + 1, 0]).prop_map(Value::from),
        ]
        .boxed(),
        Form::Pattern(forms) => prop_oneof![
            2 => texts(),
            2 => (prop::sample::select(forms.to_vec()), texts()).prop_map(|(form, text)| json!({ form: text })),
        ]
        .boxed(),
        Form::Phrase | Form::Text | Form::Shaped(_) => texts().boxed(),
        Form::Table(keys) => object(keys),
        Form::Word(words) => prop::sample::select(words.clone()).prop_map(Value::from).boxed(),
    };
    prop_oneof![40 => fitting, 1 => Just(Value::Null), 1 => Just(json!(-1)), 1 => Just(json!([])), 1 => texts()].boxed()
}

/// An object with some of these keys; those that must be there mostly are.
fn object(keys: &[Key]) -> prop::strategy::BoxedStrategy<Value> {
    let examples = |key: &Key| key.examples.clone();
    let entries: Vec<_> = keys
        .iter()
        .map(|key| {
            let value = match examples(key) {
                some if some.is_empty() => like(&key.form),
                some => prop_oneof![2 => prop::sample::select(some), 1 => like(&key.form)].boxed(),
            };
            let weight = if key.is_required { 20 } else { 1 };
            let name = key.name;
            prop_oneof![weight => value.prop_map(move |value| Some((name, value))), 2 => Just(None)].boxed()
        })
        .collect();
    entries
        .prop_map(|entries| {
            entries.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
        })
        .boxed()
}

/// The keys that stand in the document itself.
fn keys() -> Vec<Key> {
    let inner = ["rule", "when"];
    sections().into_iter().filter(|section| !inner.contains(&section.name)).flat_map(|section| section.keys).collect()
}

/// A document of one to four keys: with all of them at once hardly any would be taken.
fn documents() -> impl Strategy<Value = Value> {
    prop::sample::subsequence(keys(), 1..5).prop_flat_map(|keys| {
        let entries: Vec<_> = keys.iter().map(|key| (Just(key.name.to_owned()), like(&key.form))).collect();
        entries.prop_map(|entries| entries.into_iter().collect::<Map<_, _>>().into())
    })
}

#[test]
fn reference_what_the_parser_takes_is_valid_by_the_schema() {
    use std::cell::Cell;
    let (taken, refused) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(document in documents())| {
        if is_taken(&document) {
            assert!(is_valid(&document), "taken, and not valid by the schema: {document}");
            taken.set(taken.get() + 1);
        } else if !is_valid(&document) {
            refused.set(refused.get() + 1);
        }
    });
    assert!(taken.get() > 500 && refused.get() > 500, "{} were taken by both, {} by none", taken.get(), refused.get());
}

/// Every number, word and length of the reference, at its bound and one step beyond.
#[test]
fn reference_one_step_beyond_a_bound_neither_parser_nor_schema_takes_it() {
    let mut steps = 0;
    for key in keys() {
        for (value, is_sound) in edges(&key.form) {
            // What else must change for a time to make sense by itself.
            let mut document = json!({ "lease_seconds": 1, "max_hold_seconds": 1, "warn_after_seconds": 1,
                "hand_back_after_seconds": 2, "retention_days": 30 });
            match key.name {
                "lease_seconds" => document["max_hold_seconds"] = json!(604_800),
                "warn_after_seconds" => document["hand_back_after_seconds"] = json!(86_400),
                _ => {}
            }
            document[key.name] = value;
            let shown: String = document.to_string().chars().take(300).collect();
            assert_eq!((is_taken(&document), is_valid(&document)), (is_sound, is_sound), "{}: {shown}", key.name);
            steps += 1;
        }
    }
    assert!(steps > 100, "{steps}");
}

/// Values at the edge of a form that are taken, and the next ones that are not.
fn edges(form: &Form) -> Vec<(Value, bool)> {
    let text = |length: usize| json!("a".repeat(length));
    let mut edges = vec![(Value::Null, false)];
    edges.extend(match form {
        Form::Flag => vec![(json!(true), true), (json!(1), false), (json!("true"), false)],
        Form::List { of, lengths } => {
            let Some((one, _)) = self::edges(of).into_iter().find(|(_, is_sound)| *is_sound) else { return edges };
            let of_length = |length: usize| {
                let item = |number: usize| {
                    let mut item = one.clone();
                    // Each rule has its own name, and only the last has no condition.
                    if item.get("then").is_some() {
                        item["name"] = json!(number.to_string());
                        item["when"] = json!({ "kind": "text" });
                    }
                    item
                };
                Value::from((0..length).map(item).collect::<Vec<_>>())
            };
            let mut lists = vec![
                (of_length(*lengths.end()), true),
                (of_length(lengths.end() + 1), false),
                (of_length(*lengths.start()), true),
                (json!("a"), false),
            ];
            if *lengths.start() > 0 {
                lists.push((of_length(lengths.start() - 1), false));
            }
            lists.extend(self::edges(of).into_iter().map(|(item, is_sound)| (json!([item]), is_sound)));
            lists
        }
        Form::Number { range, or_zero } => {
            let mut numbers = vec![
                (json!(range.start()), true),
                (json!(range.end()), true),
                (json!(range.end() + 1), false),
                (json!(1.5), false),
                (json!(range.start().to_string()), false),
                (json!(range.start().cast_signed() - 1), *or_zero && *range.start() == 1),
            ];
            if *or_zero {
                numbers.push((json!(0), true));
            }
            numbers
        }
        Form::Pattern(forms) => {
            let mut patterns = vec![(json!({}), false), (json!({ "suffix": "a" }), false), (json!(5), false)];
            patterns.extend(self::edges(&Form::Text));
            patterns.extend(forms.iter().map(|form| (json!({ *form: "a" }), true)));
            patterns.push((json!({ forms[0]: "a", forms[1]: "a" }), false));
            patterns
        }
        Form::Phrase | Form::Text => {
            vec![(text(1), true), (text(1_024), true), (text(1_025), false), (json!(""), false), (json!(" "), false)]
        }
        Form::Table(keys) if keys.iter().any(|key| key.name == "then") => rules(),
        Form::Table(_) => hours(),
        Form::Word(words) => {
            let mut all: Vec<(Value, bool)> = words.iter().map(|word| (json!(word), true)).collect();
            all.extend(words.iter().map(|word| (json!(word.to_uppercase()), false)));
            all
        }
        Form::OneOrSome(_) | Form::Shaped(_) => Vec::new(),
    });
    edges
}

fn rules() -> Vec<(Value, bool)> {
    let when = |when: Value| json!({ "name": "a", "then": "bot", "when": when });
    let name = |length: usize| json!({ "name": "ñ".repeat(length), "then": "bot" });
    let mut rules = vec![
        (name(64), true),
        (name(65), false),
        (name(0), false),
        (json!({ "name": "a\n", "then": "bot" }), false),
        (json!({ "then": "bot" }), false),
        (json!({ "name": "a" }), false),
        (json!({ "name": "a", "then": "robot" }), false),
        (json!({ "name": "a", "then": "human_first" }), false),
        (json!({ "name": "a", "then": "human_first", "human_first_seconds": 3_600 }), true),
        (json!({ "name": "a", "then": "human_first", "human_first_seconds": 3_601 }), false),
        (json!({ "name": "a", "then": "human_first", "human_first_seconds": 0 }), false),
        (json!({ "name": "a", "then": "human", "human_first_seconds": 1 }), false),
        (json!({ "name": "a", "then": "bot", "bot": "sales" }), true),
        (json!({ "name": "a", "then": "bot", "bot": "Sales" }), false),
        (json!({ "name": "a", "then": "ignore", "bot": "sales" }), false),
        (json!({ "name": "a", "then": "bot", "if": {} }), false),
    ];
    let conditions = [
        (json!({ "kind": "a".repeat(32) }), true),
        (json!({ "kind": "a".repeat(33) }), false),
        (json!({ "kind": "Image" }), false),
        (json!({ "kind": [] }), false),
        (json!({ "kinds": "image" }), false),
        (json!({ "text": { "contains": "a" } }), true),
        (json!({ "text": { "regex": "a".repeat(256) } }), true),
        (json!({ "text": { "regex": "a".repeat(257) } }), false),
        (json!({ "customer": "+12345678901234567890" }), true),
        (json!({ "customer": "123456789012345678901" }), false),
        (json!({ "customer": "0034600000000" }), false),
        (json!({ "customer": ["ES.1", "34600000000"] }), true),
        (json!({ "customer": "ESPA.1" }), false),
        (json!({ "country": "123456" }), true),
        (json!({ "country": "1234567" }), false),
        (json!({ "country": 55 }), false),
        (json!({ "contact": " " }), false),
        (json!({ "reply_id": { "prefix": "a" } }), true),
        (json!({ "reply_id": { "equals": "a" } }), false),
        (json!({ "referral": false }), true),
        (json!({ "referral": "no" }), false),
        (json!({ "line": "1".repeat(256) }), true),
        (json!({ "line": "1".repeat(257) }), false),
        (json!({ "opening_hours": "sometimes" }), false),
    ];
    rules.extend(conditions.map(|(conditions, is_sound)| (when(conditions), is_sound)));
    rules
}

fn hours() -> Vec<(Value, bool)> {
    let day = |ranges: Value| json!({ "time_zone": "Europe/Madrid", "monday": ranges });
    let mut hours: Vec<(Value, bool)> = [
        ("00:00-24:00", true),
        ("23:59-00:00", true),
        ("24:00-01:00", false),
        ("09:00-24:01", false),
        ("9:00-13:00", false),
        ("09:60-13:00", false),
    ]
    .map(|(range, is_sound)| (day(json!([range])), is_sound))
    .into();
    hours.extend([
        (day(json!(vec!["09:00-10:00"; 12])), true),
        (day(json!(vec!["09:00-10:00"; 13])), false),
        (json!({ "monday": ["09:00-10:00"] }), false),
        (json!({ "time_zone": "Europe/Madrid", "mon": ["09:00-10:00"] }), false),
    ]);
    hours
}
