//! `baton setup` without questions: from nothing to a gate at work, again, in each of the three ways, and what stops it.

use serde_json::{Value, json};

use crate::gate::State;
use crate::meta::{ACCOUNT, APP, LINE, Number, OTHER_LINE};
use crate::shop::{ADMIN_TOKEN, APP_SECRET, Ran, Shop, VERIFY_TOKEN, known};

const ELSEWHERE: &str = "https://n8n.example.com/webhook/planted-path";
const READ: [&str; 4] = ["messages", "smb_message_echoes", "account_update", "smb_app_state_sync"];

fn findings(ran: &Ran) -> Vec<String> {
    let document = ran.json();
    let lines = document["doctor"].as_array().unwrap_or_else(|| panic!("{ran:?}"));
    lines.iter().map(|line| line["finding"].as_str().unwrap().to_owned()).collect()
}

fn changes(shop: &Shop) -> Vec<String> {
    shop.meta.state().asked.into_iter().filter(|line| !line.starts_with("GET")).collect()
}

#[test]
fn from_nothing_to_a_gate_that_meta_delivers_to() {
    let shop = Shop::new();
    let ran = shop.set_up(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["gate"], shop.gate.url);
    assert!(document["doctor"].as_array().unwrap().iter().all(|line| line["state"] == "fine"), "{document:#}");

    let (callback, fields) = shop.meta.state().subscription.unwrap();
    assert_eq!(callback, shop.gate.webhook());
    assert!(READ.iter().all(|field| fields.iter().any(|known| known == field)), "{fields:?}");
    assert!(
        fields.iter().any(|field| field == "message_template_status_update"),
        "what was subscribed stays: {fields:?}"
    );

    assert_eq!(shop.wrangler_did(), ["wrangler deploy", "wrangler secret bulk"]);
    let secrets = shop.secrets();
    assert_eq!(secrets["META_APP_SECRET"], APP_SECRET);
    assert_eq!(secrets["META_VERIFY_TOKEN"], VERIFY_TOKEN);
    assert_eq!(secrets["ADMIN_TOKEN"], ADMIN_TOKEN);

    let config = shop.text("wrangler.toml");
    assert!(config.contains(&format!("BOT_URL = \"{}\"", shop.bot.webhook())), "{config}");
    assert!(config.contains(&format!("[vars.LINES.{LINE}]\naccount = \"{ACCOUNT}\"\napp = \"{APP}\"")), "{config}");
    assert!(config.contains("# What the shop changes."), "comments stay");
    let former = &shop.remembered()["former"]["apps"][0];
    assert_eq!((&former["callback"], &former["fields"][0]), (&json!(shop.bot.webhook()), &json!("messages")));
}

#[test]
fn a_second_run_finds_everything_done() {
    let shop = Shop::new();
    for way in ["app", "number", "account"] {
        let first = shop.set_up(&["--callback", way]);
        assert!(matches!(first.code, 0 | 1), "{first:?}");
        let (config, remembered) = (shop.text("wrangler.toml"), shop.remembered());
        let (did, changed) = (shop.wrangler_did(), changes(&shop));
        let again = shop.set_up(&[]);
        assert_eq!(again.json()["done"], json!([]), "{way}: {again:?}");
        assert_eq!((shop.wrangler_did(), changes(&shop)), (did, changed), "{way}");
        assert_eq!((shop.text("wrangler.toml"), shop.remembered()), (config, remembered), "{way}");
        assert_eq!(again.json()["callback"], way, "the choice is remembered");
    }
}

#[test]
fn an_override_leaves_the_apps_callback_and_says_what_it_misses() {
    for (way, number, account) in [("number", true, false), ("account", false, true)] {
        let shop = Shop::new();
        let ran = shop.set_up(&["--callback", way]);
        let state = shop.meta.state();
        assert_eq!(state.subscription.unwrap().0, shop.bot.webhook(), "{way}");
        assert_eq!(state.numbers[0].callback, number.then(|| shop.gate.webhook()));
        assert_eq!(state.account_override, account.then(|| shop.gate.webhook()));
        assert_eq!(ran.json()["tick_by_hand"], json!(["smb_message_echoes", "account_update", "smb_app_state_sync"]));
        let told = findings(&ran);
        assert!(told.contains(&"callback_partly".to_owned()), "{told:?}");
        assert!(told.contains(&"field_smb_message_echoes_missing".to_owned()), "{told:?}");
        assert_eq!(ran.code, 1, "without echoes the gate does not do its work");
    }
}

