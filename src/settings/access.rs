//! Cloudflare Access in front of the gate, where it is.
//!
//! Invariant: the keys of a team are asked for at Cloudflare's own domain by https and nowhere else, but on a
//! developer's own machine; else whoever could write a variable could say who is let in.
//!
//! Not here: what an assertion must say (`access::jwt`), and the team's keys (`edge::certs`).

use super::{SettingsError, surroundings};
use crate::access::jwt::Application;
use crate::address::Address;
use crate::outbox::destination::Surroundings;

/// Where the addresses of teams of Cloudflare Access are (Cloudflare One, "Validate JWTs", 2026).
const ACCESS_DOMAIN: &str = ".cloudflareaccess.com";

/// Cloudflare Access, where it is in front of the gate.
pub(super) fn access(read: &impl Fn(&str) -> Option<String>) -> Result<Option<Application>, SettingsError> {
    let text = |name| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match (text("ACCESS_TEAM"), text("ACCESS_AUD")) {
        (None, None) => Ok(None),
        (Some(team), Some(audience)) => Ok(Some(Application { audience, team: team_address(&team, read)? })),
        (None, Some(_)) | (Some(_), None) => Err(SettingsError::AccessHalf),
    }
}

fn team_address(team: &str, read: &impl Fn(&str) -> Option<String>) -> Result<String, SettingsError> {
    let address = match (team.contains("://"), team.contains('.')) {
        (true, _) => team.to_owned(),
        (false, true) => format!("https://{team}"),
        (false, false) => format!("https://{team}{ACCESS_DOMAIN}"),
    };
    let address = Address::parse(&address).map_err(|_| SettingsError::AccessTeam)?;
    let is_team = address.is_https() && address.host_str().ends_with(ACCESS_DOMAIN);
    let is_stand_in = surroundings(read) == Surroundings::LocalDevelopment && address.is_loopback();
    let is_plain = address.rest() == "/" && !address.has_user();
    if is_plain && (is_team || is_stand_in) { Ok(address.origin().to_owned()) } else { Err(SettingsError::AccessTeam) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::read;

    #[test]
    fn a_team_is_named_or_addressed_and_never_without_https_but_on_the_own_machine() {
        let team = |team: &str, local: &str| {
            let read = read(&[("ACCESS_TEAM", team), ("ACCESS_AUD", " a1 "), ("LOCAL_DEVELOPMENT", local)]);
            read.map(|settings| settings.access.unwrap().team)
        };
        for written in ["shop", " shop ", "shop.cloudflareaccess.com", "https://Shop.cloudflareaccess.com/"] {
            assert_eq!(team(written, "").as_deref(), Ok("https://shop.cloudflareaccess.com"), "{written}");
        }
        for written in [
            "http://shop.cloudflareaccess.com",
            "https://cloudflareaccess.com",
            "https://shop.cloudflareaccess.com.example.com",
            "https://shop.cloudflareaccess.com/path",
            "https://shop.cloudflareaccess.com?a",
            "https://me@shop.cloudflareaccess.com",
            "shop.example.com",
            "shop team",
            "http://127.0.0.1:4000",
            "://",
        ] {
            assert_eq!(team(written, "").unwrap_err(), [SettingsError::AccessTeam], "{written}");
        }
        assert_eq!(team("http://127.0.0.1:4000", "true").as_deref(), Ok("http://127.0.0.1:4000"));
        assert_eq!(team("http://[::1]:4000/", "true").as_deref(), Ok("http://[::1]:4000"));
        assert!(team("http://192.0.2.1:4000", "true").is_err() && team("ftp://localhost", "true").is_err());
        assert_eq!(read(&[]).unwrap().access, None);
    }
}
