//! The API's description and the code name the same operations, and a problem is what the description calls one.
//!
//! Not here: what the operations answer (`runtime/contract.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use baton::access::scope::{Concern, Scope};
use baton::api::{Method, Query, Route};
use baton::ids::LineId;
use baton::policy::PolicyError;
use baton::problem::Problem;
use baton::time::Millis;
use serde_json::Value;

const METHODS: [(&str, Method); 4] =
    [("DELETE", Method::Delete), ("GET", Method::Get), ("POST", Method::Post), ("PUT", Method::Put)];

fn description() -> Value {
    serde_json::from_str(&fs::read_to_string("web/public/api/v1/openapi.json").unwrap()).unwrap()
}

/// Every operation by path and method.
fn operations() -> BTreeMap<String, BTreeMap<String, Value>> {
    let described = description();
    let paths = described["paths"].as_object().unwrap().iter();
    let of = |methods: &Value| {
        methods.as_object().unwrap().iter().map(|(method, one)| (method.to_uppercase(), one.clone())).collect()
    };
    paths.map(|(path, methods)| (path.clone(), of(methods))).collect()
}

#[test]
fn every_operation_of_the_description_is_a_route_and_every_other_method_is_told_which_there_are() {
    let mut changes = 0;
    for (path, methods) in operations() {
        let named = [("{line}", "300000000000001"), ("{customer}", "US.1234"), ("{wamid}", "wamid.x")];
        let asked = named.iter().fold(format!("/api/v1{path}"), |path, (name, value)| path.replace(name, value));
        assert!(!asked.contains('{'), "{path} has a parameter that this test does not know");
        let known: Vec<&str> = methods.keys().map(String::as_str).collect();
        for (name, method) in METHODS {
            let route = Route::parse(method, &asked);
            let Some(operation) = methods.get(name) else {
                let Err(Problem::MethodNotAllowed { allow }) = route else { panic!("{name} {path}: {route:?}") };
                assert_eq!(allow, known.join(", "), "{name} {path}");
                continue;
            };
            let route = route.unwrap_or_else(|problem| panic!("{name} {path}: {problem:?}"));
            let is_write = operation["x-baton-write"] == true;
            assert_eq!(route.is_write(), is_write, "{name} {path}");
            let refuses = |status: &str| operation["responses"].get(status).is_some();
            assert!(!is_write || refuses("403"), "{name} {path} can lack the CSRF token");
            assert!(refuses("401") && refuses("429") && refuses("500") && refuses("503"), "{name} {path}");
            assert_eq!(operation.get("requestBody").is_some(), refuses("413"), "{name} {path}");
            changes += usize::from(is_write);
        }
    }
    assert!(changes > 8, "{changes}");
}

/// So that no operation can be forgotten for the tokens of lines: each says what it concerns, and does.
#[test]
fn every_operation_of_the_description_is_within_a_lines_token_or_is_not() {
    let line = |id: &str| LineId::parse(id).unwrap();
    let own = Scope::Line(line("300000000000001"));
    let mut scopes = BTreeSet::new();
    for (path, methods) in operations() {
        let asked = format!("/api/v1{}", path.replace("{customer}", "US.1234").replace("{wamid}", "wamid.x"));
        for (name, operation) in methods {
            let (_, method) = METHODS.into_iter().find(|(known, _)| *known == name).unwrap();
            let scope = operation["x-baton-scope"].as_str().unwrap_or_else(|| panic!("{name} {path} has no scope"));
            let concern = |id: &str, query: &str| {
                let route = Route::parse(method, &asked.replace("{line}", id)).unwrap();
                route.concern(&Query::parse(query))
            };
            let of = |id: &str| concern(id, &format!("line={id}"));
            let (own_line, other, none) =
                (of("300000000000001"), of("300000000000002"), concern("300000000000001", ""));
            let names_line = ["line", "line_or_deployment", "line_or_each_line"].contains(&scope);
            if names_line {
                assert_eq!(own_line, Ok(Concern::Line(line("300000000000001"))), "{name} {path}");
                assert!(!own.admits(&other.unwrap()) && own.admits(&own_line.unwrap()), "{name} {path}");
            }
            let expected = match scope {
                "caller" => Concern::Caller,
                "each_line" | "line_or_each_line" => Concern::EachLine,
                "line_of_body" => Concern::LineOfBody,
                "deployment" | "line_or_deployment" => Concern::Deployment,
                // In the path, or it has to be given.
                "line" => {
                    assert_eq!(none.is_ok(), path.contains("{line}"), "{name} {path}");
                    scopes.insert(scope.to_owned());
                    continue;
                }
                other => panic!("{name} {path} has the scope {other}, which nothing here checks"),
            };
            assert_eq!(none, Ok(expected), "{name} {path}");
            let refuses = operation["responses"].get("403").is_some();
            assert!(refuses || ["caller", "each_line"].contains(&scope), "{name} {path} does not say that it refuses");
            scopes.insert(scope.to_owned());
        }
    }
    assert!(scopes.len() >= 6, "{scopes:?}");
}

