//! What the set-up writes into `wrangler.toml`: the bot's address and the numbers.
//!
//! Invariant: everything else in the file stays as it is, comments and order included; a value that is as wanted already is
//! not touched.

use toml_edit::{DocumentMut, Item, Table, value};

/// The file.
pub(crate) const FILE: &str = "wrangler.toml";

/// A number to be named under `LINES`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub line: &'a str,
    pub account: &'a str,
    pub app: &'a str,
}

/// The file with its settings.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    document: DocumentMut,
    text: String,
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Where it is no TOML, in one sentence.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let line = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        let wrong = |error: toml_edit::TomlError| {
            let line = error.span().map_or(1, |span| line(span.start));
            format!("{FILE} is not TOML (line {line})")
        };
        Ok(Self { document: text.parse().map_err(wrong)?, text: text.to_owned() })
    }

    /// The bot's address that stands there, where one does.
    pub(crate) fn bot(&self) -> Option<&str> {
        let bot = self.document.get("vars")?.get("BOT_URL")?.as_str()?;
        (!bot.trim().is_empty()).then_some(bot)
    }

    /// Writes the bot's address.
    pub(crate) fn set_bot(&mut self, address: &str) {
        if self.bot() == Some(address) {
            return;
        }
        within(self.document.as_table_mut(), "vars", false, &mut |vars| {
            // Assigning to the value keeps the comment behind it.
            if let Some(Item::Value(known)) = vars.get_mut("BOT_URL") {
                let decor = known.decor().clone();
                *known = address.into();
                *known.decor_mut() = decor;
            } else {
                vars.insert("BOT_URL", value(address));
            }
        });
    }

    /// Names a number. What stands there under its id already is only completed.
    pub(crate) fn add_line(&mut self, wanted: &Wanted<'_>) {
        let complete = &mut |line: &mut Table| {
            for (key, id) in [("account", wanted.account), ("app", wanted.app)] {
                if line.get(key).and_then(Item::as_str) != Some(id) {
                    line.insert(key, value(id));
                }
            }
        };
        within(self.document.as_table_mut(), "vars", false, &mut |vars| {
            within(vars, "LINES", true, &mut |lines| within(lines, wanted.line, false, complete));
        });
    }

    /// The whole file.
    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }

    /// The lines that differ from the file as it was read: `-` went, `+` came.
    pub(crate) fn changes(&self) -> Vec<String> {
        let new = self.text();
        let (before, after): (Vec<&str>, Vec<&str>) = (self.text.lines().collect(), new.lines().collect());
        let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
        let came = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
        gone.chain(came).collect()
    }
}

/// Changes a table, which is made where there is none; `implicit` for one that holds only tables and needs no heading.
fn within(parent: &mut Table, key: &str, implicit: bool, change: &mut dyn FnMut(&mut Table)) {
    let item = parent.entry(key).or_insert(Item::None);
    if !item.is_table() {
        // `LINES = { … }` on one line becomes a table like the others.
        let inline = item.as_inline_table().cloned();
        let mut table = inline.map_or_else(Table::new, toml_edit::InlineTable::into_table);
        table.set_implicit(implicit);
        *item = Item::Table(table);
    }
    if let Some(table) = item.as_table_mut() {
        change(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted<'static> = Wanted { line: "30", account: "20", app: "10" };

    #[test]
    fn the_repositorys_own_file_keeps_its_comments() {
        let text = include_str!("../../../wrangler.toml");
        let mut config = Config::read(text).unwrap();
        assert_eq!(config.bot(), None);
        config.set_bot("https://bot.example/hook");
        config.add_line(&WANTED);
        assert_eq!(
            config.changes(),
            [
                "- BOT_URL = \"\"",
                "+ BOT_URL = \"https://bot.example/hook\"",
                "+ [vars.LINES.30]",
                "+ account = \"20\"",
                "+ app = \"10\"",
            ]
        );
        let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(comments(&config.text()), comments(text));
        let again = Config::read(&config.text()).unwrap();
        assert_eq!(again.bot(), Some("https://bot.example/hook"));
    }

    #[test]
    fn what_is_there_already_is_not_touched() {
        for text in [
            "[vars]\nBOT_URL = \"https://b.example\" # the bot\n[vars.LINES.30]\naccount = \"20\" # main\napp = \"10\"\n",
            "[vars]\nBOT_URL = 'https://b.example'\n\n[vars.LINES]\n[vars.LINES.30]\napp = '10'\naccount = '20'\n",
        ] {
            let mut config = Config::read(text).unwrap();
            config.set_bot("https://b.example");
            config.add_line(&WANTED);
            assert_eq!(config.text(), text);
            assert_eq!(config.changes(), [] as [&str; 0]);
        }
    }

    #[test]
    fn a_second_number_comes_beside_the_first_in_whatever_form_it_stands() {
        for text in [
            "[vars]\nBOT_URL = \"\" # the bot\n[vars.LINES.29]\naccount = \"20\"\n",
            "[vars]\nBOT_URL = \"\" # the bot\nLINES = { 29 = { account = \"20\" } }\n",
            "vars = { BOT_URL = \"\", LINES = { 29 = { account = \"20\" } } }\n",
        ] {
            let mut config = Config::read(text).unwrap();
            config.set_bot("https://b.example");
            config.add_line(&WANTED);
            let again = Config::read(&config.text()).unwrap();
            let lines = again.document.get("vars").unwrap().get("LINES").unwrap();
            for line in ["29", "30"] {
                assert_eq!(lines.get(line).unwrap().get("account").unwrap().as_str(), Some("20"), "{text}");
            }
            assert_eq!(again.bot(), Some("https://b.example"));
            assert!(!text.contains("# the bot") || config.text().contains("# the bot"));
        }
    }

    #[test]
    fn what_is_no_toml_is_told_by_its_line() {
        assert_eq!(Config::read("[vars]\nBOT_URL = \n").unwrap_err(), "wrangler.toml is not TOML (line 2)");
    }
}