#[test]
fn an_override_of_somebody_elses_does_not_take_the_messages_past_the_gate() {
    for way in ["app", "number", "account"] {
        let shop = Shop::new();
        shop.meta.change(|meta| {
            meta.is_subscribed = true;
            meta.account_override = Some(ELSEWHERE.to_owned());
            meta.numbers[0].callback = Some(ELSEWHERE.to_owned());
        });
        let bot = shop.bot.webhook();
        let ran = shop.set_up(&["--callback", way, "--bot", &bot]);
        let state = shop.meta.state();
        let in_force = state.numbers[0].callback.clone().or(state.account_override.clone());
        let in_force = in_force.unwrap_or(state.subscription.unwrap().0);
        assert_eq!(in_force, shop.gate.webhook(), "{way}: {ran:?}");
        assert_eq!(shop.remembered()["former"]["numbers"][0]["callback"], ELSEWHERE);
        assert!(
            !ran.stdout.contains("callback_number_elsewhere") && !ran.stdout.contains("callback_account_elsewhere")
        );
    }
}

#[test]
fn an_app_that_never_had_a_callback_gets_one_and_the_account() {
    for way in ["app", "number", "account"] {
        let shop = Shop::new();
        shop.meta.change(|meta| {
            meta.subscription = None;
            meta.is_subscribed = false;
        });
        let bot = shop.bot.webhook();
        let ran = shop.set_up(&["--callback", way, "--bot", &bot]);
        assert_eq!(ran.code, 0, "{way}: {ran:?}");
        let state = shop.meta.state();
        assert!(state.is_subscribed);
        assert_eq!(state.subscription.unwrap(), (shop.gate.webhook(), READ.map(str::to_owned).to_vec()), "{way}");
    }
}

#[test]
fn another_number_is_added_to_the_gate_that_there_is() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    shop.meta.change(|meta| meta.numbers.push(Number::in_coexistence(OTHER_LINE)));
    let ran = shop.set_up(&["--line", OTHER_LINE]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.json()["done"],
        json!(["Change wrangler.toml", "Cloudflare: deploy the Worker (npx wrangler deploy)"])
    );
    let config = shop.text("wrangler.toml");
    assert!(config.contains(&format!("[vars.LINES.{LINE}]")) && config.contains(&format!("[vars.LINES.{OTHER_LINE}]")));
    assert_eq!(shop.remembered()["lines"].as_array().unwrap().len(), 2);
    assert!(findings(&ran).iter().filter(|finding| *finding == "number_fine").count() == 2, "{ran:?}");
}

#[test]
fn an_operators_token_is_made_where_none_is_given_and_is_no_part_of_the_result() {
    let shop = Shop::new();
    let watch = shop.watch();
    let variables: Vec<_> =
        known().into_iter().filter(|(name, _)| !matches!(*name, "ADMIN_TOKEN" | "META_VERIFY_TOKEN")).collect();
    let ran = shop.run(&["setup", "--yes", "--json"], &variables);
    watch.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    let secrets = shop.secrets();
    let token = secrets["ADMIN_TOKEN"].as_str().unwrap();
    assert_eq!(token.len(), 64);
    assert!(ran.stderr.contains(token) && !ran.stdout.contains(token));
    let word = secrets["META_VERIFY_TOKEN"].as_str().unwrap();
    assert!(word.len() == 64 && word != token && !ran.stderr.contains(word));
    for file in ["wrangler.toml", ".baton/setup.json", "bin/calls"] {
        assert!(!shop.text(file).contains(token) && !shop.text(file).contains(word), "{file}");
    }
}

