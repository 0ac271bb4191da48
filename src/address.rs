//! Addresses of http and https, read as `fetch` reads them.
//!
//! Invariant: the host that was judged is the host that is fetched. It is written anew from letters, digits, `-`, `_` and
//! `.`, or from the four numbers of an IPv4 address however oddly they were spelt (`0x7f.1`, `2130706433`), or it is an
//! IPv6 address; in these every reader sees the same. What `fetch` would read and this does not (letters beyond ASCII,
//! escapes in the host) is no address here.
//!
//! Why not the crate `url`: it reads every scheme, resolves, edits and translates names, and is a thirtieth of the
//! compressed Worker; and each request has its own address read. `tests` holds this reader against it.
//!
//! Deliberately not here: the path, which `fetch` puts right itself, and which addresses are good for what
//! (`outbox::destination`).

use core::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// What is fetched: scheme, host and port as they were read, then the rest as it was written.
    text: String,
    host: Host,
    is_https: bool,
    has_user: bool,
    /// `None` where it is the scheme's own.
    port: Option<u16>,
    /// Where in `text` the host begins and ends, and where the path begins.
    host_at: usize,
    host_end: usize,
    path_at: usize,
}

/// Whom an address names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// A name, in small letters.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// It has another scheme than http and https.
    AnotherScheme,
    /// It has no form of an address.
    NoAddress,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let text: String =
            text.trim_matches(|c| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
        let (scheme, rest) = text.split_once(':').ok_or(Unreadable::NoAddress)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(if is_scheme(scheme) { Unreadable::AnotherScheme } else { Unreadable::NoAddress });
        }
        let rest = rest.trim_start_matches(['/', '\\']);
        let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
        let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = host_and_port(place).ok_or(Unreadable::NoAddress)?;
        let port = port.filter(|port| *port != if is_https { 443 } else { 80 });
        let mut text = String::with_capacity(text.len() + 2);
        text.push_str(if is_https { "https://" } else { "http://" });
        let host_at = text.len();
        let written = match &host {
            Host::Name(name) => text.write_str(name),
            Host::V4(address) => {
                let [a, b, c, d] = address.octets();
                write!(text, "{a}.{b}.{c}.{d}")
            }
            Host::V6(_) => text.write_str(place.split_inclusive(']').next().unwrap_or_default()),
        };
        let host_end = text.len();
        written
            .and_then(|()| port.map_or(Ok(()), |port| write!(text, ":{port}")))
            .map_err(|_| Unreadable::NoAddress)?;
        let path_at = text.len();
        text.push_str(if path.starts_with(['/', '\\']) { "" } else { "/" });
        text.push_str(path);
        let has_user = !matches!(user, "" | ":");
        Ok(Self { text, host, is_https, has_user, port, host_at, host_end, path_at })
    }

    /// The address as it is fetched, without user and password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a user or a password in it.
    #[must_use]
    pub const fn has_user(&self) -> bool {
        self.has_user
    }

    /// Whom it names.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The text of whom it names.
    #[must_use]
    pub fn host_str(&self) -> &str {
        self.text.get(self.host_at..self.host_end).unwrap_or_default()
    }

    /// Whether it is https, else it is http.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether this is plain http on the machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let is_here = match &self.host {
            Host::Name(name) => name == "localhost",
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.is_loopback(),
        };
        is_here && !self.is_https
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_at).unwrap_or_default()
    }

    /// What stands before query and fragment.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.rest();
        rest.find(['?', '#']).and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// What stands between `?` and fragment.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        let whole = self.rest().split('#').next()?;
        whole.split_once('?').map(|(_, query)| query)
    }

    /// Whether both have the same host and port.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        let port = |address: &Self| address.port.unwrap_or(if address.is_https { 443 } else { 80 });
        self.host == other.host && port(self) == port(other)
    }

    /// Path, query and fragment.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }
}

/// Whether this is the address of plain http on the machine itself, where no connection can be listened to.
#[must_use]
pub fn is_loopback(text: &str) -> bool {
    Address::parse(text).is_ok_and(|address| address.is_loopback())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn host_and_port(place: &str) -> Option<(Host, Option<u16>)> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let port = if after.is_empty() { "" } else { after.strip_prefix(':')? };
        (Host::V6(address.parse().ok()?), port)
    } else {
        let (name, port) = place.split_once(':').unwrap_or((place, ""));
        (name_or_v4(name)?, port)
    };
    match port {
        "" => Some((host, None)),
        // A sign is no part of a port, though Rust reads one.
        _ if port.bytes().all(|byte| byte.is_ascii_digit()) => Some((host, Some(port.parse().ok()?))),
        _ => None,
    }
}

fn name_or_v4(name: &str) -> Option<Host> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_plain) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let labels = name.strip_suffix('.').unwrap_or(&name);
    let last = labels.rsplit('.').next()?;
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number { v4(labels).map(Host::V4) } else { Some(Host::Name(name)) }
}

/// An IPv4 address in one to four parts, each decimal, octal behind `0` or hexadecimal behind `0x`; the last part stands
/// for all bytes that are left.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(v4_part).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let left = 4_usize.checked_sub(first.len()).filter(|left| *left > 0)?;
    let fits = first.iter().all(|part| *part <= 0xff) && (left == 4 || *last < 1 << (8 * left));
    let high = first.iter().zip([24, 16, 8]).fold(0, |sum, (part, shift)| sum | part << shift);
    fits.then(|| Ipv4Addr::from_bits(high | last))
}

