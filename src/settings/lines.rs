//! The business numbers of `LINES`, and what each has of its own.
//!
//! Invariant: a key that is not known is a mistake, so that a misspelt one is never taken for one that was left out. What
//! is wrong with the value of one line's setting (a bot that is not there, a token that could be guessed) is that line's
//! alone: it is put down, the setting is not in force, and every other line goes on.
//!
//! Not here: what a line's bot may ask of the Graph API (`graph::target`), which policy of a line is in force
//! (`edge::inforce`), to which app it belongs (`apps`).

use std::borrow::Cow;

use serde_json::Value;

use super::secrets::{ADMIN_TOKEN, GRAPH_KEY, of_number};
use super::{Settings, SettingsError, is_token};
use crate::access::scope::Scope;
use crate::graph::answer::GraphError;
use crate::graph::target::{Lines, word_of};
use crate::ids::{AccountId, BotName, LineId, ObjectName};
use crate::json;
use crate::limits::LINES_MAX;
use crate::policy::{Policy, PolicyError};
use crate::secret::{Rotating, Which};

/// What a line has of its own.
#[derive(Clone, Debug)]
pub struct Own {
    /// The line.
    pub line: LineId,
    /// `ADMIN_TOKEN_<LINE>`: opens the operator's API and the desk for this line only.
    pub admin_token: Option<Rotating>,
    /// `LINES.<LINE>.bot`: the bot that gets this line's messages where no rule names another.
    pub bot: Option<BotName>,
    /// `GRAPH_KEY_<LINE>`: the word that must stand in the address of whoever sends for this line.
    pub graph_key: Option<Rotating>,
    /// `LINES.<LINE>.policy`: the keys in which this line differs, as a document.
    pub policy: Option<String>,
}

/// A secret that somebody has presented.
#[derive(Debug)]
pub struct Presented<'s> {
    /// The name under which it is set.
    pub name: String,
    /// It, and the one before it while it is being changed.
    pub secret: &'s Rotating,
    /// Which of the two was presented.
    pub which: Which,
}

impl<'s> Presented<'s> {
    fn of(name: String, secret: &'s Rotating, presented: &[u8]) -> Option<Self> {
        secret.matching(presented).map(|which| Self { name, secret, which })
    }
}

/// What somebody may send for.
#[derive(Debug)]
pub struct Opened<'s, 'p> {
    /// The lines.
    pub lines: Cow<'s, Lines>,
    /// The path without the word.
    pub path: &'p str,
    /// The word, where one was given and had to be.
    pub by: Option<Presented<'s>>,
}

/// What a line of `LINES` may have.
const LINE_KEYS: [&str; 4] = ["account", "app", "bot", "policy"];

/// The business numbers of `LINES`, each with what belongs to it at Meta, and with what it has of its own here.
pub(super) fn lines(read: &impl Fn(&str) -> Option<String>) -> Result<(Lines, Vec<Own>), SettingsError> {
    let mut lines = Lines::default();
    let mut all = Vec::new();
    let Some(text) = read("LINES").filter(|text| !text.trim().is_empty()) else { return Ok((lines, all)) };
    let Ok(Value::Object(table)) = serde_json::from_str(&text) else { return Err(SettingsError::Lines) };
    if table.len() > LINES_MAX {
        return Err(SettingsError::Lines);
    }
    for (id, line) in table {
        let Value::Object(keys) = line else { return Err(SettingsError::Lines) };
        if keys.keys().any(|key| !LINE_KEYS.contains(&key.as_str())) {
            return Err(SettingsError::Lines);
        }
        let account = |key| text_of(keys.get(key), AccountId::parse);
        let (account, app) = (account("account")?, account("app")?);
        let bot = text_of(keys.get("bot"), BotName::parse)?;
        let policy = keys.get("policy").and_then(|policy| json::write(policy).ok());
        let line = LineId::parse(&id).ok_or(SettingsError::Lines)?;
        let secret = |name| of_number(name, &id).and_then(|name| Rotating::read(&name, read));
        let (admin_token, graph_key) = (secret(ADMIN_TOKEN), secret(GRAPH_KEY));
        lines.add(line.clone(), account, app);
        all.push(Own { line, admin_token, bot, graph_key, policy });
    }
    Ok((lines, all))
}

