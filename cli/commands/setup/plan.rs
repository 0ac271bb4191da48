//! What has to change at Meta, from what is in force to what is wanted, and back.
//!
//! Invariant: a step is made only where something differs, so a second run makes none; and no step takes a field away that
//! was subscribed before.
//!
//! Why overrides of others are taken away: Meta looks at the number's override first, then at the account's, then at the
//! app's callback (Meta, "Webhook overrides", 2026-06-28). One that stands above the chosen place would send messages past
//! the gate. What it was is kept for `--undo`.

use super::state::Before;
use crate::args::Way;
use crate::commands::doctor::meta::{FIELDS, host, is_same, lacking};
use crate::graph::{InForce, Subscription};

/// One change at Meta.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// The app's own callback, with all fields that are then subscribed.
    AppCallback { callback: String, fields: Vec<String> },
    /// Takes fields away that the set-up had added.
    EndFields { fields: Vec<String> },
    /// Takes the app's own callback away.
    RemoveApp,
    /// Subscribes the app to the account.
    Subscribe { account: String },
    /// Ends that again.
    Leave { account: String },
    /// The account's override.
    OverrideAccount { account: String, callback: String },
    /// Takes it away.
    ClearAccount { account: String },
    /// The number's override.
    OverrideNumber { line: String, callback: String },
    /// Takes it away.
    ClearNumber { line: String },
}

impl Step {
    /// What it does, for the person who is asked before.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::AppCallback { callback, fields } => {
                format!("Meta: set the app's callback to {} and subscribe {}", host(callback), fields.join(", "))
            }
            Self::EndFields { fields } => format!("Meta: end the subscription of {}", fields.join(", ")),
            Self::RemoveApp => "Meta: take the app's callback for WhatsApp away; there was none before".to_owned(),
            Self::Subscribe { account } => format!("Meta: subscribe the app to the webhooks of the account {account}"),
            Self::Leave { account } => format!("Meta: end the app's subscription to the account {account}"),
            Self::OverrideAccount { account, callback } => {
                format!("Meta: set the override of the account {account} to {}", host(callback))
            }
            Self::ClearAccount { account } => format!("Meta: take the override of the account {account} away"),
            Self::OverrideNumber { line, callback } => {
                format!("Meta: set the override of the number {line} to {}", host(callback))
            }
            Self::ClearNumber { line } => format!("Meta: take the override of the number {line} away"),
        }
    }

    /// The callback at which Meta makes its handshake for this step.
    pub(crate) fn handshake_at(&self) -> Option<&str> {
        match self {
            Self::AppCallback { callback, .. }
            | Self::OverrideAccount { callback, .. }
            | Self::OverrideNumber { callback, .. } => Some(callback),
            Self::EndFields { .. }
            | Self::RemoveApp
            | Self::Subscribe { .. }
            | Self::Leave { .. }
            | Self::ClearAccount { .. }
            | Self::ClearNumber { .. } => None,
        }
    }
}

/// One number and its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub line: &'a str,
    pub account: &'a str,
}

/// The steps from what is in force to the gate at `ours`.
pub(crate) fn steps(way: Way, place: Place<'_>, now: &InForce, ours: &str) -> Vec<Step> {
    let is_ours = |callback: &Option<String>| callback.as_deref().is_some_and(|callback| is_same(callback, ours));
    let is_elsewhere = |callback: &Option<String>| callback.is_some() && !is_ours(callback);
    let (line, account, callback) = (place.line.to_owned(), place.account.to_owned(), ours.to_owned());
    let mut steps = Vec::new();
    if !now.is_subscribed {
        steps.push(Step::Subscribe { account: account.clone() });
    }
    steps.extend(app_step(way, now.app.as_ref(), ours));
    match way {
        Way::App => {
            steps.extend(is_elsewhere(&now.account).then_some(Step::ClearAccount { account }));
            steps.extend(is_elsewhere(&now.number).then_some(Step::ClearNumber { line }));
        }
        Way::Account => {
            steps.extend((!is_ours(&now.account)).then_some(Step::OverrideAccount { account, callback }));
            steps.extend(is_elsewhere(&now.number).then_some(Step::ClearNumber { line }));
        }
        Way::Number => {
            steps.extend((!is_ours(&now.number)).then_some(Step::OverrideNumber { line, callback }));
        }
    }
    steps
}