#[test]
fn a_changed_app_secret_is_written_again() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    shop.gate.change(|gate| gate.app_secret = Some("of before the change".to_owned()));
    shop.remove("bin/secrets");
    shop.write(
        "bin/secrets",
        "{\"META_APP_SECRET\":\"of before\",\"META_VERIFY_TOKEN\":\"v\",\"ADMIN_TOKEN\":\"a\"}\n",
    );
    let ran = shop.set_up(&[]);
    assert_eq!(shop.secrets()["META_APP_SECRET"], APP_SECRET);
    let done = ran.json()["done"].clone();
    assert_eq!(done, json!(["Cloudflare: write the secrets META_APP_SECRET (npx wrangler secret bulk)"]), "{ran:?}");
}

/// What is wrong, the exit code, and what is said of it.
type Case = (fn(&Shop, &mut Vec<(&'static str, &'static str)>), &'static [&'static str], i32, &'static str);

fn set(variables: &mut Vec<(&'static str, &'static str)>, name: &'static str, value: &'static str) {
    variables.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        variables.push((name, value));
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_changed() {
    let cases: &[Case] = &[
        (|_, known| set(known, "META_APP_ID", ""), &[], 2, "--app"),
        (|_, known| set(known, "META_APP_ID", "my app"), &[], 2, "digits only"),
        (|_, known| set(known, "META_APP_ID", "100000000000009"), &[], 4, "does not accept this secret"),
        (|_, known| set(known, "META_APP_SECRET", ""), &[], 2, "META_APP_SECRET"),
        (|_, known| set(known, "META_APP_SECRET", "another"), &[], 4, "does not accept this secret"),
        (|_, known| set(known, "META_ACCESS_TOKEN", ""), &[], 2, "META_ACCESS_TOKEN"),
        (|_, known| set(known, "META_ACCESS_TOKEN", "EAAanother"), &[], 2, "does not accept it"),
        (|shop, _| shop.meta.change(|meta| meta.token_expires_at = 1_700_000_000), &[], 2, "has expired"),
        (|shop, _| shop.meta.change(|meta| drop(meta.scopes.pop())), &[], 2, "lacks whatsapp_business_messaging"),
        (|shop, _| shop.meta.change(|meta| "9".clone_into(&mut meta.token_app)), &[], 2, "belongs to another app"),
        (|shop, _| shop.meta.change(|meta| meta.trouble = Some((APP, 400, 4))), &[], 3, "limits the calls"),
        (|_, known| set(known, "BATON_GRAPH", "http://127.0.0.1:9"), &[], 3, "cannot be reached"),
        (|_, known| set(known, "BATON_GRAPH", "http://graph.example"), &[], 2, "https://"),
        (|_, _| (), &["--line", "999999"], 2, "no number with the id"),
        (|shop, _| shop.meta.change(|meta| meta.numbers.push(Number::in_coexistence(OTHER_LINE))), &[], 2, "--line"),
        (|shop, _| shop.meta.change(|meta| meta.numbers.clear()), &[], 1, "no number"),
        (|shop, _| shop.meta.change(|meta| meta.names_accounts = false), &[], 2, "--account"),
        (|_, _| (), &["--account", "200000000000009"], 2, "no such id"),
        (|_, _| (), &["--bot", "bot"], 2, "not a URL"),
        (|_, _| (), &["--bot", "http://127.0.0.1:9/hook"], 2, "Nothing answers at 127.0.0.1"),
        (|shop, _| shop.meta.change(|meta| meta.subscription = None), &[], 2, "--bot"),
        (|shop, _| shop.remove("wrangler.toml"), &[], 2, "no wrangler.toml"),
        (|shop, _| shop.write("wrangler.toml", "[vars\n"), &[], 2, "line 1"),
        (|shop, _| shop.remove("bin/whoami"), &[], 4, "npx wrangler login"),
        (
            |shop, _| shop.write("bin/whoami", r#"{"accounts":[{"id":"a","name":"A"},{"id":"b","name":"B"}]}"#),
            &[],
            2,
            "CLOUDFLARE_ACCOUNT_ID",
        ),
    ];
    for (breaks, arguments, code, words) in cases {
        let shop = Shop::new();
        let mut variables = known();
        breaks(&shop, &mut variables);
        let arguments: Vec<&str> = ["setup", "--yes", "--json"].iter().chain(*arguments).copied().collect();
        let config = shop.text("wrangler.toml");
        let ran = shop.run(&arguments, &variables);
        let error = ran.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(words), "{words}: {ran:?}");
        assert_eq!(ran.code, *code, "{words}: {ran:?}");
        assert_eq!(shop.wrangler_did(), [] as [&str; 0], "{words}");
        assert_eq!(changes(&shop), [] as [&str; 0], "{words}");
        assert_eq!(shop.text("wrangler.toml"), config, "{words}");
    }
}

#[test]
fn what_failed_half_way_goes_on_from_there() {
    let shop = Shop::new();
    shop.write("bin/broken", "");
    let ran = shop.set_up(&[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("npx wrangler deploy"), "{ran:?}");
    assert!(ran.stderr.contains("Authentication error"), "what wrangler says is shown: {ran:?}");
    assert_eq!(changes(&shop), [] as [&str; 0], "Meta comes last");

    shop.remove("bin/broken");
    shop.meta.change(|meta| meta.trouble = Some(("subscribed_apps", 500, 2)));
    assert_ne!(shop.set_up(&[]).code, 0);
    shop.meta.change(|meta| meta.trouble = None);
    let ran = shop.set_up(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(shop.meta.state().subscription.unwrap().0, shop.gate.webhook());
}

#[test]
fn a_custom_domain_or_a_named_address_is_the_gates() {
    let shop = Shop::new();
    shop.write("bin/targets", "\"shop.example/gate/*\"");
    let ran = shop.set_up(&[]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("--gate https://"), "{ran:?}");
    let url = shop.gate.url.clone();
    let ran = shop.set_up(&["--gate", &url]);
    assert_eq!((ran.code, ran.json()["gate"].clone()), (0, json!(url)), "{ran:?}");
}

#[test]
fn a_gate_of_another_app_is_not_taken_over() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    let mut variables = known();
    set(&mut variables, "META_APP_ID", "100000000000009");
    let ran = shop.run(&["setup", "--yes", "--json"], &variables);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains(&format!("set up for the app {APP}")), "{ran:?}");
}

#[test]
fn where_nobody_can_be_asked_it_says_so() {
    let shop = Shop::new();
    for arguments in [&["setup"][..], &["setup", "--json"][..], &["setup", "--undo"][..]] {
        let ran = shop.run(arguments, &known());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains("--yes"), "{ran:?}");
    }
}

