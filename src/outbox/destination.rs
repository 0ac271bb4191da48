//! The bot's address, and the addresses that are refused.
//!
//! The gate posts customers' messages with a valid signature to this address, so a mistyped or smuggled one
//! is a leak. It is read by the same rules as `fetch` reads it, which also resolves the odd spellings of an
//! IPv4 address (`0x7f.1`, `2130706433`).
//!
//! Invariant: outside local development a [`BotUrl`] is https, has no user or password, and names a public
//! host. A name may still resolve to a private address; the runtime's own network refuses those, and the
//! flag `global_fetch_strictly_public` closes the way to origins behind the shop's own zone.

use core::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::address::{Address, Host, Unreadable};

/// Suffixes of names that never leave a building (RFC 6761, RFC 6762, RFC 8375, and common habit).
const PRIVATE_SUFFIXES: [&str; 6] = ["localhost", "local", "internal", "home.arpa", "lan", "invalid"];

/// Where the gate runs, which decides how strict the rule is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Surroundings {
    /// Deployed at Cloudflare.
    Deployed,
    /// On a developer's own machine: http and loopback are what one uses there.
    LocalDevelopment,
}

/// Why an address is refused as the bot's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DestinationError {
    /// It cannot be read as a URL.
    NotAUrl,
    /// It is neither https nor, in local development, http.
    NotHttps,
    /// It points back at this gate.
    OwnHost,
    /// It is an address or a name of a private network or of this machine.
    Private,
    /// It has a user or a password in it.
    UserInfo,
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => {
                "is not a URL; write the bot's webhook address, for example https://bot.example.com/webhook (a name with \
                 letters beyond a to z in its xn-- form)"
            }
            Self::NotHttps => "must begin with https://, because customers' messages travel to it",
            Self::OwnHost => "points back at this gate; write the address of the bot behind it",
            Self::Private => {
                "names a private or local address, which Cloudflare cannot reach; give the bot a public address"
            }
            Self::UserInfo => "must not carry a user name or password; the bot checks the signature instead",
        })
    }
}

/// The bot's address. Its path is often a secret of its own, so `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct BotUrl(Address);

impl fmt::Debug for BotUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotUrl(redacted)")
    }
}

impl BotUrl {
    /// Reads the bot's address.
    ///
    /// # Errors
    ///
    /// [`DestinationError`] says which rule the address breaks.
    pub fn parse(text: &str, surroundings: Surroundings) -> Result<Self, DestinationError> {
        let address = Address::parse(text.trim()).map_err(|error| match error {
            Unreadable::AnotherScheme => DestinationError::NotHttps,
            Unreadable::NoAddress => DestinationError::NotAUrl,
        })?;
        let local = surroundings == Surroundings::LocalDevelopment;
        if !(address.is_https() || local) {
            return Err(DestinationError::NotHttps);
        }
        if address.has_user() {
            return Err(DestinationError::UserInfo);
        }
        let public = match address.host() {
            Host::Name(name) => is_public_name(name),
            Host::V4(address) => is_public_v4(*address),
            Host::V6(address) => is_public_v6(*address),
        };
        if public || local { Ok(Self(address)) } else { Err(DestinationError::Private) }
    }

    /// Refuses the address where it points back at the gate, whose own address `gate` is.
    ///
    /// # Errors
    ///
    /// [`DestinationError::OwnHost`].
    pub fn differs_from(&self, gate: &Address) -> Result<(), DestinationError> {
        if self.0.is_at(gate) { Err(DestinationError::OwnHost) } else { Ok(()) }
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str()
    }

    /// The address as it is fetched.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let private = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !PRIVATE_SUFFIXES.into_iter().any(private)
}

