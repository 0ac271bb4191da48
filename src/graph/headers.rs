//! Which headers travel from the bot to the Graph API and back, and what one of them says.
//!
//! Invariant: what concerns one connection only, or was added on the way to the gate, ends here; everything else
//! travels as it is. The list of hop-by-hop headers is that of RFC 9110, section 7.6.1, with those that `Connection`
//! names.

/// Headers that concern one connection only.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of a request that are the gate's and not the Graph API's: its own name, the length, which the runtime
/// writes anew, cookies of its own pages, and a header that would make one method look like another.
const OWN: [&str; 6] = ["content-length", "cookie", "expect", "host", "x-http-method-override", "x-real-ip"];

/// Beginnings of headers that Cloudflare or another front adds, or that are between the bot and the gate.
const ADDED_ON_THE_WAY: [&str; 5] = ["cdn-", "cf-", "mf-", "x-baton-", "x-forwarded-"];

/// Whether a header of the bot's request travels on. `connection` is the value of that header, `name` in small letters.
#[must_use]
pub fn of_request(name: &str, connection: Option<&str>) -> bool {
    !is_of_connection(name, connection)
        && !OWN.contains(&name)
        && !ADDED_ON_THE_WAY.iter().any(|start| name.starts_with(start))
}

/// Whether a header of the Graph API's answer travels on.
#[must_use]
pub fn of_answer(name: &str, connection: Option<&str>) -> bool {
    !is_of_connection(name, connection)
}

/// Whether a body is said to be JSON. What is said to be anything else as well, the Graph API might read otherwise.
#[must_use]
pub fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn is_of_connection(name: &str, connection: Option<&str>) -> bool {
    let named = |connection: &str| connection.split(',').any(|token| token.trim().eq_ignore_ascii_case(name));
    HOP_BY_HOP.contains(&name) || connection.is_some_and(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_to_be_json_and_nothing_else_is_json() {
        for (kind, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/x-www-form-urlencoded; as=json", false),
            ("application/x-www-form-urlencoded, application/json", false),
            ("application/json, application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=json", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            assert_eq!(is_json(kind), expected, "{kind}");
        }
    }

    #[test]
    fn what_concerns_one_connection_ends_here_and_the_rest_travels() {
        for (name, connection, expected) in [
            ("authorization", None, true),
            ("content-type", None, true),
            ("content-encoding", None, true),
            ("range", None, true),
            ("user-agent", None, true),
            ("x-fb-trace", Some("close"), true),
            ("connection", None, false),
            ("keep-alive", None, false),
            ("transfer-encoding", None, false),
            ("x-once", Some("close, X-Once"), false),
            ("host", None, false),
            ("cookie", None, false),
            ("cf-connecting-ip", None, false),
            ("x-forwarded-for", None, false),
            ("x-baton-token", None, false),
            ("x-http-method-override", None, false),
        ] {
            assert_eq!(of_request(name, connection), expected, "{name}");
        }
        for (name, expected) in [
            ("content-type", true),
            ("content-length", true),
            ("x-app-usage", true),
            ("retry-after", true),
            ("www-authenticate", true),
            ("transfer-encoding", false),
            ("connection", false),
        ] {
            assert_eq!(of_answer(name, None), expected, "{name}");
        }
    }
}
