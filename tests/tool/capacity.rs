//! `baton capacity` says what many lines need, and which limit is met first.

use serde_json::json;

use super::tool::{Folder, Ran, run};

fn capacity(arguments: &[&str]) -> Ran {
    run(&Folder::new(), &[&["capacity"], arguments].concat(), "")
}

#[test]
fn capacity_names_the_first_wall_and_what_to_do_about_it() {
    for (arguments, wall, deployments) in [
        (&["--messages-per-second", "20"][..], "bytes of the busiest line's desk", 1),
        (&["--messages-per-second", "20", "--customers", "1000"], "requests a second of the busiest line's desk", 1),
        (&["--messages-per-second", "50", "--lines", "1000"], "lines that one deployment's LINES names", 10),
        (
            &["--messages-per-second", "50", "--lines", "1000", "--past-the-gate"],
            "calls of one request to the desks of all lines",
            1,
        ),
    ] {
        let told = capacity(&[&["--json"], arguments].concat()).json();
        assert_eq!(told["walls"][0]["limit"], wall, "{arguments:?}: {told}");
        assert_eq!(told["deployments"], deployments, "{arguments:?}: {told}");
        assert_eq!(told["objects"].as_array().map(Vec::len), Some(5), "{told}");
        let shown = capacity(arguments);
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(shown.stdout.contains(&format!("First wall: {wall}, ")), "{shown:?}");
    }
}

#[test]
fn capacity_costs_what_cost_says_and_what_idle_desks_and_reads_of_kv_come_to() {
    let told = capacity(&["--json", "--messages-per-second", "1", "--messages-per-day", "5000"]).json();
    let cost = run(&Folder::new(), &["cost", "--json", "--messages-per-day", "5000"], "").json();
    for (what, idle) in [("worker_requests", 0), ("object_requests", 25), ("rows_written", 24)] {
        let both = [&told, &cost].map(|told| told["per_day"][what].as_u64().unwrap());
        assert_eq!(both[0] - both[1], idle, "{what}");
    }
    assert_eq!(told["free"], json!({ "carries": true, "first_limit": "rows written" }));
    assert_eq!(told["paid"], cost["paid"]);
    let none = capacity(&["--json", "--messages-per-second", "0", "--lines", "1000"]).json();
    assert_eq!((&none["per_day"]["rows_written"], &none["free"]["carries"]), (&json!(24_000), &json!(true)), "{none}");
}

#[test]
fn capacity_parts_of_a_desk_share_its_requests() {
    let arguments = ["--json", "--messages-per-second", "1000", "--past-the-gate", "--desk-shards"];
    for (shards, rate) in [("1", "1000.000"), ("4", "250.000"), ("16", "62.500")] {
        let told = capacity(&[&arguments[..], &[shards, "--busiest-line", "1000"]].concat()).json();
        assert_eq!(told["objects"][1]["requests_per_second"], rate, "{told}");
    }
}

#[test]
fn capacity_takes_any_number_and_refuses_what_is_none() {
    let most = u64::MAX.to_string();
    for more in [&[][..], &["--past-the-gate"], &["--late-receipts", "--desk-shards", "16"]] {
        let options = ["--lines", "--messages-per-second", "--messages-per-day", "--from-the-phone", "--customers"];
        let arguments: Vec<&str> = options.into_iter().flat_map(|option| [option, &most]).collect();
        let ran = capacity(&[&arguments[..], more].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    }
    for arguments in [
        &[][..],
        &["--messages-per-second", "-1"],
        &["--messages-per-second", "1", "--lines", "0"],
        &["--messages-per-second", "1", "--desk-shards", "17"],
        &["--messages-per-second", "1", "--bot-ms", "15001"],
    ] {
        assert_eq!(capacity(arguments).code, 2, "{arguments:?}");
    }
}
