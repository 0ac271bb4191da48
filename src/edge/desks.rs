//! What the Worker asks of desks: lists, statistics, the live stream, dead letters.
//!
//! Invariant: a list of a desk with several parts is the same list. Each part is asked for the same page, and what comes
//! first of all of them is the page.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Env, Headers, Request, Response};

use super::access::{self, Caller};
use super::log::{Occurrence, log};
use super::{answer, body, calls, classes, clock, inforce, outbound, together};
use crate::access::scope::Concern;
use crate::api::{DeskRoute, Query};
use crate::command::{Command, Reply};
use crate::desk::ask::{self, Ask};
use crate::desk::observation::{self, Observed};
use crate::desk::page::{self, Item, Key};
use crate::desk::statistics::{self, Counts, Span, Totals};
use crate::ids::{Customer, EventId, LineId, ObjectName};
use crate::json;
use crate::limits::{DESK_SHARDS_MAX, ID_CHARS_MAX, REPLAYED_AT_ONCE};
use crate::policy::letters::small;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::time::UnixMillis;

/// The binding of the desks' class.
const DESK: &str = "DESK";

/// Objects are called by `fetch`, which wants an address.
const ADDRESS: &str = "https://desk/";

/// Tells a desk when the session ends in which a stream is opened.
pub(super) const SESSION_ENDS: &str = "x-baton-session-ends";

/// Answers what is asked of a line's desk.
pub(super) async fn handle(
    asked: DeskRoute,
    query: &Query,
    request: &mut Request,
    caller: &Caller,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    match asked {
        DeskRoute::Alerts => list(env, settings, &query.line()?, "alerts", usize::MAX, &Ask::Alerts).await,
        DeskRoute::Collisions => collisions(query, env, settings).await,
        DeskRoute::Conversations => conversations(query, env, settings).await,
        DeskRoute::DeadLetters => dead_letters(query, env, settings).await,
        DeskRoute::Lines => lines(caller, env, settings).await,
        DeskRoute::Live => live(query, request, caller, env, settings).await,
        DeskRoute::Metrics => metrics(caller, env, settings).await,
        DeskRoute::Observation => observation(query, env, settings).await,
        DeskRoute::Replay => replay(request, caller, env, settings).await,
        DeskRoute::Statistics => statistics(query, env, settings).await,
    }
}

/// Puts a question to a desk and waits for its answer.
pub(super) async fn put(env: &Env, desk: &ObjectName, asked: &Ask) -> worker::Result<String> {
    put_text(env, desk, &json::write(asked)?).await
}

/// As [`put`], of a question that is written down already.
async fn put_text(env: &Env, desk: &ObjectName, asked: &str) -> worker::Result<String> {
    calls::put(env, DESK, desk, asked).await
}

/// Has the desk of a line forget conversations, by all of their names, or only look; what each part had of them, one after the other (`command::erasure`). All
/// parts are asked that there may ever have been: when a line gets fewer, the others keep what they have.
pub(super) async fn forget(
    env: &Env,
    line: &LineId,
    names: &[ObjectName],
    only_look: bool,
) -> Result<Vec<usize>, Problem> {
    let ids: Vec<String> = names.iter().map(ObjectName::public_id).collect();
    let answers = ask_all(env, DESK_SHARDS_MAX, line, &Ask::Forget { ids, only_look }).await?;
    let mut all = Vec::new();
    for answer in answers {
        all.extend(json::read::<Vec<usize>>(&answer).map_err(|_| Problem::NotStored)?);
    }
    Ok(all)
}

/// The answers of all parts of a line's desk.
async fn for_all<T: DeserializeOwned>(
    env: &Env,
    settings: &Settings,
    line: &LineId,
    asked: &Ask,
) -> Result<Vec<T>, Problem> {
    let answers = ask_all(env, settings.desk_shards, line, asked).await?;
    answers.iter().map(|answer| json::read(answer).map_err(|_| Problem::NotStored)).collect()
}

