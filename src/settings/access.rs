//! Cloudflare Access in front of the gate, where it is.
//!
//! Invariant: the keys of a team are asked for at Cloudflare's own domain by https and nowhere else, but on a
//! developer's own machine; else whoever could write a variable could say who is let in.
//!
//! Not here: what an assertion must say (`access::jwt`), and the team's keys (`edge::certs`).

use url::{Host, Url};

use super::{SettingsError, surroundings};
use crate::access::jwt::Application;
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
    let url = Url::parse(&address).map_err(|_| SettingsError::AccessTeam)?;
    let is_team = url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(ACCESS_DOMAIN));
    let is_stand_in = surroundings(read) == Surroundings::LocalDevelopment && is_loopback(&url);
    // What is left of an address without path, query and user name is its origin.
    let origin = url.origin().ascii_serialization();
    let is_plain = url.as_str().trim_end_matches('/') == origin;
    if is_plain && (is_team || is_stand_in) { Ok(origin) } else { Err(SettingsError::AccessTeam) }
}

/// Whether this is plain http on the machine itself, where no connection can be listened to.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_here && url.scheme() == "http"
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