/// A value that is a text of this form, where there is one.
fn text_of<T>(value: Option<&Value>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, SettingsError> {
    match value {
        None => Ok(None),
        Some(value) => value.as_str().and_then(parse).map(Some).ok_or(SettingsError::Lines),
    }
}

/// Takes out of force what is wrong with one line's settings, and says what that is.
pub(super) fn put_right(own: &mut [Own], admin_token: &Rotating, bots: &[BotName]) -> Vec<SettingsError> {
    let mut wrong = Vec::new();
    let mut tokens = vec![admin_token.clone()];
    for own in own {
        let name = || of_number(ADMIN_TOKEN, own.line.as_str()).unwrap_or_default();
        let error = own.admin_token.as_ref().and_then(|token| {
            let own_tokens = || core::iter::once(&token.current).chain(&token.previous);
            let is_taken = || own_tokens().any(|own| tokens.iter().any(|other| other.matching(own.expose()).is_some()));
            if own_tokens().any(|token| !is_token(token)) {
                Some(SettingsError::LineToken(name()))
            } else {
                is_taken().then(|| SettingsError::LineTokenTaken(name()))
            }
        });
        match (error, &own.admin_token) {
            (Some(error), _) => {
                wrong.push(error);
                own.admin_token = None;
            }
            (None, Some(token)) => tokens.push(token.clone()),
            (None, None) => {}
        }
        // It stays named: its line's messages wait for it, and never go to another line's bot instead.
        if own.bot.as_ref().is_some_and(|bot| !bots.contains(bot)) {
            wrong.push(SettingsError::LineBot(own.line.clone()));
        }
    }
    wrong
}

impl Settings {
    /// What a line has of its own; `None` of one that `LINES` does not name.
    #[must_use]
    pub fn own(&self, line: &LineId) -> Option<&Own> {
        self.own.iter().find(|own| own.line == *line)
    }

    /// The line whose settings are those of an object: its own, or of an account the first of its lines.
    #[must_use]
    pub fn line_of(&self, object: &ObjectName) -> Option<LineId> {
        let first = || object.account_part().and_then(|account| self.lines.of_account(account).next()).cloned();
        object.line_part().or_else(first)
    }

    /// What a token opens; `None` where it is none.
    #[must_use]
    pub fn token(&self, presented: &[u8]) -> Option<(Scope, Presented<'_>)> {
        let of = |name: String, secret, scope| Presented::of(name, secret, presented).map(|token| (scope, token));
        of(ADMIN_TOKEN.to_owned(), &self.admin_token, Scope::Deployment).or_else(|| {
            self.own.iter().find_map(|own| {
                let name = of_number(ADMIN_TOKEN, own.line.as_str())?;
                of(name, own.admin_token.as_ref()?, Scope::Line(own.line.clone()))
            })
        })
    }

    /// The token that opens this.
    #[must_use]
    pub fn token_for(&self, scope: &Scope) -> Option<&Rotating> {
        match scope {
            Scope::Deployment => Some(&self.admin_token),
            Scope::Line(line) => self.own(line)?.admin_token.as_ref(),
        }
    }

    /// Reads the document of a line over the general one. Its rules name no bot that is another line's and not its own.
    ///
    /// # Errors
    ///
    /// Every mistake of the two together.
    pub fn policy_of(&self, line: &LineId, general: &str, own: &str) -> Result<Policy, Vec<PolicyError>> {
        let has = |own: &Own, bot: &BotName| own.bot.as_ref() == Some(bot);
        let may_name = |bot: &BotName| {
            let is_anybodys = !self.own.iter().any(|own| has(own, bot));
            is_anybodys || self.own(line).is_some_and(|own| has(own, bot))
        };
        Policy::of_line(general, own, &self.bot_names(), may_name)
    }

    /// What somebody may send for with this path. A line that has a word of its own is open to nobody without it, and who
    /// has that word sends for that line only.
    ///
    /// # Errors
    ///
    /// [`GraphError::Key`] where `GRAPH_KEY` is set and no word fits.
    pub fn opened_by<'p>(&self, path: &'p str) -> Result<Opened<'_, 'p>, GraphError> {
        let (word, behind) = word_of(path).unwrap_or_default();
        let given = |name: String, key| Presented::of(name, key, word.as_bytes());
        let own = self.own.iter().find_map(|own| {
            let by = given(of_number(GRAPH_KEY, own.line.as_str())?, own.graph_key.as_ref()?)?;
            Some(Opened { lines: Cow::Owned(self.lines.only(|line| *line == own.line)), path: behind, by: Some(by) })
        });
        if let Some(opened) = own {
            return Ok(opened);
        }
        let has_key = |line: &LineId| self.own(line).is_some_and(|own| own.graph_key.is_some());
        let lines = if self.lines.all().any(has_key) {
            Cow::Owned(self.lines.only(|line| !has_key(line)))
        } else {
            Cow::Borrowed(&self.lines)
        };
        let Some(key) = &self.graph_key else { return Ok(Opened { lines, path, by: None }) };
        let by = given(GRAPH_KEY.to_owned(), key).ok_or(GraphError::Key)?;
        Ok(Opened { lines, path: behind, by: Some(by) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::read;

    const LINES: (&str, &str) = (
        "LINES",
        r#"{"300": {"bot": "sales", "policy": {"lease_seconds": 900}}, "301": {"account": "201", "bot": "night"},
            "302": {"account": "201"}}"#,
    );
    const BOTS: (&str, &str) = (
        "BOTS",
        r#"{"sales": "https://sales.example.com/in", "night": "https://night.example.com/in",
            "anybodys": "https://any.example.com/in"}"#,
    );

    fn line(id: &str) -> LineId {
        LineId::parse(id).unwrap()
    }

    fn with(changes: &[(&str, &str)]) -> Settings {
        read(&[changes, &[LINES, BOTS]].concat()).unwrap()
    }

    #[test]
    fn a_line_has_its_own_bot_signed_for_with_the_nearest_secret() {
        let url = |settings: &Settings, named: Option<&str>, at: Option<&str>| {
            let (named, at) = (named.and_then(BotName::parse), at.map(line));
            let bot = settings.bot(named.as_ref(), at.as_ref());
            bot.map(|(url, secret)| {
                (url.as_str().to_owned(), String::from_utf8(secret.current.expose().to_vec()).unwrap())
            })
        };
        let app =
            [("LINES", r#"{"300": {"app": "71", "bot": "sales"}, "301": {"app": "72", "bot": "gone"}, "302": {}}"#)];
        let secrets = [("META_APP_SECRET_71", "secret of 71"), ("META_VERIFY_TOKEN_72", "word")];
        let settings = read(&[&app[..], &[BOTS], &secrets].concat()).unwrap();
        let default = "https://bot.example.com/webhook";
        for (named, at, expected) in [
            (None, None, Some((default, "app secret"))),
            (None, Some("302"), Some((default, "app secret"))),
            (None, Some("999"), Some((default, "app secret"))),
            (None, Some("300"), Some(("https://sales.example.com/in", "secret of 71"))),
            (Some("night"), Some("300"), Some(("https://night.example.com/in", "secret of 71"))),
            (Some("sales"), Some("302"), Some(("https://sales.example.com/in", "app secret"))),
            // Its bot is not there, and its messages go to no other.
            (None, Some("301"), None),
            // The secret of its app is missing, and no other app's stands in.
            (Some("sales"), Some("301"), None),
        ] {
            let expected = expected.map(|(url, secret)| (url.to_owned(), secret.to_owned()));
            assert_eq!(url(&settings, named, at), expected, "{named:?} on {at:?}");
        }
        let own =
            read(&[&app[..], &[BOTS, ("BOT_SECRET", "bots"), ("BOT_SECRET_SALES", "own")], &secrets].concat()).unwrap();
        assert_eq!(url(&own, None, Some("300")).unwrap().1, "own");
        assert_eq!(url(&own, Some("night"), Some("301")).unwrap().1, "bots");
    }

    #[test]
    fn what_is_wrong_with_one_line_is_told_and_leaves_all_others_in_force() {
        let check = |changes: &[(&str, &str)], expected: &[&str]| {
            let settings = with(changes);
            let told: Vec<String> = settings.degraded.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.starts_with(expected), "{told:?} {expected}");
            }
            settings
        };
        check(&[], &[]);
        check(&[("BOTS", r#"{"night": "https://night.example.com/in"}"#)], &["LINES.300.bot"]);
        // The address of a line's bot is that line's trouble; of another bot, everybody's.
        let refused = r#"{"sales": "http://sales.example.com/in", "night": "https://night.example.com/in"}"#;
        let settings = check(&[("BOTS", refused)], &["BOTS.sales must begin with https://"]);
        assert!(settings.bot(None, Some(&line("300"))).is_none() && settings.bot(None, Some(&line("301"))).is_some());
        let weak = check(
            &[("ADMIN_TOKEN_300", "too short"), ("ADMIN_TOKEN_301", "token of a line 301")],
            &["ADMIN_TOKEN_300 must"],
        );
        assert!(weak.token(b"too short").is_none() && weak.token(b"token of a line 301").is_some());
        for (name, token) in [("ADMIN_TOKEN_300", "token of the operator"), ("ADMIN_TOKEN_301", "token of a line 300")]
        {
            let shared = check(
                &[(name, token), ("ADMIN_TOKEN_302", "token of a line 300")],
                &[match name {
                    "ADMIN_TOKEN_300" => "ADMIN_TOKEN_300 is also another",
                    _ => "ADMIN_TOKEN_302 is also another",
                }],
            );
            assert!(shared.token(token.as_bytes()).is_some());
        }
        for lines in [r#"{"300": {"bot": 5}}"#, r#"{"300": {"bot": "A B"}}"#, r#"{"300": {"bto": "a"}}"#] {
            assert_eq!(read(&[("LINES", lines)]).unwrap_err(), [SettingsError::Lines], "{lines}");
        }
    }

    #[test]
    fn a_token_opens_its_line_and_the_operators_opens_all() {
        let settings = with(&[
            ("ADMIN_TOKEN_300", "token of a line 300"),
            ("ADMIN_TOKEN_300_PREVIOUS", "token of a line before"),
            ("ADMIN_TOKEN_PREVIOUS", "operator's token before"),
        ]);
        for (token, expected) in [
            ("token of the operator", Some((Scope::Deployment, "ADMIN_TOKEN", Which::Current))),
            ("operator's token before", Some((Scope::Deployment, "ADMIN_TOKEN", Which::Previous))),
            ("token of a line 300", Some((Scope::Line(line("300")), "ADMIN_TOKEN_300", Which::Current))),
            ("token of a line before", Some((Scope::Line(line("300")), "ADMIN_TOKEN_300", Which::Previous))),
            ("token of a line 301", None),
            ("", None),
        ] {
            let found = settings.token(token.as_bytes());
            let found = found.as_ref().map(|(scope, token)| (scope.clone(), token.name.as_str(), token.which));
            assert_eq!(found, expected, "{token}");
        }
        assert!(settings.token_for(&Scope::Line(line("300"))).is_some());
        assert!(settings.token_for(&Scope::Line(line("301"))).is_none());
    }

    #[test]
    fn who_has_the_word_of_a_line_sends_for_that_line_and_nobody_else_does() {
        let key = [("GRAPH_KEY_300", "word-300"), ("GRAPH_KEY_300_PREVIOUS", "word-old")];
        let general = [("GRAPH_KEY", "word-all")];
        let without = with(&key);
        let both = with(&[&key[..], &general].concat());
        let opens = |settings: &Settings, path: &str| {
            settings.opened_by(path).ok().map(|opened| {
                let lines: Vec<&str> = opened.lines.all().map(LineId::as_str).collect();
                (lines.join(" "), opened.path.to_owned(), opened.by.map(|by| by.name))
            })
        };
        let opened = |lines: &str, path: &str, by: Option<&str>| {
            Some((lines.to_owned(), path.to_owned(), by.map(str::to_owned)))
        };
        for path in ["/graph/word-300/300/messages", "/graph/word-old/300/messages"] {
            for settings in [&without, &both] {
                assert_eq!(opens(settings, path), opened("300", "/300/messages", Some("GRAPH_KEY_300")));
            }
        }
        let plain = "/v23.0/300/messages";
        assert_eq!(opens(&without, plain), opened("301 302", plain, None));
        assert_eq!(opens(&both, plain), None);
        assert_eq!(opens(&both, "/graph/word-all/301/messages"), opened("301 302", "/301/messages", Some("GRAPH_KEY")));
        assert_eq!(opens(&both, "/graph/word-3/301/messages"), None);
        assert_eq!(opens(&with(&[]), plain), opened("300 301 302", plain, None));
    }

    #[test]
    fn an_object_has_the_settings_of_its_line_and_an_account_those_of_its_first() {
        let settings = with(&[]);
        for (object, expected) in [
            ("customer/300/15550109999", Some("300")),
            ("line/301", Some("301")),
            ("broadcasts/302", Some("302")),
            ("account/201", Some("301")),
            ("account/999", None),
            ("unaddressed", None),
            ("unaddressed/71", None),
        ] {
            let found = settings.line_of(&ObjectName::from_runtime(object.to_owned()));
            assert_eq!(found, expected.map(line), "{object}");
        }
    }

    #[test]
    fn a_lines_rules_lead_to_its_own_bot_or_to_nobodys_in_particular() {
        let settings = with(&[]);
        let rule = |bot: &str| format!(r#"{{"rules": [{{"name": "r", "then": "bot", "bot": "{bot}"}}]}}"#);
        for (at, bot, expected) in [
            ("300", "sales", true),
            ("300", "anybodys", true),
            ("300", "night", false),
            ("301", "sales", false),
            ("302", "sales", false),
            ("300", "nobody", false),
        ] {
            assert_eq!(settings.policy_of(&line(at), "{}", &rule(bot)).is_ok(), expected, "{bot} for {at}");
        }
        assert_eq!(settings.own(&line("300")).unwrap().policy.as_deref(), Some(r#"{"lease_seconds":900}"#));
        let general = rule("night");
        assert!(settings.policy_of(&line("300"), &general, "{}").is_ok(), "the general rules are the operator's own");
    }
}
