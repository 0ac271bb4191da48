//! What `baton setup` remembers between runs: `.baton/setup.json`.
//!
//! Invariant: there is no secret in it, and what was in force before the first change is written down before that change
//! and never overwritten, so that `baton setup --undo` finds it however often the set-up is repeated. It is written after
//! every step, so whatever ends the command, the next run goes on from there.

use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::gate::REMEMBERED;
use crate::graph::InForce;
use crate::host::Host;

/// The file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Remembered {
    /// The gate's address, without a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// The Meta app's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Cloudflare's id of the account that it is deployed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloudflare: Option<String>,
    /// How the callback was set: `app`, `account` or `number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// The numbers that were set up.
    pub lines: Vec<LineOf>,
    /// What was there before.
    pub former: Former,
}

/// A number and its account.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct LineOf {
    pub line: String,
    pub account: String,
}

/// What was in force before the first change.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Former {
    pub apps: Vec<FormerApp>,
    pub accounts: Vec<FormerAccount>,
    pub numbers: Vec<FormerNumber>,
}

/// An app's own callback; none where there was none.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct FormerApp {
    pub app: String,
    pub callback: Option<String>,
    pub fields: Vec<String>,
}

/// An account's override, and whether the app got its webhooks.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct FormerAccount {
    pub account: String,
    pub is_subscribed: bool,
    pub callback: Option<String>,
}

/// A number's override.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct FormerNumber {
    pub line: String,
    pub callback: Option<String>,
}

impl Remembered {
    /// What is remembered; nothing where there is no file.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where the file cannot be used: overwriting it would lose the way back.
    pub(crate) fn read(host: &dyn Host) -> Result<Self, Failure> {
        let wrong = |why: String| {
            Failure::Usage(format!(
                "{REMEMBERED} cannot be used: {why}. Mend it, or move it away: then `--undo` has nothing to go by."
            ))
        };
        match host.read(REMEMBERED).map_err(wrong)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| wrong(format!("line {}", error.line()))),
            None => Ok(Self::default()),
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where that is not possible.
    pub(crate) fn write(&self, host: &dyn Host) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        host.write(REMEMBERED, &format!("{text}\n"))
            .map_err(|reason| Failure::Usage(format!("{REMEMBERED} cannot be written: {reason}")))
    }

    /// Keeps what is in force now, as far as nothing was kept before. `ours` tells an address of this gate, which is
    /// nobody's former callback.
    pub(crate) fn keep(&mut self, app: &str, of: &LineOf, now: &InForce, ours: &dyn Fn(&str) -> bool) {
        let former = &mut self.former;
        let is_ours = |callback: &Option<String>| callback.as_deref().is_some_and(ours);
        let callback = now.app.as_ref().map(|own| own.callback.clone());
        if !former.apps.iter().any(|known| known.app == app) && !is_ours(&callback) {
            let fields = now.app.as_ref().map(|own| own.fields.clone()).unwrap_or_default();
            former.apps.push(FormerApp { app: app.to_owned(), callback, fields });
        }
        if !former.accounts.iter().any(|known| known.account == of.account) && !is_ours(&now.account) {
            let account = of.account.clone();
            let callback = now.account.clone();
            former.accounts.push(FormerAccount { account, is_subscribed: now.is_subscribed, callback });
        }
        if !former.numbers.iter().any(|known| known.line == of.line) && !is_ours(&now.number) {
            former.numbers.push(FormerNumber { line: of.line.clone(), callback: now.number.clone() });
        }
    }

    /// What was in force before for one number; `None` in the places of which nothing was kept.
    pub(crate) fn before(&self, app: &str, of: &LineOf) -> Before {
        let former = &self.former;
        Before {
            app: former.apps.iter().find(|known| known.app == app).cloned(),
            account: former.accounts.iter().find(|known| known.account == of.account).cloned(),
            number: former.numbers.iter().find(|known| known.line == of.line).cloned(),
        }
    }
}

/// What was in force before, in the three places where Meta looks; `None` where that is not known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Before {
    pub app: Option<FormerApp>,
    pub account: Option<FormerAccount>,
    pub number: Option<FormerNumber>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Subscription;

    #[test]
    fn what_was_there_first_is_kept_and_the_own_address_never() {
        let of = LineOf { line: "30".to_owned(), account: "20".to_owned() };
        let ours = |address: &str| address == "gate";
        let app =
            |callback: &str| Some(Subscription { callback: callback.to_owned(), fields: vec!["messages".to_owned()] });
        let mut remembered = Remembered::default();
        let first = InForce { app: app("bot"), is_subscribed: false, account: None, number: Some("other".to_owned()) };
        remembered.keep("10", &of, &first, &ours);
        let kept = remembered.clone();
        let later = InForce { app: app("gate"), is_subscribed: true, account: Some("third".to_owned()), number: None };
        remembered.keep("10", &of, &later, &ours);
        assert_eq!(remembered, kept);
        let before = remembered.before("10", &of);
        assert_eq!(before.app.unwrap().callback.as_deref(), Some("bot"));
        assert_eq!(before.number.unwrap().callback.as_deref(), Some("other"));
        assert!(!before.account.unwrap().is_subscribed);

        let mut late = Remembered::default();
        late.keep("10", &of, &later, &ours);
        assert_eq!(late.before("10", &of).app, None, "what was there before this gate is not known");
    }
}
