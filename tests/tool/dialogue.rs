//! `baton setup` as somebody at a terminal sees it: questions, wrong answers, what is not shown, Ctrl-C, and the way back.

use rexpect::session::{PtySession, spawn_command};

use crate::meta::{ACCESS_TOKEN, APP};
use crate::shop::{APP_SECRET, BOT_WORD, Shop};
use crate::tool::interruptible;

/// Longer than anything here takes.
const LIMIT_MS: u64 = 30_000;

/// A dialogue, with all that has been on the screen.
struct Terminal {
    session: PtySession,
    screen: String,
}

impl Terminal {
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        let session = spawn_command(interruptible(&shop.command(arguments, &[])), Some(LIMIT_MS)).unwrap();
        Self { session, screen: String::new() }
    }

    /// Waits for a text.
    fn sees(&mut self, text: &str) -> &mut Self {
        let before = self.session.exp_string(&latin(text));
        let before = before.unwrap_or_else(|error| panic!("{text}: {}\n{}", unlatin(&error.to_string()), self.screen));
        self.screen.push_str(&unlatin(&before));
        self.screen.push_str(text);
        self
    }

    /// Answers the question that is asked.
    fn says(&mut self, text: &str) -> &mut Self {
        self.session.send_line(text).unwrap();
        self
    }

    /// Answers yes or no, which takes one key.
    fn presses(&mut self, key: &str) -> &mut Self {
        self.session.send(key).unwrap();
        self.session.flush().unwrap();
        self
    }

    /// Reads to the end, and gives the exit code; 130 where it ended by Ctrl-C.
    fn ends(mut self, shop: &Shop) -> (i32, String) {
        let rest = self.session.exp_eof().unwrap();
        self.screen.push_str(&unlatin(&rest));
        shop.holds_no_secret(&self.screen);
        // The type of it is not the library's own, so it is read as it shows itself: `Exited(Pid(1), 0)`.
        let ended = format!("{:?}", self.session.process().wait().unwrap());
        let code =
            ended.strip_prefix("Exited(").and_then(|rest| rest.trim_end_matches(')').rsplit(", ").next()?.parse().ok());
        let code = code.unwrap_or(130);
        (code, self.screen)
    }
}

/// The library takes each byte of the screen for a letter.
fn latin(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

fn unlatin(text: &str) -> String {
    let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Answers everything up to the plan.
fn answered(terminal: &mut Terminal) {
    terminal.sees("Meta app id").says(APP);
    terminal.sees("Meta app secret").says(APP_SECRET);
    terminal.sees("✓ The app is “Shop”.");
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN);
    terminal.sees("✓ The token is valid");
    terminal.sees("Which number?").sees("Blue Dress Shop").says("");
    terminal.sees("✓ The number is shared");
    terminal.sees("Address of the bot's webhook").says("");
    terminal.sees("✓ The bot takes a signed probe.");
    terminal.sees("How should Meta's messages come to the gate?").says("");
    terminal.sees("This is what will be done:");
    terminal.sees("Go on?");
}

#[test]
fn the_whole_dialogue_leads_to_a_gate_at_work() {
    let shop = Shop::new();
    let watch = shop.watch();
    let mut terminal = Terminal::start(&shop, &["setup"]);
    answered(&mut terminal);
    terminal
        .presses("y")
        .sees("Your ADMIN_TOKEN, which opens the desk and is shown only this once")
        .sees("✓ The gate is ready.");
    let (code, screen) = terminal.ends(&shop);
    watch.end();
    assert_eq!(code, 0, "{screen}");
    let token = shop.secrets()["ADMIN_TOKEN"].as_str().unwrap().to_owned();
    assert_eq!(screen.matches(&token).count(), 1, "{screen}");
    assert!(screen.contains("Nothing is wrong."), "{screen}");
    for hint in [
        "App settings > Basic: App ID",
        "App secret > Show",
        "System users > Generate token",
        "account_update, standby",
    ] {
        assert!(screen.contains(hint), "{hint}: {screen}");
    }
    assert_eq!(shop.meta.state().subscription.unwrap().0, shop.gate.webhook());
    as_in_the_manual(&shop, &screen);
}

/// The dialogue in docs/setup.md is what is on the screen, line after line.
fn as_in_the_manual(shop: &Shop, screen: &str) {
    let manual =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/setup.md")).unwrap();
    let shown = manual.split("```text setup\n").nth(1).unwrap().split("```").next().unwrap();
    let screen = screen
        .replace(&shop.bot.url, "https://bot.example.com")
        .replace(&shop.gate.url, "https://baton.shop.workers.dev");
    let mut rest = screen.as_str();
    for line in shown.lines() {
        let at = rest.find(line).unwrap_or_else(|| panic!("docs/setup.md shows what is not said: {line}\n{rest}"));
        rest = rest.split_at(at + line.len()).1;
    }
}

#[test]
fn a_wrong_answer_is_asked_for_again_with_what_was_wrong() {
    let shop = Shop::new();
    let watch = shop.watch();
    let mut terminal = Terminal::start(&shop, &["setup"]);
    terminal.sees("Meta app id").says("my app").sees("✗ Meta's ids are digits only.");
    terminal.sees("Meta app id").says(APP);
    terminal.sees("Meta app secret").says("").sees("✗ It is empty");
    terminal.sees("Meta app secret").says("another").sees("✗ Meta does not accept this secret for this app id.");
    // The id may have been the wrong one: it is proposed again.
    terminal.sees("Meta app id").says("");
    terminal.sees("Meta app secret").says(APP_SECRET).sees("✓ The app is");
    terminal.sees("Access token of a system user").says("EAAanother").sees("✗ Meta does not accept it.");
    shop.meta.change(|meta| drop(meta.scopes.pop()));
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN).sees("✗ It lacks whatsapp_business_messaging");
    shop.meta.change(|meta| meta.scopes.push("whatsapp_business_messaging".to_owned()));
    shop.meta.change(|meta| meta.numbers[0].is_on_biz_app = Some(false));
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN);
    terminal.sees("Which number?").says("").sees("! This number is not in Coexistence");
    terminal.sees("Go on with it all the same?").presses("y");
    terminal.sees("Address of the bot's webhook").says("ftp://bot").sees("✗ This address must begin with https://");
    terminal.sees("Address of the bot's webhook").says("");
    terminal.sees("How should Meta's messages").says("\u{1b}[B");
    terminal.sees("set the override of the number");
    terminal.sees("Go on?").presses("n");
    let (code, screen) = terminal.ends(&shop);
    watch.end();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(shop.wrangler_did(), [] as [&str; 0]);
}

