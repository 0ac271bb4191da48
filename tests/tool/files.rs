//! `baton policy check` and `schema`: what needs no gate.

use serde_json::{Value, json};

use super::tool::{Folder, run};

#[test]
fn a_policy_is_checked_by_the_gates_own_parser_wherever_it_stands() {
    let wrangler = "name = \"baton\"\n[vars]\nBOT_URL = \"\"\n[vars.BOTS]\nsales = \"https://a.example\"\n\
        [vars.BATON_POLICY]\nlease_seconds = 900\n[[vars.BATON_POLICY.rules]]\nname = \"ads\"\nthen = \"bot\"\nbot = \"sales\"\n\
        when = { referral = true }\n[vars.LINES.300]\npolicy = { lease_seconds = 0 }\n";
    let rule = r#"{"rules": [{"name": "ads", "when": {"referral": true}, "then": "bot", "bot": "sales"}]}"#;
    for (name, text, more, mistakes) in [
        ("p.json", r#"{"lease_seconds": 900}"#, &[][..], &[][..]),
        ("p.toml", "lease_seconds = 900", &[], &[]),
        ("p.toml", "[burst]\nx = 1", &[], &["burst"]),
        ("p.toml", "[[rules]]\nname = \"a\"", &[], &["rules[0].then"]),
        ("wrangler.toml", wrangler, &[], &[]),
        // A line's own policy is judged together with the general one: a lease of 0, and rules that it inherits.
        ("wrangler.toml", wrangler, &["--line", "300"], &["lease_seconds"]),
        (
            "p.json",
            r#"{"lease_second": 900, "fence": "open", "rules": [{}]}"#,
            &[],
            &["lease_second", "fence", "rules[0]"],
        ),
        ("p.json", rule, &[], &["rules[0].bot"]),
        ("p.json", rule, &["--bot", "sales"], &[]),
        ("p.json", "[]", &[], &["policy"]),
        ("p.json", "", &[], &[]),
    ] {
        let folder = Folder::new().with(name, text);
        let ran = run(&folder, &[&["policy", "check", name, "--json"], more].concat(), "");
        let found = ran.json();
        let paths: Vec<&str> =
            found["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["path"].as_str().unwrap()).collect();
        assert_eq!(ran.code, i32::from(!mistakes.is_empty()), "{text}: {found}");
        for expected in mistakes {
            assert!(
                paths.iter().any(|path| path.starts_with(expected)),
                "{text}: no mistake at {expected} in {paths:?}"
            );
        }
    }
}

#[test]
fn the_bots_of_the_deployment_in_this_folder_are_known() {
    let rule = r#"{"rules": [{"name": "ads", "when": {"referral": true}, "then": "bot", "bot": "sales"}]}"#;
    let folder =
        Folder::new().with("wrangler.toml", "[vars.BOTS]\nsales = \"https://a.example\"\n").with("p.json", rule);
    assert_eq!(run(&folder, &["policy", "check", "p.json"], "").stdout, "p.json is a policy without a mistake.\n");
    assert_eq!(run(&folder, &["policy", "check", "-"], rule).code, 0, "and standard input is a file too");
}

#[test]
fn what_is_no_policy_at_all_ends_with_2() {
    for (name, text, says) in [
        ("p.json", "{\"a\": }", "p.json is not JSON"),
        ("p.toml", "a = \nb", "p.toml is not TOML"),
        ("w.toml", "[vars]\nBOT_URL = \"\"\n", "w.toml has no table [vars.BATON_POLICY]"),
    ] {
        let ran = run(&Folder::new().with(name, text), &["policy", "check", name], "");
        assert!(ran.code == 2 && ran.stderr.contains(says), "{ran:?}");
    }
}

#[test]
fn the_schema_is_the_one_that_the_gate_serves() {
    let ran = run(&Folder::new(), &["policy", "schema"], "");
    let served: Value = serde_json::from_str(include_str!("../../web/public/api/v1/policy.schema.json")).unwrap();
    assert_eq!((ran.code, ran.json()), (0, served));
    assert_eq!(ran.json()["type"], json!("object"));
}
