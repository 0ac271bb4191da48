//! The Meta apps beside the one of `META_APP_SECRET`, and which of a delivery's events are believed.
//!
//! An agency's clients each have an app of their own, and each app signs with its own secret. Such an app delivers to
//! `/webhook/<APP>`, its id in digits. It has that path where `META_APP_SECRET_<APP>` or `META_VERIFY_TOKEN_<APP>` is set;
//! the lines that name it in `LINES` then belong to that path, and every other line belongs to `/webhook`.
//!
//! Invariant: an event is believed only on the path to which its line belongs. Whoever knows the secret of one app can
//! sign whatever they like with it, and reaches no line of another's.
//!
//! Not here: checking a signature (`webhook::signature`), what becomes of what is not believed (`edge::webhook`).

use super::secrets::{META_APP_SECRET, META_VERIFY_TOKEN, of_number};
use super::{Settings, SettingsError};
use crate::graph::target::Lines;
use crate::ids::{AccountId, LineId};
use crate::limits::APPS_MAX;
use crate::secret::Rotating;
use crate::webhook::event::Scope;

/// A Meta app that `LINES` names.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id.
    pub id: AccountId,
    /// `META_APP_SECRET_<APP>`: what Meta signs its deliveries with.
    pub secrets: Option<Rotating>,
    /// `META_VERIFY_TOKEN_<APP>`: the word of its handshake.
    pub verify_token: Option<Rotating>,
}

impl App {
    /// Whether it delivers to a path of its own.
    #[must_use]
    pub const fn has_own_path(&self) -> bool {
        self.secrets.is_some() || self.verify_token.is_some()
    }

    /// The names of its secrets that are missing.
    #[must_use]
    pub fn missing(&self) -> Vec<SettingsError> {
        let both = [(META_APP_SECRET, self.secrets.is_none()), (META_VERIFY_TOKEN, self.verify_token.is_none())];
        let missing = both.into_iter().filter(|(_, is_missing)| *is_missing);
        missing.filter_map(|(name, _)| of_number(name, self.id.as_str())).map(SettingsError::AppSecret).collect()
    }
}

/// The apps that `LINES` names, with their secrets. What one of them lacks is its own trouble, and is put down there.
pub(super) fn apps(
    read: &impl Fn(&str) -> Option<String>,
    lines: &Lines,
    degraded: &mut Vec<SettingsError>,
) -> Result<Vec<App>, SettingsError> {
    let mut apps = Vec::new();
    for id in lines.apps() {
        let secret = |name| of_number(name, id.as_str()).and_then(|name| Rotating::read(&name, read));
        let (secrets, verify_token) = (secret(META_APP_SECRET), secret(META_VERIFY_TOKEN));
        apps.push(App { id: id.clone(), secrets, verify_token });
    }
    if apps.len() > APPS_MAX {
        return Err(SettingsError::Apps);
    }
    // One without any secret of its own may be the app of META_APP_SECRET; of two of them one is not.
    let is_ambiguous = apps.iter().filter(|app| !app.has_own_path()).count() > 1;
    degraded.extend(apps.iter().filter(|app| app.has_own_path() || is_ambiguous).flat_map(App::missing));
    Ok(apps)
}