fn v4_part(part: &str) -> Option<u32> {
    match (part, part.strip_prefix("0x"), part.strip_prefix('0')) {
        (_, Some(""), _) | ("0", ..) => Some(0),
        (_, Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
        (_, None, Some(octal)) => u32::from_str_radix(octal, 8).ok(),
        (_, None, None) => part.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::{Host as UrlHost, Url};

    use super::*;

    /// What is read here is read by the crate `url` as the same.
    fn is_read_alike(text: &str) -> bool {
        let Ok(address) = Address::parse(text) else { return false };
        let url = Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {address:?}, and for url {error}"));
        let host = match url.host().unwrap() {
            UrlHost::Domain(name) => Host::Name(name.to_owned()),
            UrlHost::Ipv4(host) => Host::V4(host),
            UrlHost::Ipv6(host) => Host::V6(host),
        };
        let is_https = url.scheme() == "https";
        let has_user = !url.username().is_empty() || url.password().is_some();
        let url_says = (&host, is_https, has_user, url.port());
        assert_eq!((&address.host, address.is_https, address.has_user, address.port), url_says, "{text:?}");
        // What is fetched is the same but for user and password.
        let mut plain = url.clone();
        plain.set_username("").unwrap();
        plain.set_password(None).unwrap();
        let fetched = Url::parse(address.as_str()).unwrap();
        assert_eq!(fetched, plain, "{text:?}");
        // And what is in its final form already has the same parts.
        let again = Address::parse(plain.as_str()).unwrap();
        assert_eq!((again.path(), again.query()), (plain.path(), plain.query()), "{text:?}");
        assert_eq!((again.as_str(), again.host_str()), (plain.as_str(), plain.host_str().unwrap()), "{text:?}");
        assert_eq!(again.origin(), plain.origin().ascii_serialization(), "{text:?}");
        true
    }

    #[test]
    fn addresses_in_every_spelling_are_read_as_fetch_reads_them() {
        for good in [
            "https://bot.example.com",
            " HTTPS://Bot.Example.COM:443/a/../b?c=d e#f\n",
            "http:\\\\a\\b",
            "https:a_b-c.d",
            "ht\ttp://a:80",
            "http://a:081/",
            "http://0x7f.1/",
            "http://2130706433",
            "http://0177.0.0.1.",
            "http://0x.0x0.00",
            "http://1.65536",
            "http://256",
            "http://[::1]:8080?x",
            "http://[2001:DB8::1]#a?b",
            "http://[1:2:3:4:5:6:1.2.3.4]",
            "http://u:p@a",
            "http://u@b@a",
            "http://:@a/",
            "http://a.:1",
            "http://a/ü?ü=1",
        ] {
            assert!(is_read_alike(good), "{good:?}");
        }
        for bad in [
            "",
            "a",
            "://a",
            "http://",
            "http:///",
            "https://?",
            "http://:1",
            "http://a:b",
            "http://a:+1",
            "http://a:65536",
            "http://1.2.3.4.5",
            "http://1.256.1.1",
            "http://1.2.65536",
            "http://4294967296",
            "http://0x100000000",
            "http://09.1",
            "http://a.1",
            "http://1..2",
            "http://[::1",
            "http://[::1]a",
            "http://[1::2::3]",
            "http://[a.b]",
            "http://[::1%25eth0]",
            "http://ü",
            "http://a%2eb",
            "http://a b",
            "http://a^b",
            "//a",
            "1a://b",
        ]
        .map(str::to_owned)
        {
            assert_eq!(Address::parse(&bad), Err(Unreadable::NoAddress), "{bad:?}");
        }
        for other in ["ftp://a", "mailto:a@b", "bot.example.com:8080/webhook", "file:///etc/hosts"] {
            assert_eq!(Address::parse(other), Err(Unreadable::AnotherScheme), "{other:?}");
        }
    }

    #[test]
    fn plain_http_on_the_own_machine_is_known() {
        let is_loopback = |text: &str| Address::parse(text).unwrap().is_loopback();
        assert!(["http://localhost:1", "http://127.0.0.2", "http://[::1]/a"].map(is_loopback) == [true; 3]);
        assert!(["https://localhost", "http://192.0.2.1", "http://local"].map(is_loopback) == [false; 3]);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_as_the_crate_url_reads_it(
            scheme in "(?i)https?:|[a-z]{1,3}:?",
            slashes in "[/\\\\]{0,3}",
            user in "([a-z:@%]{0,3}@)?",
            host in "[a-zA-Z0-9_.-]{1,12}|(0x|0)?[0-9a-f]{1,9}(\\.(0x|0)?[0-9]{0,3}){0,4}|\\[[0-9a-fA-F:.]{1,20}\\]|[ -~é]{1,6}",
            port in "(:[0-9+]{0,6})?",
            rest in "[/\\\\?#a.%é \t-]{0,8}",
        ) {
            is_read_alike(&format!("{scheme}{slashes}{user}{host}{port}{rest}"));
        }
    }
}
