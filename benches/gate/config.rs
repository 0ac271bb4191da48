//! The configuration of `workerd` for each subject: its modules, its bindings, its objects on disk.
//!
//! Invariant: all subjects have the same runtime, the same compatibility date and the same secret, and reach the same
//! receiver. Baton has every binding that `wrangler.toml` gives it, with a KV namespace in which nothing is.
//!
//! Deliberately not here: the desk's page. Cloudflare serves it without the Worker.

use std::net::SocketAddr;
use std::path::Path;

use super::subject::Kind;
use super::webhooks::{ACCOUNT, APP_SECRET, LINE};

/// As in `wrangler.toml`.
const COMPATIBILITY_DATE: &str = "2026-10-20";
const EMPTY_NAMESPACE: &str = "export default { fetch: () => new Response(null, { status: 404 }) }";

/// Where the modules of a subject are, and what they are called. The module with names has the same code.
pub const fn modules(kind: Kind, with_names: bool) -> &'static [(&'static str, &'static str)] {
    match (kind, with_names) {
        (Kind::Floor, _) => &[("benches/floor/worker.js", "worker.js")],
        (Kind::Peer, _) => &[("benches/peer/worker.js", "worker.js")],
        (Kind::Baton, false) => &[("build/index.js", "index.js"), ("build/index_bg.wasm", "index_bg.wasm")],
        (Kind::Baton, true) => &[("build/index.js", "index.js"), ("build/index_bg.named.wasm", "index_bg.wasm")],
    }
}

const fn classes(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Floor => &[],
        Kind::Peer => &[("CONVERSATION", "Conversation")],
        Kind::Baton => &[("CONVERSATION", "Conversation"), ("OFFICE", "Office"), ("DESK", "Desk")],
    }
}

fn bindings(kind: Kind, receiver: SocketAddr) -> Vec<String> {
    let texts = [
        ("META_APP_SECRET", APP_SECRET.to_owned()),
        ("META_VERIFY_TOKEN", "word of a measurement".to_owned()),
        ("ADMIN_TOKEN", "token of a measurement".to_owned()),
        ("BOT_URL", format!("http://{receiver}/webhook")),
        ("GRAPH_URL", format!("http://{receiver}")),
    ];
    let texts = texts.map(|(name, value)| format!(r#"(name = "{name}", text = "{value}")"#));
    let objects =
        classes(kind).iter().map(|(name, class)| format!(r#"(name = "{name}", durableObjectNamespace = "{class}")"#));
    let own = [
        format!(r#"(name = "LINES", json = "{{ \"{LINE}\": {{ \"account\": \"{ACCOUNT}\" }} }}")"#),
        r#"(name = "BATON_POLICY", json = "{}")"#.to_owned(),
        r#"(name = "LOCAL_DEVELOPMENT", text = "true")"#.to_owned(),
        r#"(name = "CONFIG", kvNamespace = "empty")"#.to_owned(),
    ];
    let own = own.into_iter().filter(|_| kind == Kind::Baton);
    texts.into_iter().chain(objects).chain(own).collect()
}

/// The text of the configuration.
pub fn text(kind: Kind, address: SocketAddr, receiver: SocketAddr, objects: &Path) -> String {
    let module = |(_, name): &(&str, &str)| {
        let form = if *name == "index_bg.wasm" { "wasm" } else { "esModule" };
        format!(r#"(name = "{name}", {form} = embed "{name}")"#)
    };
    let modules: Vec<String> = modules(kind, false).iter().map(module).collect();
    let namespace =
        |(_, class): &(&str, &str)| format!(r#"(className = "{class}", uniqueKey = "{class}", enableSql = true)"#);
    let namespaces: Vec<String> = classes(kind).iter().map(namespace).collect();
    let storage = if namespaces.is_empty() { "" } else { r#"durableObjectStorage = (localDisk = "objects"),"# };
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "empty", worker = .empty),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = "{objects}", writable = true)),
  ],
  sockets = [(name = "http", address = "{address}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [{modules}],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [{bindings}],
  durableObjectNamespaces = [{namespaces}],
  {storage}
);
const empty :Workerd.Worker = (
  modules = [(name = "empty.js", esModule = "{EMPTY_NAMESPACE}")],
  compatibilityDate = "{COMPATIBILITY_DATE}",
);
"#,
        objects = objects.display(),
        modules = modules.join(", "),
        bindings = bindings(kind, receiver).join(", "),
        namespaces = namespaces.join(", "),
    )
}