/// The answers of all parts of a line's desk, as they come: one form for all of them, which is a few KB less of the
/// Worker.
async fn ask_all(env: &Env, parts: u32, line: &LineId, asked: &Ask) -> Result<Vec<String>, Problem> {
    let failed = |error: &worker::Error| log(&Occurrence::NotStored { error });
    let asked = &json::write(asked).map_err(|_| Problem::NotStored)?;
    let parts = (0..parts).map(|shard| async move {
        put_text(env, &ask::desk(line, shard), asked).await.inspect_err(failed).map_err(|_| Problem::NotStored)
    });
    together(parts, usize::MAX).await.into_iter().collect()
}

/// A page of a list: its items under `name`, and the cursor behind them.
async fn list(
    env: &Env,
    settings: &Settings,
    line: &LineId,
    name: &str,
    limit: usize,
    asked: &Ask,
) -> Result<Response, Problem> {
    let (items, cursor) = items(env, settings, line, limit, asked).await?;
    json_list(name, &items, cursor.as_deref(), None)
}

/// The first `limit` items of what is asked for with one more, and the cursor behind them.
async fn items(
    env: &Env,
    settings: &Settings,
    line: &LineId,
    limit: usize,
    asked: &Ask,
) -> Result<(Vec<Item>, Option<String>), Problem> {
    Ok(page::merge(for_all(env, settings, line, asked).await?, limit))
}

fn after(query: &Query) -> Result<Key, Problem> {
    match query.text("cursor") {
        None => Ok(Key::start()),
        Some(cursor) => Key::of_cursor(cursor)
            .ok_or(Problem::Parameter { name: "cursor", wanted: "the `next_cursor` of the page before" }),
    }
}

/// A list as JSON. Its items are JSON already, and a cursor is base64.
fn json_list(name: &str, items: &[Item], cursor: Option<&str>, more: Option<&str>) -> Result<Response, Problem> {
    let mut out = format!("{{\"{name}\":[");
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(item.1.get());
    }
    out.push(']');
    if name != "alerts" {
        out.push_str(",\"next_cursor\":");
        out.push_str(&cursor.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\"")));
    }
    out.push_str(more.unwrap_or_default());
    out.push('}');
    answer::raw(&out)
}

async fn conversations(query: &Query, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let line = query.line()?;
    let words = [("automation", "automation"), ("human", "human")];
    let holder = query.one_of("holder", "`automation` or `human`", &words)?.map(str::to_owned);
    let (waiting, dead) = (query.flag("waiting")?, query.flag("dead_letters")?);
    let search = small(query.text("q").unwrap_or_default());
    if search.chars().count() > 64 {
        return Err(Problem::Parameter { name: "q", wanted: "at most 64 characters" });
    }
    let (after, limit) = (after(query)?, query.limit()?);
    let asked = Ask::Conversations { holder, waiting, dead, search, after, limit: limit.saturating_add(1) };
    let (items, cursor) = items(env, settings, &line, limit, &asked).await?;
    let parts: Vec<[u64; 3]> = for_all(env, settings, &line, &Ask::Standing).await?;
    let [waiting, human, dead] = parts.into_iter().fold([0; 3], |[a, b, c], [x, y, z]| [a + x, b + y, c + z]);
    let counts = format!(",\"counts\":{{\"waiting\":{waiting},\"human\":{human},\"dead_letters\":{dead}}}");
    json_list("conversations", &items, cursor.as_deref(), Some(&counts))
}

async fn dead_letters(query: &Query, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let (line, since_ms) = (query.line()?, query.at("since_ms")?.unwrap_or_default());
    let (after, limit) = (after(query)?, query.limit()?);
    let asked = Ask::DeadLetters { since_ms, after, limit: limit.saturating_add(1) };
    list(env, settings, &line, "dead_letters", limit, &asked).await
}

async fn collisions(query: &Query, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let (line, since_ms) = (query.line()?, query.at("since_ms")?.unwrap_or_default());
    let words = ["dropped", "leaked", "prevented", "would_prevent"].map(|word| (word, word));
    let wanted = "`dropped`, `leaked`, `prevented` or `would_prevent`";
    let outcome = query.one_of("outcome", wanted, &words)?.map(str::to_owned);
    let (after, limit) = (after(query)?, query.limit()?);
    let asked = Ask::Collisions { since_ms, outcome, after, limit: limit.saturating_add(1) };
    list(env, settings, &line, "collisions", limit, &asked).await
}