#[test]
fn the_routes_bear_the_names_of_the_operations_and_none_is_without_one() {
    let source = fs::read_to_string("src/api/route.rs").unwrap();
    let name = |line: &str| Some(line.trim().strip_prefix("/// `")?.strip_suffix('`')?.to_owned());
    let (_, routes) = source.split_once("pub enum Route {").unwrap();
    let (routes, _) = routes.split_once("impl Route {").unwrap();
    let mut named: BTreeSet<String> = routes.lines().filter_map(name).collect();
    assert!(named.remove("GET /metrics"), "it is no operation of the API, and has a route");
    let operations = operations();
    let described = operations.values().flat_map(BTreeMap::values).map(|one| one["operationId"].as_str().unwrap());
    let described: BTreeSet<String> = described.map(str::to_owned).collect();
    assert_eq!(named, described);
}

#[test]
fn a_problem_has_the_fields_that_the_description_gives_it_and_a_status_that_some_operation_has() {
    let schema = description()["components"]["schemas"]["Problem"].clone();
    let operations = operations();
    let statuses = operations.values().flat_map(BTreeMap::values);
    let statuses: BTreeSet<String> =
        statuses.flat_map(|one| one["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()).collect();
    let mistake = PolicyError { path: "rules[0]".to_owned(), reason: "is no rule".to_owned() };
    let (name, wanted) = ("limit", "a number");
    for problem in [
        Problem::BodyTooLarge,
        Problem::Csrf,
        Problem::Malformed { wanted },
        Problem::MethodNotAllowed { allow: "GET" },
        Problem::NewerPolicy { version: 3 },
        Problem::NoBinding("CONFIG"),
        Problem::NotConfigured(Vec::new()),
        Problem::NotFound,
        Problem::NotStored,
        Problem::OtherLine,
        Problem::Parameter { name, wanted },
        Problem::Policy(vec![mistake]),
        Problem::TooManyAttempts { retry_after: Millis::from_seconds(9) },
        Problem::Unauthorized,
        Problem::Unfit { name, wanted },
        Problem::WebSocketOnly,
    ] {
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        let fields = body.as_object().unwrap();
        assert!(fields.keys().all(|field| schema["properties"].get(field).is_some()), "{body}");
        for field in schema["required"].as_array().unwrap() {
            let is_of_its_type = match schema["properties"][field.as_str().unwrap()]["type"].as_str() {
                Some("integer") => body[field.as_str().unwrap()] == problem.status(),
                _ => body[field.as_str().unwrap()].is_string(),
            };
            assert!(is_of_its_type, "{field} of {body}");
        }
        assert_eq!(fields.contains_key("mistakes"), matches!(problem, Problem::Policy(_)), "{body}");
        // Another method is no operation.
        let is_described = statuses.contains(&problem.status().to_string()) || problem.status() == 405;
        assert!(is_described, "{body}");
    }
}
