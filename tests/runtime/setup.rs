//! `baton setup` and `baton doctor` with the real gate: what the tool expects of it is what it answers.
//!
//! Meta is the stand-in of `tool/`; wrangler is a script that says it has deployed to where the real gate is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::bot::{Bot, status};
use crate::delivery::sign;
use crate::gate::{ADMIN_TOKEN, Gate, Options, VERIFY_TOKEN};
use crate::tool_meta::{ACCESS_TOKEN, APP, LINE, Meta};

/// Without blanks, as Meta's are.
const APP_SECRET: &str = "app-secret-of-the-set-up";

/// A folder as after a clone, with a wrangler that deploys to the gate that there is.
fn folder(gate: &Gate) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("setup-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml"), folder.join("wrangler.toml")).unwrap();
    let npx = format!(
        "#!/bin/sh\ncase \"$2 $3\" in\n\
         \"whoami --json\") echo '{{\"accounts\":[{{\"id\":\"a\",\"name\":\"Shop\"}}]}}' ;;\n\
         \"deploy \"*) echo '{{\"type\":\"deploy\",\"targets\":[\"{}\"]}}' >> \"$WRANGLER_OUTPUT_FILE_PATH\" ;;\n\
         \"secret bulk\") cat > /dev/null ; touch \"$(dirname \"$0\")/written\" ;;\n\
         \"secret list\") [ -e \"$(dirname \"$0\")/written\" ] && echo '[{{\"name\":\"META_APP_SECRET\"}},{{\"name\":\"META_VERIFY_TOKEN\"}},{{\"name\":\"ADMIN_TOKEN\"}}]' ;;\n\
         *) exit 9 ;;\nesac\n",
        gate.url
    );
    fs::write(folder.join("bin/npx"), npx).unwrap();
    fs::set_permissions(folder.join("bin/npx"), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn baton(folder: &Path, meta: &Meta, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    command.args(arguments).current_dir(folder).env_clear().env("PATH", path).env("BATON_GRAPH", &meta.url);
    let known = [
        ("META_APP_ID", APP),
        ("META_APP_SECRET", APP_SECRET),
        ("META_ACCESS_TOKEN", ACCESS_TOKEN),
        ("META_VERIFY_TOKEN", VERIFY_TOKEN),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    command.envs(known).stdin(Stdio::null()).output().unwrap()
}

fn findings(lines: &Value) -> Vec<(String, String)> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = lines.as_array().unwrap_or_else(|| panic!("{lines}"));
    lines.iter().map(|line| (text(line, "finding"), text(line, "state"))).collect()
}

#[test]
fn from_nothing_to_a_real_gate_of_which_the_doctor_finds_nothing_broken() {
    let bot = Bot::start(APP_SECRET);
    // It looks at signatures, as a bot should, also at those of deliveries in which nothing has happened.
    bot.on(r#""entry":[]"#, |delivery| {
        let is_right = delivery.header("x-hub-signature-256") == sign(APP_SECRET, &delivery.body);
        status(if is_right { 200 } else { 401 })
    });
    // The stand-in for Meta makes the handshake at the bot only when it is asked to go back.
    let meta = Meta::start(APP_SECRET, &bot.url());
    let gate = Gate::start(&bot, Options::default().var("META_APP_SECRET", APP_SECRET));
    let folder = folder(&gate);
    let set_up = baton(&folder, &meta, &["setup", "--yes", "--json", "--wait", "30"]);
    let document: Value = serde_json::from_slice(&set_up.stdout).unwrap_or_else(|_| panic!("{set_up:?}"));
    assert!(document["doctor"].is_array(), "{set_up:?}");
    let told = findings(&document["doctor"]);
    let broken: Vec<_> = told.iter().filter(|(_, state)| state == "broken" || state == "left_out").collect();
    assert!(broken.is_empty(), "{document:#}");
    assert_eq!(set_up.status.code(), Some(0));
    let (callback, fields) = meta.state().subscription.unwrap();
    assert_eq!(callback, format!("{}/webhook", gate.url));
    assert!(fields.iter().any(|field| field == "smb_message_echoes"), "{fields:?}");
    assert_eq!(meta.state().numbers[0].id, LINE);

    let looked = baton(&folder, &meta, &["doctor", "--json"]);
    let lines: Value = serde_json::from_slice(&looked.stdout).unwrap_or_else(|_| panic!("{looked:?}"));
    let told = findings(&lines);
    for wanted in [
        "gate_ready",
        "version_same",
        "handshake_right",
        "signature_right",
        "storage_fine",
        "secrets_fine",
        "policy_fine",
        "bot_accepts",
        "clock_fine",
        "token_fine",
        "permissions_fine",
        "fields_fine",
        "number_fine",
        "callback_fine",
    ] {
        assert!(told.iter().any(|(finding, _)| finding == wanted), "{wanted}: {lines:#}");
    }
    assert_eq!(looked.status.code(), Some(0));
    let _ = fs::remove_dir_all(folder);
}