/// The special-purpose registry of IANA, as far as it is not globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Addresses that carry an IPv4 address in them are as public as that is: mapped, NAT64 and 6to4.
    match address.octets() {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
        | [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
        | [0x20, 0x02, a, b, c, d, ..] => return is_public_v4(Ipv4Addr::new(a, b, c, d)),
        _ => {}
    }
    // Everything that is handed out lies in 2000::/3; 2001:db8::/32 there is for documents.
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0x0db8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DestinationError::{NotAUrl, NotHttps, Private, UserInfo};

    #[test]
    fn only_public_https_addresses_are_a_bots() {
        for (text, expected) in [
            ("https://bot.example.com/webhook", Ok(())),
            ("https://bot.example.com:8443/webhook?x=1", Ok(())),
            ("https://8.8.8.8/", Ok(())),
            ("https://[2606:4700::1111]/", Ok(())),
            ("http://bot.example.com/", Err(NotHttps)),
            ("ftp://bot.example.com/", Err(NotHttps)),
            ("bot.example.com", Err(NotAUrl)),
            ("https://bötchen.example.com/", Err(NotAUrl)),
            ("https://xn--btchen-vxa.example.com/", Ok(())),
            ("", Err(NotAUrl)),
            ("https://user@bot.example.com/", Err(UserInfo)),
            ("https://user:word@bot.example.com/", Err(UserInfo)),
            ("https://localhost/", Err(Private)),
            ("https://LOCALHOST./", Err(Private)),
            ("https://bot.localhost/", Err(Private)),
            ("https://bot/", Err(Private)),
            ("https://printer.local/", Err(Private)),
            ("https://metadata.google.internal/", Err(Private)),
            ("https://127.0.0.1/", Err(Private)),
            ("https://127.1/", Err(Private)),
            ("https://0x7f.1/", Err(Private)),
            ("https://2130706433/", Err(Private)),
            ("https://0177.0.0.1/", Err(Private)),
            ("https://0.0.0.0/", Err(Private)),
            ("https://10.1.2.3/", Err(Private)),
            ("https://100.64.0.1/", Err(Private)),
            ("https://169.254.169.254/", Err(Private)),
            ("https://172.16.0.1/", Err(Private)),
            ("https://192.168.1.10/", Err(Private)),
            ("https://192.0.0.1/", Err(Private)),
            ("https://198.18.0.1/", Err(Private)),
            ("https://255.255.255.255/", Err(Private)),
            ("https://[::1]/", Err(Private)),
            ("https://[::]/", Err(Private)),
            ("https://[::ffff:10.0.0.1]/", Err(Private)),
            ("https://[64:ff9b::a00:1]/", Err(Private)),
            ("https://[2002:a00:1::]/", Err(Private)),
            ("https://[fd00::1]/", Err(Private)),
            ("https://[fe80::1]/", Err(Private)),
            ("https://[ff02::1]/", Err(Private)),
            ("https://[2001:db8::1]/", Err(Private)),
        ] {
            assert_eq!(BotUrl::parse(text, Surroundings::Deployed).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn local_development_may_use_http_and_loopback_and_still_no_passwords() {
        let parse = |text| BotUrl::parse(text, Surroundings::LocalDevelopment).map(|_| ());
        assert_eq!(parse("http://127.0.0.1:4000/bot"), Ok(()));
        assert_eq!(parse("http://localhost:4000"), Ok(()));
        assert_eq!(parse("http://a:b@127.0.0.1/"), Err(UserInfo));
        assert_eq!(parse("file:///etc/hosts"), Err(NotHttps));
    }

    #[test]
    fn the_gates_own_host_is_not_a_bot() {
        let gate = Address::parse("https://gate.example.com/webhook").unwrap();
        let differs = |text| BotUrl::parse(text, Surroundings::Deployed).unwrap().differs_from(&gate);
        assert_eq!(differs("https://gate.example.com/bot"), Err(DestinationError::OwnHost));
        assert_eq!(differs("https://GATE.example.com:443/"), Err(DestinationError::OwnHost));
        assert_eq!(differs("https://bot.example.com/webhook"), Ok(()));
    }
}
