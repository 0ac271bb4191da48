//! `baton setup --undo`: Meta gets back what was in force before.

use serde_json::json;

use crate::meta::{Number, OTHER_LINE, State};
use crate::shop::{BOT_WORD, Ran, Shop, known};

fn undo(shop: &Shop, word: &'static str) -> Ran {
    let mut variables = known();
    variables.push(("FORMER_VERIFY_TOKEN", word));
    shop.run(&["setup", "--undo", "--yes", "--json"], &variables)
}

/// What is in force at Meta.
fn in_force(state: &State) -> String {
    let numbers: Vec<_> = state.numbers.iter().map(|number| number.callback.clone()).collect();
    format!("{:?} {:?} {:?} {numbers:?}", state.subscription, state.is_subscribed, state.account_override)
}

#[test]
fn whatever_was_in_force_before_is_in_force_again() {
    type Before = fn(&mut State, String);
    let before: [Before; 4] = [
        |_, _| (),
        |meta, _| (meta.subscription, meta.is_subscribed) = (None, false),
        |meta, bot| meta.numbers[0].callback = Some(bot),
        |meta, bot| {
            meta.account_override = Some(bot);
            meta.numbers.push(Number::in_coexistence(OTHER_LINE));
        },
    ];
    for (at, change) in before.iter().enumerate() {
        for way in ["app", "number", "account"] {
            let shop = Shop::new();
            let bot = shop.bot.webhook();
            shop.meta.change(|meta| change(meta, bot.clone()));
            let was = in_force(&shop.meta.state());
            let line = crate::meta::LINE;
            let ran = shop.set_up(&["--callback", way, "--bot", &bot, "--line", line]);
            assert!(matches!(ran.code, 0 | 1), "{at} {way}: {ran:?}");
            assert_ne!(in_force(&shop.meta.state()), was, "{at} {way}");
            let ran = undo(&shop, BOT_WORD);
            assert_eq!(ran.code, 0, "{at} {way}: {ran:?}");
            assert_eq!(in_force(&shop.meta.state()), was, "{at} {way}");
            assert_eq!(shop.remembered()["gate"], shop.gate.url, "the Worker stays");
            assert!(!shop.wrangler_did().iter().any(|call| call.contains("delete")));
        }
    }
}

#[test]
fn a_wrong_word_changes_nothing_and_the_right_one_still_can() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    let ours = in_force(&shop.meta.state());
    let ran = undo(&shop, "another word");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("did not pass Meta's handshake"), "{ran:?}");
    assert_eq!(in_force(&shop.meta.state()), ours);
    assert_eq!(undo(&shop, BOT_WORD).code, 0);
    assert_eq!(shop.meta.state().subscription.unwrap().0, shop.bot.webhook());
}

#[test]
fn what_somebody_has_changed_since_stays() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    shop.meta.change(|meta| "https://third.example/hook".clone_into(&mut meta.subscription.as_mut().unwrap().0));
    let ran = undo(&shop, BOT_WORD);
    assert_eq!((ran.code, ran.json()["undone"].clone()), (0, json!([])), "{ran:?}");
    assert_eq!(shop.meta.state().subscription.unwrap().0, "https://third.example/hook");
}

#[test]
fn without_a_set_up_there_is_nothing_to_undo() {
    let shop = Shop::new();
    let ran = undo(&shop, BOT_WORD);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("nothing to undo"), "{ran:?}");
    shop.write("gone", "");
    std::fs::create_dir_all(shop.folder().join(".baton")).unwrap();
    shop.write(".baton/setup.json", "{");
    let ran = undo(&shop, BOT_WORD);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("setup.json cannot be used"), "{ran:?}");
}

#[test]
fn after_the_way_back_it_can_be_set_up_again() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    assert_eq!(undo(&shop, BOT_WORD).code, 0);
    let ran = shop.set_up(&["--callback", "app"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(shop.meta.state().subscription.unwrap().0, shop.gate.webhook());
    assert_eq!(shop.remembered()["former"]["apps"][0]["callback"], shop.bot.webhook());
}
