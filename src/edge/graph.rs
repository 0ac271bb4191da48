//! The Graph API behind the gate: which of a bot's requests are carried, and how.
//!
//! Invariant: only what `graph::target` lets through is carried, and nothing without a token; where Meta delivers webhooks
//! to changes only where the policy allows it.
//!
//! Not here: how a request travels (`exchange`), whether a message may be sent, and its way (`send`).

use worker::wasm_bindgen::JsValue;
use worker::{Context, Env, Request, Response, Result};

use super::exchange::{Exchange, body_of};
use super::head::Head;
use super::log::{Occurrence, log};
use super::{answer, clock, env, inforce, send, uses};
use crate::graph::answer::GraphError;
use crate::graph::send::changes_callback;
use crate::graph::target::{self, Kind, Target};

/// Answers a request for the Graph API.
pub(super) async fn handle(head: &Head, request: Request, env: Env, context: &Context) -> Result<Response> {
    match carry(head, request, env, context).await {
        Ok(response) => Ok(response),
        Err(error) => answer::graph_error(&error),
    }
}

async fn carry(
    head: &Head,
    request: Request,
    env: Env,
    context: &Context,
) -> core::result::Result<Response, GraphError> {
    let settings = env::configured(head, &env).map_err(|_| GraphError::NotConfigured)?;
    if settings.lines.is_empty() {
        return Err(GraphError::NoLines);
    }
    let url = env::address(&request).map_err(|_| GraphError::Path)?;
    let opened = settings.opened_by(url.path())?;
    if let Some(by) = &opened.by {
        uses::note(&by.name, by.secret, by.which);
    }
    let parse = |lines| Target::parse(request.method().as_ref(), opened.path, url.query(), lines);
    // What is there, and not for this word, or for none, lacks the right one.
    let target = parse(&opened.lines).map_err(|error| match parse(&settings.lines) {
        Ok(_) => GraphError::Key,
        Err(_) => error,
    })?;
    let query = url.query().map(str::to_owned);
    let authorization = request.headers().get("authorization").ok().flatten();
    let has_token = target::has_token(authorization.as_deref(), query.as_deref());
    if !has_token && target.kind != Kind::AppToken {
        return Err(GraphError::NoToken);
    }
    let mut exchange = Exchange { request, env, settings, target, query };
    match exchange.target.kind.clone() {
        Kind::Send(line) => send::send(exchange, &line, context).await,
        Kind::Other => exchange.pass_on().await,
        Kind::AppToken | Kind::Callback { .. } => exchange.change_callback().await,
        Kind::LineUpdate => {
            let body = exchange.read_body().await?;
            if changes_callback(&body)? {
                exchange.refuse_callback_unless_allowed().await?;
            }
            exchange.send_on(Some(body_of(&body))).await
        }
    }
}

impl Exchange {
    /// Where Meta delivers webhooks to is about to change.
    async fn change_callback(&self) -> core::result::Result<Response, GraphError> {
        self.refuse_callback_unless_allowed().await?;
        if self.target.kind == (Kind::Callback { is_known: false }) {
            return Err(GraphError::UnknownId);
        }
        self.pass_on().await
    }

    async fn refuse_callback_unless_allowed(&self) -> core::result::Result<(), GraphError> {
        let line = self.target.line.as_ref();
        let policy = inforce::policy(&self.env, &self.settings, line, clock::now()).await;
        let allowed = policy.fence.allows_callback_changes;
        log(&Occurrence::CallbackChange { allowed });
        if allowed { Ok(()) } else { Err(GraphError::Callback) }
    }

    /// Sends the request on as it is.
    async fn pass_on(&self) -> core::result::Result<Response, GraphError> {
        self.send_on(self.request.inner().body().map(JsValue::from)).await
    }
}
