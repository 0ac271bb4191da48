//! Texts and phrases that the owner names.
//!
//! A text is compared in one of three forms: as it was written (regular expressions), folded (small letters,
//! one space where there were several), or as its words alone. Each form of a message is made at most once,
//! and only if something asks for it.
//!
//! Invariant: what a pattern is compared with went through the same function as the pattern itself. A phrase
//! never matches inside a word. Matching takes time in proportion to the text: there is no backtracking.
//!
//! Not here: accents. "atencion" is not "atención"; the owner lists both.

use core::cell::OnceCell;

use regex_lite::{Regex, RegexBuilder};

use super::letters::small;
use super::read::{At, Reader};
use crate::limits::{REGEX_BYTES_MAX, REGEX_CHARS_MAX, REGEX_NEST_MAX, REGEXES_MAX, TEXT_CHARS_MAX};

/// What `{"…": …}` may say about a message of a customer, and about a text of the app.
pub(super) const FORMS: [&str; 5] = ["equals", "prefix", "contains", "phrase", "regex"];
pub(super) const AUTOMATION_FORMS: [&str; 3] = ["equals", "prefix", "regex"];

/// A text that the owner names: as a whole, by its beginning or another part, or by a regular expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextPattern(Form);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Form {
    Contains(String),
    Equals(String),
    Phrase(Phrase),
    Prefix(String),
    Regex(Expression),
}

/// A regular expression; two are equal where they are written alike.
#[derive(Clone, Debug)]
struct Expression(Regex);

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Expression {}

/// Words that mean something to the gate. One that was written without a space must be the whole message; several
/// may stand anywhere in it, next to each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Phrase {
    anywhere: bool,
    /// As [`words`] writes them.
    words: String,
}

/// A message's text in the forms in which it is compared.
#[derive(Debug)]
pub(super) struct Said<'a> {
    folded: OnceCell<String>,
    raw: &'a str,
    words: OnceCell<String>,
}

impl<'a> Said<'a> {
    /// The first [`TEXT_CHARS_MAX`] characters of a text.
    pub(super) fn new(text: &'a str) -> Self {
        let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(end, _)| end);
        Self { folded: OnceCell::new(), raw: text.get(..end).unwrap_or(text), words: OnceCell::new() }
    }

    pub(super) fn folded(&self) -> &str {
        self.folded.get_or_init(|| fold(self.raw))
    }

    fn words(&self) -> &str {
        self.words.get_or_init(|| words(self.raw))
    }
}

impl TextPattern {
    /// Whether a message's text is one of those.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.is_in(&Said::new(text))
    }

    pub(super) fn is_in(&self, said: &Said<'_>) -> bool {
        match &self.0 {
            Form::Contains(part) => said.folded().contains(part.as_str()),
            Form::Equals(whole) => said.folded().trim() == whole,
            Form::Phrase(phrase) => phrase.is_in(said),
            Form::Prefix(start) => said.folded().trim_start().starts_with(start.as_str()),
            Form::Regex(expression) => expression.0.is_match(said.raw),
        }
    }

    /// Reads a text, or an object with one of `forms`.
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, forms: &[&str]) -> Option<Self> {
        if at.value.is_string() {
            return reader.text(at).map(|text| Self(Form::Equals(fold(text).trim().to_owned())));
        }
        let entries = at.value.as_object().map_or(0, serde_json::Map::len);
        let table = reader.table(at, forms, "{\"prefix\": \"Hello\"}, or a text, which is the whole message")?;
        if entries != 1 {
            reader.wrong(&at.path, format!("must have exactly one of {}", forms.join(", ")));
            return None;
        }
        let (form, at) = forms.iter().find_map(|form| Some((*form, table.get(form)?)))?;
        let text = reader.text(&at)?;
        let form = match form {
            "equals" => Form::Equals(fold(text).trim().to_owned()),
            "prefix" => Form::Prefix(fold(text).trim_start().to_owned()),
            "contains" => Form::Contains(fold(text)),
            "phrase" => Form::Phrase(Phrase::read(reader, &at)?),
            _ => Form::Regex(expression(reader, &at, text)?),
        };
        Some(Self(form))
    }
}

impl Phrase {
    /// Whether a message says them.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.is_in(&Said::new(text))
    }

    pub(super) fn is_in(&self, said: &Said<'_>) -> bool {
        if self.anywhere { said.words().contains(&self.words) } else { said.words() == self.words }
    }

    /// Reads a phrase; one without any word is a mistake.
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        let text = reader.text(at)?;
        let phrase = Self {
            anywhere: text.split_whitespace().filter(|part| words(part) != " ").count() > 1,
            words: words(text),
        };
        if phrase.words == " " {
            reader.wrong(&at.path, "must have a word in it");
            return None;
        }
        Some(phrase)
    }
}