impl Settings {
    /// The secret of this name that is in force on the path of an app, or at `/webhook`, and the name that it is set under.
    ///
    /// # Errors
    ///
    /// What the app is missing.
    pub fn secret_at<'s>(
        &'s self,
        app: Option<&'s App>,
        name: &'static str,
    ) -> Result<(String, &'s Rotating), Vec<SettingsError>> {
        let is_word = name == META_VERIFY_TOKEN;
        let Some(app) = app else {
            return Ok((name.to_owned(), if is_word { &self.verify_token } else { &self.app_secrets }));
        };
        let own = if is_word { &app.verify_token } else { &app.secrets };
        own.as_ref().zip(of_number(name, app.id.as_str())).map(|(own, name)| (name, own)).ok_or_else(|| app.missing())
    }

    /// The app of this id, where `LINES` names it.
    #[must_use]
    pub fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id.as_str() == id)
    }

    /// The app on whose own path a line's events come in; `None` of a line that belongs to `/webhook`.
    #[must_use]
    pub fn app_of(&self, line: &LineId) -> Option<&App> {
        self.app(self.lines.app(line)?.as_str()).filter(|app| app.has_own_path())
    }

    /// Whether an event of this scope is believed of this app; of the one at `/webhook` where there is none.
    #[must_use]
    pub fn believes(&self, app: Option<&App>, scope: &Scope) -> bool {
        let belongs = |line: &LineId| self.app_of(line).map(|own| &own.id) == app.map(|app| &app.id);
        match scope {
            Scope::Customer(line, _) | Scope::Line(line) => belongs(line),
            // What an account says of itself is believed of each app that has one of its lines.
            Scope::Account(account) => {
                let mut lines = self.lines.of_account(account.as_str()).peekable();
                if lines.peek().is_none() { app.is_none() } else { lines.any(belongs) }
            }
            Scope::Unaddressed => app.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Customer, Phone};
    use crate::settings::tests::read;

    /// Two clients with an app each, a third line of the agency's own app, and a fourth without any.
    const LINES: (&str, &str) = (
        "LINES",
        r#"{"300": {"account": "200", "app": "71"}, "301": {"account": "201", "app": "72"},
            "302": {"account": "202", "app": "70"}, "303": {}}"#,
    );

    #[test]
    fn an_event_is_believed_only_on_the_path_to_which_its_line_belongs() {
        let secrets = [("META_APP_SECRET_71", "s71"), ("META_VERIFY_TOKEN_71", "w"), ("META_VERIFY_TOKEN_72", "w")];
        let settings = read(&[&[LINES][..], &secrets].concat()).unwrap();
        let line = |id| LineId::parse(id).unwrap();
        let customer = |id| Scope::Customer(line(id), Customer::Phone(Phone::parse("15550109999").unwrap()));
        let account = |id| Scope::Account(AccountId::parse(id).unwrap());
        for (scope, paths) in [
            (customer("300"), ["71"].as_slice()),
            (customer("301"), &["72"]),
            (customer("302"), &[""]),
            (customer("303"), &[""]),
            (customer("999"), &[""]),
            (Scope::Line(line("300")), &["71"]),
            (Scope::Line(line("999")), &[""]),
            (account("200"), &["71"]),
            (account("202"), &[""]),
            (account("999"), &[""]),
            (Scope::Unaddressed, &[""]),
        ] {
            // The empty path is the one without an app.
            for path in ["", "71", "72", "70"] {
                let app = settings.app(path);
                assert_eq!(app.is_some(), !path.is_empty());
                let is_own = app.is_none_or(App::has_own_path);
                let believed = is_own && settings.believes(app, &scope);
                assert_eq!(believed, paths.contains(&path), "{scope:?} at {path:?}");
            }
        }
    }

    #[test]
    fn what_one_app_lacks_is_told_and_is_no_other_apps_trouble() {
        let check = |secrets: &[(&str, &str)], expected: &[&str]| {
            let settings = read(&[&[LINES][..], secrets].concat()).unwrap();
            let told: Vec<String> = settings.degraded.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(&format!("wrangler secret put {expected}`")), "{told:?} {expected}");
            }
        };
        let (s71, s72) = (("META_APP_SECRET_71", "a"), ("META_APP_SECRET_72", "b"));
        let (w71, w72) = (("META_VERIFY_TOKEN_71", "a"), ("META_VERIFY_TOKEN_72", "b"));
        check(&[s71, w71, s72, w72], &[]);
        check(&[s71, w71, w72], &["META_APP_SECRET_72"]);
        check(&[s71, s72, w72], &["META_VERIFY_TOKEN_71"]);
        // 70 may be the app of META_APP_SECRET; 70 and 72 are not both.
        check(
            &[s71, w71],
            &["META_APP_SECRET_72", "META_VERIFY_TOKEN_72", "META_APP_SECRET_70", "META_VERIFY_TOKEN_70"],
        );
        let one = read(&[("LINES", r#"{"300": {"app": "71"}}"#)]).unwrap();
        assert_eq!((one.degraded.len(), one.app_of(&LineId::parse("300").unwrap()).is_none()), (0, true));
        assert_eq!(one.app("71").unwrap().missing().len(), 2);
        let settings = read(&[LINES, s71, w72]).unwrap();
        for (app, name, expected) in [
            (None, META_APP_SECRET, Some("META_APP_SECRET")),
            (None, META_VERIFY_TOKEN, Some("META_VERIFY_TOKEN")),
            (Some("71"), META_APP_SECRET, Some("META_APP_SECRET_71")),
            (Some("71"), META_VERIFY_TOKEN, None),
            (Some("72"), META_APP_SECRET, None),
            (Some("72"), META_VERIFY_TOKEN, Some("META_VERIFY_TOKEN_72")),
        ] {
            let app = app.map(|app| settings.app(app).unwrap());
            assert_eq!(settings.secret_at(app, name).ok().map(|(name, _)| name).as_deref(), expected, "{app:?} {name}");
        }
    }

    #[test]
    fn there_are_as_many_apps_as_there_is_room_for_their_secrets() {
        let many = |count: usize| {
            let lines: Vec<String> = (0..count).map(|at| format!(r#""{}": {{"app": "{at}"}}"#, 100 + at)).collect();
            format!("{{{}}}", lines.join(", "))
        };
        assert!(read(&[("LINES", &many(APPS_MAX))]).is_ok());
        let errors = read(&[("LINES", &many(APPS_MAX + 1))]).unwrap_err();
        assert_eq!(errors, [SettingsError::Apps]);
        assert!(errors[0].to_string().contains(&APPS_MAX.to_string()));
        // An id that is no number could name another secret, and has none of its own.
        let odd = read(&[("LINES", r#"{"300": {"app": "PREVIOUS"}}"#), ("META_APP_SECRET_PREVIOUS", "old")]).unwrap();
        assert!(odd.app_of(&LineId::parse("300").unwrap()).is_none());
    }
}
