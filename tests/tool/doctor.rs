//! `baton doctor`: every line that it can say is produced by breaking what it is about.

use serde_json::{Value, json};

use crate::gate::{Gate, State, diagnosis, now_ms};
use crate::meta::{ACCESS_TOKEN, LINE, Meta, Number, OTHER_LINE};
use crate::shop::{ADMIN_TOKEN, APP_SECRET, Ran, Shop, VERIFY_TOKEN};

/// A gate at work, with Meta behind it.
struct Rig {
    shop: Shop,
    variables: Vec<(&'static str, String)>,
    address: String,
}

impl Rig {
    fn new() -> Self {
        let shop = Shop::new();
        shop.gate.change(|gate| *gate = State::sound(APP_SECRET, VERIFY_TOKEN, ADMIN_TOKEN));
        let fields = ["messages", "smb_message_echoes", "account_update", "smb_app_state_sync"].map(str::to_owned);
        let webhook = shop.gate.webhook();
        shop.meta.change(|meta| meta.subscription = Some((webhook, fields.to_vec())));
        let known = [
            ("META_APP_SECRET", APP_SECRET),
            ("META_ACCESS_TOKEN", ACCESS_TOKEN),
            ("META_VERIFY_TOKEN", VERIFY_TOKEN),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ];
        let variables = known.map(|(name, value)| (name, value.to_owned())).to_vec();
        let address = shop.gate.url.clone();
        Self { shop, variables, address }
    }

    fn run(&self) -> Ran {
        let variables: Vec<(&str, &str)> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.shop.run(&["doctor", "--json", "--gate", &self.address], &variables)
    }

    fn lines(&self) -> (i32, Vec<Value>) {
        let ran = self.run();
        (ran.code, ran.json().as_array().unwrap().clone())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.unset(name);
        self.variables.push((name, value.to_owned()));
    }

    fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| *known != name);
    }

    fn gate(&self, change: impl FnOnce(&mut State)) {
        self.shop.gate.change(change);
    }

    fn meta(&self) -> &Meta {
        &self.shop.meta
    }

    /// Changes the gate's report on itself.
    fn report(&self, change: impl FnOnce(&mut Value)) {
        let mut document = diagnosis();
        change(&mut document);
        self.gate(|gate| gate.diagnosis = Some((200, document)));
    }

    fn fields(&self, without: &str) {
        self.meta().change(|meta| meta.subscription.as_mut().unwrap().1.retain(|field| field != without));
    }

    fn number(&self, change: impl FnOnce(&mut Number)) {
        self.meta().change(|meta| change(&mut meta.numbers[0]));
    }

    fn bot(&self, answer: Value) {
        self.gate(|gate| gate.bot = answer);
    }
}