/// The configured lines, and those that have something to show.
pub(super) async fn known_lines(env: &Env, settings: &Settings) -> Result<Vec<LineId>, Problem> {
    let failed = |error: &worker::Error| log(&Occurrence::NotStored { error });
    let met = put(env, &ask::directory(), &Ask::Lines).await.inspect_err(failed).map_err(|_| Problem::NotStored)?;
    let met: Vec<String> = json::read(&met).map_err(|_| Problem::NotStored)?;
    let mut lines: Vec<LineId> = settings.lines.all().cloned().collect();
    // The directory has each line once, and may have more of them than could be compared with each other.
    let configured = lines.clone();
    let met = met.iter().filter_map(|line| LineId::parse(line));
    lines.extend(met.filter(|line| !configured.contains(line)));
    Ok(lines)
}

/// As [`known_lines`], those that the caller may look at.
async fn lines_for(caller: &Caller, env: &Env, settings: &Settings) -> Result<Vec<LineId>, Problem> {
    let mut lines = known_lines(env, settings).await?;
    lines.retain(|line| caller.scope.has(line));
    Ok(lines)
}

async fn lines(caller: &Caller, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let shown = |line: &LineId| format!("{{\"id\":\"{}\",\"shards\":{}}}", line.as_str(), settings.desk_shards);
    let lines: Vec<String> = lines_for(caller, env, settings).await?.iter().map(shown).collect();
    answer::raw(&format!("{{\"lines\":[{}]}}", lines.join(",")))
}

async fn statistics(query: &Query, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let line = query.line()?;
    let words = [("day", ("day", Span::Day)), ("hour", ("hour", Span::Hour)), ("month", ("month", Span::Month))];
    let (name, span) = query.one_of("span", "`hour`, `day` or `month`", &words)?.unwrap_or(("day", Span::Day));
    let parts: Vec<Counts> = for_all(env, settings, &line, &Ask::Counts { span: name.to_owned() }).await?;
    answer::raw(&statistics::json(&line, span, &parts, clock::now()))
}

async fn observation(query: &Query, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let (line, days, now) = (query.line()?, query.days()?, clock::now());
    let since_ms = observation::since(days, now);
    let parts: Vec<Observed> = for_all(env, settings, &line, &Ask::Observed { since_ms }).await?;
    let policy = inforce::policy(env, settings, Some(&line), now).await;
    answer::raw(&observation::json(&line, (since_ms, now), (policy.mode.name(), policy.max_hold), &parts))
}

/// What a line has counted since its desk began, over all parts.
pub(super) async fn totals(env: &Env, settings: &Settings, line: &LineId) -> Result<Totals, Problem> {
    let mut sum = Totals::default();
    for part in for_all::<Totals>(env, settings, line, &Ask::Totals).await? {
        sum.add(&part);
    }
    Ok(sum)
}

async fn metrics(caller: &Caller, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let mut all = Vec::new();
    for line in lines_for(caller, env, settings).await? {
        let sum = totals(env, settings, &line).await?;
        all.push((line, sum));
    }
    answer::metrics(&statistics::metrics(&all, clock::now()))
}

/// Opens a live stream of one part of the desk.
async fn live(
    query: &Query,
    request: &Request,
    caller: &Caller,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    const SHARD: Problem = Problem::Parameter { name: "shard", wanted: "the number of a part, from 0" };
    let line = query.line()?;
    let shard = match query.text("shard") {
        None => 0,
        Some(text) => crate::api::query::number(text)
            .and_then(|shard| u32::try_from(shard).ok())
            .filter(|shard| *shard < settings.desk_shards.min(DESK_SHARDS_MAX))
            .ok_or(SHARD)?,
    };
    let upgrade = request.headers().get("upgrade").ok().flatten();
    if !upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return Err(Problem::WebSocketOnly);
    }
    let opened = async {
        let headers = Headers::new();
        headers.set("upgrade", "websocket")?;
        if let Some(until) = caller.expires_at {
            headers.set(SESSION_ENDS, &until.as_millis().to_string())?;
        }
        let asked = outbound::request("GET", ADDRESS, Some(&headers), None)?;
        classes::class(env, DESK)?.get_by_name(ask::desk(&line, shard).as_str())?.fetch_with_request(asked).await
    };
    let failed = |error: &worker::Error| log(&Occurrence::NotStored { error });
    opened.await.inspect_err(failed).map_err(|_| Problem::NotStored)
}