/// The app's callback is set where it was chosen, where there is none (an override needs the app's fields), and where it
/// is the gate's already and lacks fields.
fn app_step(way: Way, app: Option<&Subscription>, ours: &str) -> Option<Step> {
    let callback = ours.to_owned();
    let Some(app) = app else {
        let fields = FIELDS.map(|(name, _)| name.to_owned()).to_vec();
        return Some(Step::AppCallback { callback, fields });
    };
    let is_ours = is_same(&app.callback, ours);
    let mut fields = app.fields.clone();
    fields.extend(lacking(app).map(|(name, _)| name.to_owned()));
    let is_complete = fields.len() == app.fields.len();
    let is_wanted = (way == Way::App && !is_ours) || (is_ours && !is_complete);
    is_wanted.then_some(Step::AppCallback { callback, fields })
}

/// The fields that somebody must tick by hand: with an override the app's callback stays somebody else's, and Meta takes
/// fields only together with a handshake there.
pub(crate) fn by_hand(way: Way, now: &InForce, ours: &str) -> Vec<&'static str> {
    let app = now.app.as_ref().filter(|app| way != Way::App && !is_same(&app.callback, ours));
    app.map(|app| lacking(app).map(|(name, _)| name).collect()).unwrap_or_default()
}

/// The steps from the gate at `ours` back to what was in force before. What somebody else has changed since stays.
pub(crate) fn back(place: Place<'_>, before: &Before, now: &InForce, ours: &str) -> Vec<Step> {
    let is_ours = |callback: &Option<String>| callback.as_deref().is_some_and(|callback| is_same(callback, ours));
    let (line, account) = (place.line.to_owned(), place.account.to_owned());
    let mut steps = Vec::new();
    if let (Some(before), Some(app)) = (&before.app, &now.app)
        && is_same(&app.callback, ours)
    {
        match before.callback.clone() {
            None => steps.push(Step::RemoveApp),
            Some(callback) => {
                let fields = before.fields.clone();
                let added: Vec<String> = app.fields.iter().filter(|field| !fields.contains(field)).cloned().collect();
                steps.push(Step::AppCallback { callback, fields });
                steps.extend((!added.is_empty()).then_some(Step::EndFields { fields: added }));
            }
        }
    }
    if let Some(before) = &before.account {
        match &before.callback {
            Some(callback) if now.account.is_none() || is_ours(&now.account) => {
                steps.push(Step::OverrideAccount { account: account.clone(), callback: callback.clone() });
            }
            None if is_ours(&now.account) => steps.push(Step::ClearAccount { account: account.clone() }),
            Some(_) | None => {}
        }
        if !before.is_subscribed && now.is_subscribed {
            steps.push(Step::Leave { account });
        }
    }
    if let Some(before) = &before.number {
        match &before.callback {
            Some(callback) if now.number.is_none() || is_ours(&now.number) => {
                steps.push(Step::OverrideNumber { line, callback: callback.clone() });
            }
            None if is_ours(&now.number) => steps.push(Step::ClearNumber { line }),
            Some(_) | None => {}
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::state::{LineOf, Remembered};
    use super::*;

    const OURS: &str = "https://gate.example/webhook";
    const BOT: &str = "https://bot.example/hook";
    const PLACE: Place<'static> = Place { line: "30", account: "20" };

    fn all() -> Vec<String> {
        FIELDS.map(|(name, _)| name.to_owned()).to_vec()
    }

    fn app(callback: &str, fields: &[&str]) -> Subscription {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Subscription { callback: callback.to_owned(), fields }
    }

    fn own(text: Option<&str>) -> Option<String> {
        text.map(str::to_owned)
    }

    /// Does the steps to a picture of Meta's state.
    fn done(mut now: InForce, steps: &[Step]) -> InForce {
        for step in steps {
            match step.clone() {
                Step::AppCallback { callback, fields } => {
                    let mut all = now.app.map(|app| app.fields).unwrap_or_default();
                    all.extend(fields.into_iter().filter(|field| !all.contains(field)).collect::<Vec<_>>());
                    now.app = Some(Subscription { callback, fields: all });
                }
                Step::EndFields { fields } => {
                    let app = now.app.as_mut().unwrap();
                    app.fields.retain(|field| !fields.contains(field));
                }
                Step::RemoveApp => now.app = None,
                Step::Subscribe { .. } => now.is_subscribed = true,
                Step::Leave { .. } => now.is_subscribed = false,
                Step::OverrideAccount { callback, .. } => now.account = Some(callback),
                Step::ClearAccount { .. } => now.account = None,
                Step::OverrideNumber { callback, .. } => now.number = Some(callback),
                Step::ClearNumber { .. } => now.number = None,
            }
        }
        now
    }

    fn pictures() -> Vec<InForce> {
        let mut pictures = Vec::new();
        for app in [None, Some(app(BOT, &["messages", "flows"])), Some(app(BOT, &["messages", "smb_message_echoes"]))] {
            for account in [None, Some(BOT)] {
                for number in [None, Some(BOT)] {
                    for is_subscribed in [true, false] {
                        let (account, number) = (own(account), own(number));
                        pictures.push(InForce { app: app.clone(), is_subscribed, account, number });
                    }
                }
            }
        }
        pictures
    }

    #[test]
    fn afterwards_the_gate_is_in_force_and_a_second_run_changes_nothing() {
        for before in pictures() {
            for way in Way::ALL {
                let after = done(before.clone(), &steps(way, PLACE, &before, OURS));
                assert_eq!(after.callback(), Some(OURS), "{way:?} {before:?}");
                assert!(after.is_subscribed);
                assert_eq!(steps(way, PLACE, &after, OURS), [], "{way:?} {before:?}");
                let fields = after.app.clone().unwrap().fields;
                let missing: Vec<_> = all().into_iter().filter(|field| !fields.contains(field)).collect();
                assert_eq!(missing, by_hand(way, &after, OURS), "{way:?} {before:?}");
                assert!(before.app.clone().is_none_or(|app| app.fields.iter().all(|field| fields.contains(field))));
            }
        }
    }

    #[test]
    fn the_way_back_leads_to_what_was_there() {
        for before in pictures() {
            for way in Way::ALL {
                let mut remembered = Remembered::default();
                let of = LineOf { line: "30".to_owned(), account: "20".to_owned() };
                remembered.keep("10", &of, &before, &|callback| is_same(callback, OURS));
                let after = done(before.clone(), &steps(way, PLACE, &before, OURS));
                let back = back(PLACE, &remembered.before("10", &of), &after, OURS);
                assert_eq!(done(after, &back), before, "{way:?}: {back:?}");
            }
        }
    }

    #[test]
    fn what_somebody_changed_since_stays() {
        let before =
            InForce { app: Some(app(BOT, &["messages"])), is_subscribed: true, account: None, number: own(Some(BOT)) };
        let mut remembered = Remembered::default();
        let of = LineOf { line: "30".to_owned(), account: "20".to_owned() };
        remembered.keep("10", &of, &before, &|_| false);
        let third = "https://third.example/hook";
        let now = InForce { app: Some(app(third, &["messages"])), number: own(Some(third)), ..before };
        assert_eq!(back(PLACE, &remembered.before("10", &of), &now, OURS), []);
        assert_eq!(back(PLACE, &Before::default(), &now, OURS), []);
    }
}