/// What is broken, and which line says so. Where a line is the one of a sound gate, nothing is broken.
type Case = (&'static str, fn(&mut Rig));

const ELSEWHERE: &str = "https://n8n.example.com/webhook/planted-path";

const CASES: &[Case] = &[
    ("gate_unreachable", |rig| "http://127.0.0.1:9".clone_into(&mut rig.address)),
    ("gate_not_ready", |rig| rig.gate(|gate| gate.app_secret = None)),
    ("gate_ready", |_| ()),
    ("version_other", |rig| rig.report(|told| told["version"] = json!("0.0.1"))),
    ("version_same", |_| ()),
    ("handshake_left_out", |rig| rig.unset("META_VERIFY_TOKEN")),
    ("handshake_wrong", |rig| rig.gate(|gate| gate.verify_token = Some("another".to_owned()))),
    ("handshake_right", |_| ()),
    ("signature_left_out", |rig| rig.unset("META_APP_SECRET")),
    ("signature_refused", |rig| rig.gate(|gate| gate.app_secret = Some("another".to_owned()))),
    ("signature_unchecked", |rig| rig.gate(|gate| gate.takes_everything = true)),
    ("signature_right", |_| ()),
    ("inside_left_out", |rig| rig.unset("ADMIN_TOKEN")),
    ("inside_refused", |rig| rig.set("ADMIN_TOKEN", "another-token-of-the-operator")),
    ("inside_too_old", |rig| rig.gate(|gate| gate.diagnosis = None)),
    ("inside_silent", |rig| rig.gate(|gate| gate.diagnosis = Some((500, Value::Null)))),
    ("storage_broken", |rig| rig.report(|told| told["checks"][1]["ok"] = json!(false))),
    ("storage_fine", |_| ()),
    ("secret_previous_in_use", |rig| {
        rig.report(|told| {
            told["secrets"][0]["previous_set"] = json!(true);
            told["secrets"][0]["in_use"] = json!("previous");
        });
    }),
    ("secret_rotating", |rig| rig.report(|told| told["secrets"][2]["previous_set"] = json!(true))),
    ("secrets_fine", |_| ()),
    ("policy_mistakes", |rig| {
        rig.report(|told| told["policy"]["mistakes"] = json!([{ "path": "leese_seconds", "reason": "is no key" }]));
    }),
    ("policy_observes", |rig| rig.report(|told| told["policy"]["mode"] = json!("observe"))),
    ("policy_fine", |_| ()),
    ("bot_unreachable", |rig| rig.bot(json!({ "reached": false, "status": null, "reason": "timed_out" }))),
    ("bot_refuses", |rig| rig.bot(json!({ "reached": true, "status": 401, "refuses_wrong_signature": null }))),
    ("bot_credulous", |rig| rig.bot(json!({ "reached": true, "status": 200, "refuses_wrong_signature": false }))),
    ("bot_accepts", |_| ()),
    ("alerts_nobody", |rig| rig.report(|told| told["alerts"] = json!(false))),
    ("alerts_fine", |_| ()),
    ("clock_off", |rig| rig.report(|told| told["now_ms"] = json!(now_ms() + 120_000))),
    ("clock_fine", |_| ()),
    ("line_never_heard", |rig| rig.report(|told| told["lines"][0]["last_event_ms"] = Value::Null)),
    ("line_deaf", |rig| {
        rig.report(|told| told["lines"][0]["last_event_ms"] = json!(now_ms() - 4 * 86_400_000));
    }),
    ("line_heard", |_| ()),
    ("meta_left_out", |rig| rig.unset("META_ACCESS_TOKEN")),
    ("meta_unreachable", |rig| rig.set("BATON_GRAPH", "http://127.0.0.1:9")),
    ("token_expired", |rig| rig.meta().change(|meta| meta.token_expires_at = 1_700_000_000)),
    ("token_invalid", |rig| rig.meta().change(|meta| meta.token_is_known = false)),
    ("token_of_other_app", |rig| {
        rig.set("META_APP_ID", crate::meta::APP);
        rig.meta().change(|meta| "100000000000009".clone_into(&mut meta.token_app));
    }),
    ("token_expires_soon", |rig| {
        rig.meta().change(|meta| meta.token_expires_at = now_ms() / 1_000 + 3 * 86_400);
    }),
    ("token_fine", |_| ()),
    ("permission_missing", |rig| rig.meta().change(|meta| meta.scopes.retain(|scope| scope.ends_with("management")))),
    ("permissions_fine", |_| ()),
    ("app_left_out", |rig| rig.unset("META_APP_SECRET")),
    ("app_refused", |rig| rig.meta().change(|meta| "another".clone_into(&mut meta.app_secret))),
    ("app_unclear", |rig| rig.meta().change(|meta| meta.trouble = Some(("subscriptions", 500, 1)))),
    ("app_without_callback", |rig| rig.meta().change(|meta| meta.subscription = None)),
    ("field_messages_missing", |rig| rig.fields("messages")),
    ("field_smb_message_echoes_missing", |rig| rig.fields("smb_message_echoes")),
    ("field_account_update_missing", |rig| rig.fields("account_update")),
    ("field_smb_app_state_sync_missing", |rig| rig.fields("smb_app_state_sync")),
    ("fields_fine", |_| ()),
    ("number_not_found", |rig| rig.meta().change(|meta| meta.numbers = vec![Number::in_coexistence(OTHER_LINE)])),
    ("number_of_other_app", |rig| rig.report(|told| told["lines"][0]["app"] = json!("100000000000009"))),
    ("number_unclear", |rig| rig.meta().change(|meta| meta.trouble = Some((LINE, 500, 2)))),
    ("number_disconnected", |rig| rig.number(|number| number.status = "DISCONNECTED")),
    ("number_status_odd", |rig| rig.number(|number| number.status = "RATE_LIMITED")),
    ("number_not_on_api", |rig| rig.number(|number| number.platform = "NOT_APPLICABLE")),
    ("number_alone", |rig| rig.number(|number| number.is_on_biz_app = Some(false))),
    ("number_fine", |_| ()),
    ("account_not_subscribed", |rig| rig.meta().change(|meta| meta.is_subscribed = false)),
    ("callback_unclear", |rig| rig.meta().change(|meta| meta.trouble = Some(("subscribed_apps", 500, 2)))),
    ("callback_number_elsewhere", |rig| rig.number(|number| number.callback = Some(ELSEWHERE.to_owned()))),
    ("callback_account_elsewhere", |rig| {
        rig.meta().change(|meta| meta.account_override = Some(ELSEWHERE.to_owned()));
    }),
    ("callback_app_elsewhere", |rig| {
        rig.meta().change(|meta| ELSEWHERE.clone_into(&mut meta.subscription.as_mut().unwrap().0));
    }),
    ("callback_partly", |rig| {
        let webhook = rig.shop.gate.webhook();
        rig.number(|number| number.callback = Some(webhook));
        rig.meta().change(|meta| ELSEWHERE.clone_into(&mut meta.subscription.as_mut().unwrap().0));
    }),
    ("callback_fine", |_| ()),
];

#[test]
fn each_line_is_said_when_what_it_is_about_is_so() {
    let all = Rig::new().shop.run(&["doctor", "--lines", "--json"], &[]).json();
    for line in all.as_array().unwrap() {
        let finding = line["finding"].as_str().unwrap();
        let (_, breaks) =
            CASES.iter().find(|(name, _)| *name == finding).unwrap_or_else(|| panic!("no case for {finding}"));
        let mut rig = Rig::new();
        breaks(&mut rig);
        let (code, told) = rig.lines();
        let said = told.iter().find(|said| said["finding"] == finding);
        let said = said.unwrap_or_else(|| panic!("{finding} is not said: {told:#?}"));
        for key in ["check", "state", "remedy"] {
            assert_eq!(said[key], line[key], "{finding}");
        }
        let form = line["told"].as_str().unwrap().split('…').next().unwrap();
        assert!(said["told"].as_str().unwrap().starts_with(form), "{said}");
        assert!(!said.to_string().contains("planted-path"), "{said}");
        let is_broken = told.iter().any(|said| said["state"] == "broken");
        assert_eq!(code, i32::from(is_broken), "{finding}");
        if line["state"] == "broken" {
            assert!(is_broken);
        }
    }
    assert_eq!(all.as_array().unwrap().len(), CASES.len(), "a case is about no line");
}

#[test]
fn a_sound_gate_has_only_good_lines() {
    let rig = Rig::new();
    let (code, told) = rig.lines();
    assert_eq!(code, 0);
    assert!(told.iter().all(|line| line["state"] == "fine"), "{told:#?}");
    let ran = rig.shop.run(&["doctor", "--gate", &rig.address], &[("META_APP_SECRET", APP_SECRET)]);
    assert!(ran.stdout.contains("✓ The gate takes what is signed by Meta's app"), "{}", ran.stdout);
    assert!(ran.stdout.contains("– ADMIN_TOKEN is not known here"), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().ends_with("Nothing is wrong."), "{}", ran.stdout);
}

#[test]
fn whoever_does_not_say_which_gate_is_told_how() {
    let rig = Rig::new();
    let ran = rig.shop.run(&["doctor"], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--gate https://"), "{ran:?}");
}

#[test]
fn a_gate_on_this_machine_is_looked_at_without_meta() {
    let gate = Gate::start(State::sound(APP_SECRET, VERIFY_TOKEN, ADMIN_TOKEN));
    let shop = Shop::new();
    shop.write(
        ".dev.vars",
        &format!("META_APP_SECRET={APP_SECRET}\nMETA_VERIFY_TOKEN={VERIFY_TOKEN}\nADMIN_TOKEN=\"{ADMIN_TOKEN}\"\n"),
    );
    let ran = shop.run(&["doctor", "--json", "--gate", &gate.url], &[]);
    let told = ran.json();
    let finding = |name: &str| told.as_array().unwrap().iter().any(|line| line["finding"] == name);
    assert!(finding("handshake_right") && finding("signature_right") && finding("storage_fine"), "{told:#}");
    assert!(finding("meta_left_out"), "{told:#}");
    assert_eq!(ran.code, 0);
    assert_eq!(shop.meta.state().asked, [] as [&str; 0]);
}

#[test]
fn the_manual_has_every_line_as_it_is_said() {
    let manual =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md")).unwrap();
    let all = Rig::new().shop.run(&["doctor", "--lines", "--json"], &[]).json();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let row = |line: &Value| {
        let mark = match text(line, "state").as_str() {
            "fine" => "✓",
            "note" => "!",
            "broken" => "✗",
            _ => "–",
        };
        format!("| {mark} | `{}` | {} | {} |", text(line, "finding"), text(line, "told"), text(line, "remedy"))
    };
    let rows: Vec<String> = all.as_array().unwrap().iter().map(row).collect();
    for row in &rows {
        assert!(manual.lines().any(|line| line == row), "docs/doctor.md lacks: {row}");
    }
    let is_row = |line: &&str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        cells.len() == 4 && ["| ✓", "| !", "| ✗", "| –"].contains(&cells[0])
    };
    assert_eq!(manual.lines().filter(is_row).count(), rows.len(), "docs/doctor.md has a line that is never said");
}
