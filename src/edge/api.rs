//! The operator's API: who asks, what they ask, and which handler answers.
//!
//! Invariant: no handler runs before [`access::admit`] has let the caller in for this very route. What the routes are,
//! and which of them change something, is the core's to say (`crate::api`).

use worker::{Env, Request, Response};

use super::head::Head;
use super::{access, desks, diagnosis, env, operate, policies, probe};
use crate::api::{Method, Query, Route, SessionRoute};
use crate::problem::Problem;

/// Answers a request of the operator's.
pub(super) async fn handle(head: &Head, mut request: Request, env: &Env) -> Result<Response, Problem> {
    let route = Route::parse(method(&request), &request.path())?;
    let settings = env::configured(head, env)?;
    if route == Route::Session(SessionRoute::SignIn) {
        return access::sign_in(&mut request, env, &settings).await;
    }
    let query = Query::parse(env::address(&request)?.query().unwrap_or_default());
    let caller = access::admit(&request, env, &settings, &route, &query).await?;
    match route {
        Route::Conversation(asked, target) => operate::conversation(asked, &target, &mut request, env).await,
        Route::Desk(asked) => desks::handle(asked, &query, &mut request, &caller, env, &settings).await,
        Route::Diagnosis => diagnosis::show(env, &settings).await,
        Route::Explain(wamid) => operate::explain(&wamid, &query, &caller, env, &settings).await,
        Route::Policy(asked) => policies::handle(asked, &query, &mut request, env, &settings).await,
        Route::ProbeBot => probe::bot(&query, &settings).await,
        Route::Session(SessionRoute::SignOut) => access::sign_out(&request, &settings),
        Route::Session(SessionRoute::Show | SessionRoute::SignIn) => access::session(&caller),
        Route::TestRules => operate::test_rules(&query, &mut request, env, &settings).await,
    }
}

/// By its name: `Request::method` takes what it does not know for `GET`.
fn method(request: &Request) -> Method {
    match request.inner().method().as_str() {
        "DELETE" => Method::Delete,
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        _ => Method::Other,
    }
}