#[test]
fn for_people_each_thing_is_said_before_it_is_done() {
    let shop = Shop::new();
    let watch = shop.watch();
    let ran = shop.run(&["setup", "--yes"], &known());
    watch.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut rest = ran.stdout.as_str();
    for words in [
        "✓ The app is “Shop”.",
        "✓ The token is valid",
        "✓ The number is shared by the Business App and the API",
        "✓ The bot takes a signed probe.",
        "This is what will be done:",
        "+ BOT_URL = ",
        "→ Writing wrangler.toml",
        "→ npx wrangler deploy",
        "Uploaded baton",
        "✓ The gate is deployed at",
        "→ npx wrangler secret bulk",
        "✓ The gate is ready.",
        "→ Meta: set the app's callback to 127.0.0.1 and subscribe messages, ",
        "✓ Meta sends everything of the number",
        "Nothing is wrong.",
        "/desk/",
    ] {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words} does not follow: {}", ran.stdout));
        rest = rest.split_at(at + words.len()).1;
    }
}

#[test]
fn the_callback_of_a_gate_that_does_not_work_is_never_set() {
    let shop = Shop::new();
    // A gate that knows the secrets and has another app secret all the same.
    shop.gate.change(|gate| *gate = State::sound("another", VERIFY_TOKEN, ADMIN_TOKEN));
    let output = shop.command(&["setup", "--yes", "--json", "--wait", "1"], &known()).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["error"].as_str().unwrap().contains("refuses what is signed with the app's secret (401)"), "{told}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(changes(&shop), [] as [&str; 0]);
}
