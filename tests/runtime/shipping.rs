//! What a newcomer does and what a deployment is: `npm start`, its mistakes in one line, and `wrangler deploy`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The bar for the compressed Worker (docs/decisions/0021); what counts is what wrangler would upload.
const GZIP_KIB_MAX: f64 = 400.0;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a script of the repository with the Node of its set-up.
pub fn node(arguments: &[&str]) -> Output {
    let node = root().join("node_modules/.bin/node");
    assert!(node.exists(), "the set-up has not been run: run `npm test`");
    let mut command = Command::new(node);
    command.args(arguments).current_dir(root()).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.env("WRANGLER_SEND_METRICS", "false").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn npm_start_shows_a_takeover_from_the_customers_first_word_to_the_handback() {
    let state = folder("demo");
    let output = node(&["dev/run.mjs", "start", "--once", "--port", "0", "--state", state.to_str().unwrap()]);
    let (shown, complaints) = (text(&output.stdout), text(&output.stderr));
    println!("{shown}");
    assert!(output.status.success(), "{shown}{complaints}");
    let mut rest = shown.as_str();
    for step in [
        "customer",
        "passed on to the bot: no person holds this conversation",
        "bot ",
        "phone",
        "a person has answered: the bot is kept out until",
        "customer",
        "withheld from the bot: the shop holds until",
        "the owner is warned",
        "handed back to the bot: nobody has answered",
        "bot ",
        "customer",
        "passed on to the bot",
        "bot ",
    ] {
        let (_, after) = rest.split_once(step).unwrap_or_else(|| panic!("{step:?} is missing in {shown}"));
        rest = after;
    }
    std::fs::remove_dir_all(state).unwrap();
}

#[test]
fn a_mistake_at_the_start_is_one_line_that_says_the_fix() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let policy = folder("policy").join("broken.toml");
    std::fs::write(&policy, "lease_seconds = ").unwrap();
    for (arguments, told) in [
        (vec!["--port", &port], "--port N"),
        (vec!["--prot", "1"], "--prot"),
        (vec!["--port", "many"], "--port"),
        (vec!["--policy", policy.to_str().unwrap(), "--no-demo", "--port", "0"], "broken.toml"),
    ] {
        let mut all = vec!["dev/run.mjs", "start"];
        all.extend(&arguments);
        let output = node(&all);
        let complaint = text(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(complaint.contains(told), "{arguments:?}: {complaint}");
        assert!(complaint.trim().lines().count() <= 2, "{arguments:?}: {complaint}");
        assert!(!complaint.contains("    at "), "a stack trace: {complaint}");
    }
}

#[test]
fn a_deployment_has_its_bindings_and_stays_within_the_size() {
    let out = folder("deploy");
    let wrangler = "node_modules/wrangler/bin/wrangler.js";
    let output = node(&[wrangler, "deploy", "--dry-run", "--outdir", out.to_str().unwrap()]);
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{shown}");
    for binding in [
        "env.CONVERSATION (Conversation)",
        "env.OFFICE (Office)",
        "env.CONFIG",
        "env.BOT_URL",
        "env.GRAPH_URL",
        "env.BATON_POLICY",
    ] {
        assert!(shown.contains(binding), "{binding} is missing in {shown}");
    }
    let size = shown.split("gzip: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    println!("gzip {size} KiB, at most {GZIP_KIB_MAX}");
    assert!(size.parse::<f64>().unwrap() <= GZIP_KIB_MAX, "{size} KiB");
    std::fs::remove_dir_all(out).unwrap();
}