fn expression(reader: &mut Reader<'_>, at: &At<'_>, text: &str) -> Option<Expression> {
    reader.regexes += 1;
    if reader.regexes == REGEXES_MAX + 1 {
        reader.wrong(&at.path, format!("is one regular expression too many; there may be {REGEXES_MAX}"));
    }
    if text.chars().count() > REGEX_CHARS_MAX {
        reader.wrong(&at.path, format!("must be a regular expression of at most {REGEX_CHARS_MAX} characters"));
        return None;
    }
    let built = RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).nest_limit(REGEX_NEST_MAX).build();
    let built =
        built.map_err(|error| reader.wrong(&at.path, format!("is not a regular expression of this gate: {error}")));
    built.ok().map(Expression)
}

/// Small letters, and one space for any run of white space.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in small(text).chars() {
        if !character.is_whitespace() {
            folded.push(character);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded
}

/// The words of a text in small letters, with a space before, between and after them, so that whole words are
/// found by looking for a part of the text.
fn words(text: &str) -> String {
    let text = small(text);
    let mut characters = text.chars().filter(|character| !is_invisible(*character)).peekable();
    let mut words = String::from(" ");
    while let Some(character) = characters.next() {
        let inside = !words.ends_with(' ');
        if character.is_alphanumeric() || (inside && is_mark(character)) {
            words.push(character);
        } else if inside && is_apostrophe(character) && characters.peek().is_some_and(|next| next.is_alphanumeric()) {
            words.push('\'');
        } else if inside {
            words.push(' ');
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

/// Apostrophes as phones write them: "don't" is one word, whichever of them is in it.
const fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2bc}')
}

/// Characters that are not seen and part nothing: soft hyphen, joiners, direction marks, variation selectors.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Marks that belong to the letter before them and that `char::is_alphanumeric` does not count: accents written
/// on their own, vowel points of Hebrew and Arabic, viramas and tone marks of the scripts from India to Myanmar.
const fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
        | '\u{93c}' | '\u{94d}' | '\u{951}'..='\u{954}' | '\u{9bc}' | '\u{9cd}' | '\u{a3c}' | '\u{a4d}'
        | '\u{abc}' | '\u{acd}' | '\u{b3c}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{cbc}' | '\u{ccd}'
        | '\u{d3b}' | '\u{d3c}' | '\u{d4d}' | '\u{dca}' | '\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eba}' | '\u{ec8}'..='\u{ece}'
        | '\u{1037}' | '\u{1039}' | '\u{103a}' | '\u{17c9}'..='\u{17d3}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pattern(value: &Value) -> Result<TextPattern, Vec<String>> {
        let mut reader = Reader::new(&[]);
        let pattern = TextPattern::read(&mut reader, &At { path: "text".to_owned(), value }, &FORMS);
        let told: Vec<String> = reader.mistakes.iter().map(ToString::to_string).collect();
        if told.is_empty() { Ok(pattern.unwrap()) } else { Err(told) }
    }

    #[test]
    fn a_phrase_is_the_whole_message_or_whole_words_of_it_and_never_part_of_a_word() {
        for (phrase, text, matches) in [
            ("agent", "agent", true),
            ("agent", "Agent!", true),
            ("agent", " agent ", true),
            ("agent", "¡¡AGENT??", true),
            ("agent", "agent 🙏🏽❤️", true),
            ("Agent!", "agent", true),
            ("agent", "agents", false),
            ("agent", "reagent", false),
            ("agent", "the agent was nice", false),
            ("agent", "agent's", false),
            ("agent", "", false),
            ("agent", "🙏", false),
            ("human agent", "Human,  agent", true),
            ("human agent", "I want a human\nagent, please", true),
            ("human agent", "superhuman agent", false),
            ("human agent", "human agents", false),
            ("human agent", "human or agent", false),
            ("human agent", "agent human", false),
            // Spanish and Portuguese.
            ("quiero hablar con una persona", "Hola, ¿QUIERO hablar con una persona?", true),
            ("asesor", "Asesor.", true),
            ("atención", "ATENCIÓN", true),
            ("atención", "atencion", false),
            ("falar com atendente", "Quero falar com atendente, por favor", true),
            ("não quero robô", "NÃO QUERO ROBÔ!!", true),
            // Apostrophes.
            ("don't want a bot", "I don’t want a bot", true),
            ("parler à l'agent", "je veux parler à l’agent", true),
            ("l'agent", "l’agent", true),
            ("agent", "l'agent", false),
            ("agent", "'agent'", true),
            // Hyphens part words, and without a space the phrase is still the whole message.
            ("e-mail", "E mail", true),
            ("e-mail", "my e-mail is broken", false),
            // Scripts without spaces: the whole message.
            ("人工客服", "人工客服。", true),
            ("人工客服", "我要人工客服", false),
            ("オペレーター", "オペレーター！", true),
            ("คุยกับพนักงาน", "คุยกับพนักงาน", true),
            ("คุยกับพนักงาน", "ขอคุยกับพนักงาน", false),
            // Marks stay with their letter.
            ("व्यक्ति", "व्यक्ति!", true),
            ("व्यक्ति", "व्यक्तिगत", false),
            ("व्यक्ति से बात", "मुझे व्यक्ति से बात करनी है", true),
            ("वयक", "व्यक्ति", false),
            ("e\u{301}", "e", false),
            ("موظف", "موظف؟", true),
            ("تحدث مع موظف", "أريد تحدث مع موظف.", true),
            // What is not seen does not count.
            ("agent", "\u{200e}agent\u{feff}", true),
            ("1", "1\u{fe0f}", true),
        ] {
            let value = json!(phrase);
            let mut reader = Reader::new(&[]);
            let read = Phrase::read(&mut reader, &At { path: String::new(), value: &value }).unwrap();
            assert_eq!(read.matches(text), matches, "{phrase:?} in {text:?}");
        }
    }

    #[test]
    fn a_text_is_matched_as_its_pattern_says() {
        for (value, text, matches) in [
            (json!("Hola"), "  hOLA\n", true),
            (json!("Hola"), "hola!", false),
            (json!({"equals": "Gracias por  escribir"}), "gracias\npor escribir ", true),
            (json!({"equals": "STRASSE"}), "strasse", true),
            (json!({"prefix": "pedido "}), " Pedido 77", true),
            (json!({"prefix": "pedido "}), "pedidos", false),
            (json!({"prefix": "pedido"}), "mi pedido", false),
            (json!({"contains": "FACTURA"}), "la prefactura", true),
            (json!({"contains": " factura"}), "la prefactura", false),
            (json!({"contains": "factura"}), "", false),
            (json!({"phrase": "mi factura"}), "¿Y mi factura?", true),
            (json!({"phrase": "mi factura"}), "y mi facturación", false),
            (json!({"regex": "^#\\d{4,6}$"}), "#1234", true),
            (json!({"regex": "^#\\d{4,6}$"}), "#123", false),
            (json!({"regex": "hola"}), "HOLA", false),
            (json!({"regex": "(?i)hola"}), "HOLA", true),
        ] {
            assert_eq!(pattern(&value).unwrap().matches(text), matches, "{value} in {text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_path() {
        for (value, told) in [
            (json!(""), "text: must be a text"),
            (json!("  "), "text: must be a text"),
            (json!("a".repeat(1_025)), "text: must be a text"),
            (json!(5), "text: must be an object, for example"),
            (json!({}), "text: must have exactly one of equals, prefix, contains, phrase, regex"),
            (json!({"equals": "a", "prefix": "b"}), "text: must have exactly one"),
            (json!({"begins": "a"}), "text.begins: is not a key here; the keys are equals,"),
            (json!({"prefix": 5}), "text.prefix: must be a text"),
            (json!({"phrase": "?!"}), "text.phrase: must have a word in it"),
            (json!({"regex": "("}), "text.regex: is not a regular expression of this gate: "),
            (json!({"regex": "(a)\\1"}), "text.regex: is not a regular expression"),
            (json!({"regex": "(?=a)"}), "text.regex: is not a regular expression"),
            (json!({"regex": "a{999}{999}"}), "text.regex: is not a regular expression"),
            (json!({"regex": "a".repeat(257)}), "text.regex: must be a regular expression of at most 256"),
            (json!({"regex": format!("{}a{}", "(".repeat(21), ")".repeat(21))}), "text.regex: is not a regular"),
        ] {
            let mistakes = pattern(&value).unwrap_err();
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(told)), "{value}: {mistakes:?}");
        }
        assert!(pattern(&json!("a".repeat(1_024))).is_ok());
        assert!(pattern(&json!({"regex": "a".repeat(256)})).is_ok());
    }

    #[test]
    fn a_text_is_looked_at_as_far_as_whatsapp_writes_one() {
        let long = format!("{}b", "é".repeat(TEXT_CHARS_MAX));
        assert!(!pattern(&json!({"contains": "b"})).unwrap().matches(&long));
        assert!(pattern(&json!({"contains": "b"})).unwrap().matches(long.get(2..).unwrap()));
    }

    /// Where an engine goes back and tries again, each of these takes longer than anybody lives.
    #[test]
    fn regular_expressions_that_never_end_elsewhere_end_here() {
        let text = "a".repeat(TEXT_CHARS_MAX);
        for source in ["(a|a)*$b", "(a*)*b", "(.*a){9}b", "([a-z]{20}){9}b", "(a|aa|aaa|aaaa)+b"] {
            let pattern = pattern(&json!({"regex": source})).unwrap();
            assert!(!pattern.matches(&text), "{source}");
        }
    }
}
