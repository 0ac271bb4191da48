//! Who is told of alerts.
//!
//! Invariant: what goes to `ALERTS_URL` is signed, so that its receiver can tell it from what anybody may post there;
//! an address without a secret is a mistake and not an unsigned alert.
//!
//! Not here: what an alert says (`desk::incident`), how it is sent (`edge::alerts`).

use super::{SettingsError, surroundings};
use crate::outbox::destination::BotUrl;
use crate::secret::Rotating;

/// The receiver of alerts, with what they are signed with.
pub(super) fn alerts(
    read: &impl Fn(&str) -> Option<String>,
    errors: &mut Vec<SettingsError>,
) -> Option<(BotUrl, Rotating)> {
    let url = address(read, "ALERTS_URL", errors)?;
    let secret = Rotating::read("ALERTS_SECRET", read);
    if secret.is_none() {
        errors.push(SettingsError::MissingSecret("ALERTS_SECRET"));
    }
    Some((url, secret?))
}

/// An address to which something is posted, where there is one.
pub(super) fn address(
    read: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    errors: &mut Vec<SettingsError>,
) -> Option<BotUrl> {
    let text = read(name).filter(|text| !text.trim().is_empty())?;
    BotUrl::parse(&text, surroundings(read)).map_err(|error| errors.push(SettingsError::Alerts(name, error))).ok()
}