/// What a replay of many says.
#[derive(Serialize)]
struct Answered {
    replayed: usize,
    conversations: usize,
    is_complete: bool,
}

/// Sends dead letters on their way again: one, those since a time, or all of a line.
async fn replay(request: &mut Request, caller: &Caller, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    const WANTED: &str = "{\"line\", \"customer\", \"id\"} for one dead letter, {\"line\", \"since_ms\"} for those since a time, or {\"line\", \"all\": true}";
    let malformed = || Problem::Malformed { wanted: WANTED };
    let order: serde_json::Value = body::json(request, WANTED).await?;
    let keys = order.as_object().map_or(0, serde_json::Map::len);
    let text = |name: &str| order.get(name).and_then(serde_json::Value::as_str);
    let line = text("line").and_then(crate::api::query::line).ok_or_else(malformed)?;
    access::keep_to(caller, &Concern::Line(line.clone()))?;
    let since = match (
        order.get("since_ms"),
        order.get("all").and_then(serde_json::Value::as_bool),
        text("customer"),
        text("id"),
    ) {
        (None, None, Some(customer), Some(id)) if keys == 3 && (1..=ID_CHARS_MAX).contains(&id.chars().count()) => {
            let customer = Customer::parse(customer).ok_or_else(malformed)?;
            let name = ObjectName::conversation(&line, &customer);
            let replayed = replay_in(env, name, Some(vec![EventId::named(id)])).await?;
            return answer::json(&Answered { replayed, conversations: 1, is_complete: true });
        }
        (Some(since), None, None, None) if keys == 2 => {
            since.as_u64().and_then(crate::api::query::at).ok_or_else(malformed)?
        }
        (None, Some(true), None, None) if keys == 2 => UnixMillis::default(),
        _ => return Err(malformed()),
    };
    // One more than are asked shows whether there are more.
    let asked = Ask::DeadLetters { since_ms: since, after: Key::start(), limit: REPLAYED_AT_ONCE + 1 };
    let (items, cursor) = items(env, settings, &line, REPLAYED_AT_ONCE, &asked).await?;
    let mut letters: Vec<(String, Vec<EventId>)> = Vec::new();
    for Item(_, shown) in items {
        let shown: serde_json::Value = serde_json::from_str(shown.get()).map_err(|_| Problem::NotStored)?;
        let of = |name: &str| shown.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let (customer, id) = (of("customer"), EventId::named(&of("id")));
        match letters.iter_mut().find(|(known, _)| *known == customer) {
            Some((_, ids)) => ids.push(id),
            None => letters.push((customer, vec![id])),
        }
    }
    let (mut replayed, conversations) = (0, letters.len());
    for (customer, ids) in letters {
        let Some(customer) = Customer::parse(&customer) else { continue };
        replayed += replay_in(env, ObjectName::conversation(&line, &customer), Some(ids)).await?;
    }
    answer::json(&Answered { replayed, conversations, is_complete: cursor.is_none() })
}

async fn replay_in(env: &Env, name: ObjectName, only: Option<Vec<EventId>>) -> Result<usize, Problem> {
    let failed = |error: &worker::Error| log(&Occurrence::NotStored { error });
    let reply =
        calls::ask(env, name, &Command::Replay { only }).await.inspect_err(failed).map_err(|_| Problem::NotStored)?;
    if let Reply::Replayed(replayed) = reply { Ok(replayed) } else { Err(Problem::NotStored) }
}
