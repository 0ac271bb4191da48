//! Who asks the operator's API: token, session, Cloudflare Access.
//!
//! | way | costs | what writes need |
//! |---|---|---|
//! | `Authorization: Bearer` | a call of the office | nothing more |
//! | the session's cookie | nothing | the CSRF token, and no other origin |
//! | the assertion of Access | nothing; now and then the team's keys | the same |
//!
//! Invariant: nobody is let in whose token was not counted, whose cookie is not signed, or whose assertion the team has
//! not signed. A token that is sent decides alone; else the cookie, for which somebody has signed in on purpose; else
//! the assertion. Of what is not good nothing is said but that it is not. Whoever has come by a line's token is kept to
//! that line, for every route by [`admit`]; Access lets in the operators of the deployment.

use worker::{Env, Request, Response};

use super::log::{Occurrence, log};
use super::{answer, body, certs, clock, env, office, uses};
pub(super) use crate::access::Caller;
use crate::access::attempts::{Verdict, network};
use crate::access::jwt::Jwt;
use crate::access::scope::{Concern, Scope};
use crate::access::session::{self, Keys};
use crate::access::{Page, Purpose};
use crate::api::{DeskRoute, Query, Route, documents};
use crate::command::office::{Ask, Reply};
use crate::outbox::destination::Surroundings;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::settings::lines::Presented;
use crate::settings::secrets::token_name;

/// What Access adds to a request, and the cookie that it has from (Cloudflare One, "Validate JWTs", 2026).
const ASSERTION: &str = "cf-access-jwt-assertion";
const ASSERTION_COOKIE: &str = "CF_Authorization";

/// Lets the caller in for this route, or says why not.
pub(super) async fn admit(
    request: &Request,
    env: &Env,
    settings: &Settings,
    route: &Route,
    query: &Query,
) -> Result<Caller, Problem> {
    let caller = identify(request, env, settings).await?;
    let purpose = if matches!(route, Route::Desk(DeskRoute::Live)) {
        Purpose::Stream
    } else if route.is_write() {
        Purpose::Write
    } else {
        Purpose::Read
    };
    if !caller.may(purpose, &page(request)?) {
        return Err(Problem::Csrf);
    }
    keep_to(&caller, &route.concern(query)?)?;
    Ok(caller)
}

/// Keeps a caller to what their token opens.
pub(super) fn keep_to(caller: &Caller, concern: &Concern) -> Result<(), Problem> {
    if caller.scope.admits(concern) { Ok(()) } else { Err(Problem::OtherLine) }
}

/// Turns the operator's token into a session. A page of another origin is not told whether the token is right, and
/// its attempts are not counted: it could lock the operator out with the operator's own browser.
pub(super) async fn sign_in(request: &mut Request, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    if !page(request)?.is_not_foreign() {
        return Err(Problem::Unauthorized);
    }
    let token = documents::sign_in(&body::text(request, "a JSON object").await?)?;
    let keys = attempt(request, env, settings, &token).await?;
    // The id keeps sessions apart; what keeps them from being made up is the signature.
    let id = format!("{}{}", clock::nonce(), clock::nonce());
    let (cookie, caller) = keys.begin(&id, clock::now(), is_secure(request, settings));
    answer::raw(&caller.shown()).and_then(|response| with_cookie(response, &cookie))
}

/// Who is signed in, and the CSRF token.
pub(super) fn session(caller: &Caller) -> Result<Response, Problem> {
    answer::raw(&caller.shown())
}

/// Ends the session.
pub(super) fn sign_out(request: &Request, settings: &Settings) -> Result<Response, Problem> {
    let response = answer::nothing()?;
    with_cookie(response, &session::end(is_secure(request, settings)))
}

async fn identify(request: &Request, env: &Env, settings: &Settings) -> Result<Caller, Problem> {
    if let Some(token) = header(request, "authorization").as_deref().and_then(bearer) {
        return attempt(request, env, settings, token).await.map(|keys| Caller::by_token(&keys));
    }
    let (cookies, now) = (header(request, "cookie").unwrap_or_default(), clock::now());
    // Of the lines' keys only those are tried that a cookie says it is signed with.
    let scopes = core::iter::once(Scope::Deployment).chain(session::lines(&cookies).map(Scope::Line));
    for scope in scopes {
        let Some(token) = settings.token_for(&scope) else { continue };
        if let Some((caller, which)) = Keys::of(token, scope).read(&cookies, now) {
            uses::note(&token_name(&caller.scope), token, which);
            return Ok(caller);
        }
    }
    let keys = Keys::of(&settings.admin_token, Scope::Deployment);
    let Some(application) = &settings.access else { return Err(Problem::Unauthorized) };
    let from_cookie = || session::values(&cookies, ASSERTION_COOKIE).next().map(str::to_owned);
    let assertion = header(request, ASSERTION).or_else(from_cookie).unwrap_or_default();
    let jwt = Jwt::read(&assertion).ok_or(Problem::Unauthorized)?;
    let caller = jwt.caller(application, &keys, now).ok_or(Problem::Unauthorized)?;
    match certs::has_signed(application, &jwt, now).await {
        Ok(true) => Ok(caller),
        Ok(false) => Err(Problem::Unauthorized),
        Err(_) => {
            log(&Occurrence::TeamUnreachable);
            Err(Problem::NotStored)
        }
    }
}

/// Tries a token; the keys of the one that it is.
async fn attempt(request: &Request, env: &Env, settings: &Settings, token: &str) -> Result<Keys, Problem> {
    let known = settings.token(token.as_bytes());
    let is_right = known.is_some();
    let keys = Keys::of(&settings.admin_token, Scope::Deployment);
    let address = keys.address(&network(header(request, "cf-connecting-ip").as_deref()));
    match (office::ask(env, &Ask::Attempt { address, is_right }).await?, known) {
        (Reply::Attempt(Verdict::Admitted), Some((scope, Presented { name, secret, which }))) => {
            uses::note(&name, secret, which);
            Ok(Keys::of(secret, scope))
        }
        (Reply::Attempt(Verdict::Blocked { retry_after }), _) => Err(Problem::TooManyAttempts { retry_after }),
        (Reply::Attempt(Verdict::Admitted | Verdict::Refused), _) => {
            log(&Occurrence::TokenRefused);
            Err(Problem::Unauthorized)
        }
        (Reply::Newer(_) | Reply::Undone | Reply::Version(_) | Reply::Shown(_), _) => Err(Problem::NotStored),
    }
}

/// The token of an `Authorization` header of this kind; its name is in letters of any size (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// What the request says of the page that it comes from.
fn page(request: &Request) -> Result<Page, Problem> {
    let own_origin = env::address(request)?.origin().to_owned();
    Ok(Page { csrf: header(request, "x-csrf-token"), origin: header(request, "origin"), own_origin })
}

/// Whether the cookie may travel by https only: always, but on the developer's own machine.
fn is_secure(request: &Request, settings: &Settings) -> bool {
    let is_here = env::address(request).is_ok_and(|address| address.is_loopback());
    !(is_here && settings.surroundings == Surroundings::LocalDevelopment)
}

fn with_cookie(response: Response, cookie: &str) -> Result<Response, Problem> {
    response.headers().set("set-cookie", cookie).map_err(|_| Problem::NotStored)?;
    Ok(response)
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}