#[test]
fn whoever_is_not_signed_in_at_cloudflare_is_taken_there() {
    let shop = Shop::new();
    shop.remove("bin/whoami");
    let mut terminal = Terminal::start(&shop, &["setup"]);
    let watch = shop.watch();
    answered(&mut terminal);
    terminal.presses("y");
    let (code, screen) = terminal.ends(&shop);
    watch.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(shop.wrangler_did().first().map(String::as_str), Some("wrangler login"));
}

#[test]
fn one_of_several_accounts_at_cloudflare_is_chosen_and_remembered() {
    let shop = Shop::new();
    shop.write(
        "bin/whoami",
        r#"{"loggedIn":true,"accounts":[{"id":"acc1","name":"Mine"},{"id":"acc2","name":"The shop's"}]}"#,
    );
    let watch = shop.watch();
    let mut terminal = Terminal::start(&shop, &["setup"]);
    terminal.sees("Meta app id").says(APP).sees("Meta app secret").says(APP_SECRET);
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN);
    terminal.sees("Which number?").says("").sees("Address of the bot's webhook").says("");
    terminal.sees("How should Meta's messages").says("");
    terminal.sees("Which account at Cloudflare?").sees("The shop's").says("\u{1b}[B");
    terminal.sees("Go on?").presses("y");
    let (code, screen) = terminal.ends(&shop);
    watch.end();
    assert_eq!(code, 0, "{screen}");
    assert!(shop.text("bin/calls").contains("account acc2"), "{}", shop.text("bin/calls"));
    assert_eq!(shop.remembered()["cloudflare"], "acc2");
}

#[test]
fn ctrl_c_leaves_what_the_same_command_goes_on_from() {
    let shop = Shop::new();
    for question in ["Meta app id", "Meta app secret"] {
        let mut terminal = Terminal::start(&shop, &["setup"]);
        if question != "Meta app id" {
            terminal.sees("Meta app id").says(APP);
        }
        terminal.sees(question);
        terminal.session.send_control('c').unwrap();
        let (code, screen) = terminal.ends(&shop);
        assert_eq!(code, 130, "{question}: {screen}");
    }
    let mut terminal = Terminal::start(&shop, &["setup"]);
    answered(&mut terminal);
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends(&shop).0, 130);
    assert_eq!(shop.wrangler_did(), [] as [&str; 0], "nothing was done before it was agreed to");

    // In the middle of the work: the gate is deployed, and never becomes ready.
    let mut terminal = Terminal::start(&shop, &["setup"]);
    answered(&mut terminal);
    terminal.presses("y").sees("→ Waiting until the gate answers");
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends(&shop).0, 130);
    assert_eq!(shop.wrangler_did(), ["wrangler deploy", "wrangler secret bulk"]);

    let watch = shop.watch();
    let mut terminal = Terminal::start(&shop, &["setup"]);
    terminal.sees("Meta app id").says("").sees("Meta app secret").says(APP_SECRET);
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN);
    terminal.sees("Which number?").says("").sees("The bot's address stays").sees("How should Meta's messages").says("");
    terminal.sees("Go on?").presses("y").sees("✓ The gate is ready.");
    let (code, screen) = terminal.ends(&shop);
    watch.end();
    assert_eq!(code, 0, "{screen}");
    let calls = shop.wrangler_did();
    assert_eq!(calls.iter().filter(|call| *call == "wrangler deploy").count(), 1, "{calls:?}");
    assert!(!screen.contains("Your ADMIN_TOKEN"), "it was shown before: {screen}");
}

#[test]
fn the_way_back_asks_for_the_former_word_until_it_is_right() {
    let shop = Shop::new();
    assert_eq!(shop.set_up(&[]).code, 0);
    let mut terminal = Terminal::start(&shop, &["setup", "--undo"]);
    terminal.sees("Meta app id").says("").sees("Meta app secret").says(APP_SECRET);
    terminal.sees("Access token of a system user").says(ACCESS_TOKEN);
    terminal.sees("This is what will be done:").sees("set the app's callback to 127.0.0.1").sees("Go on?").presses("y");
    terminal
        .sees("Verify token of the former callback")
        .says("another word")
        .sees("✗ The former callback did not pass");
    terminal.sees("Verify token of the former callback").says(BOT_WORD);
    terminal.sees("✓ Done.").sees("npx wrangler delete");
    let (code, screen) = terminal.ends(&shop);
    assert_eq!(code, 0, "{screen}");
    assert_eq!(shop.meta.state().subscription.unwrap().0, shop.bot.webhook());
}
