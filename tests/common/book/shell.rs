//! Command lines taken apart, as far as the documents use the shell: words and quotes, comments, lines that go on,
//! pipes, variables.
//!
//! Not here: expanding anything. A variable stays what it is written as.

/// One command.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Command {
    /// The program and its arguments; empty where the line only sets variables.
    pub words: Vec<String>,
    /// The variables that are set in front of it.
    pub variables: Vec<(String, String)>,
}

impl Command {
    /// The program's name.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words as one line.
    pub fn line(&self) -> String {
        self.words.join(" ")
    }
}

/// Takes the commands of a text apart.
pub fn commands(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    for line in lines(text) {
        let mut words: Vec<String> = Vec::new();
        for word in words_of(&line) {
            match word {
                Word::Plain(word) => words.push(word),
                Word::End => commands.extend(command(std::mem::take(&mut words))),
            }
        }
        commands.extend(command(words));
    }
    commands
}

fn command(words: Vec<String>) -> Option<Command> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut command = Command::default();
    // Where the output goes is no word of the command.
    let end = words.iter().position(|word| word == ">").unwrap_or(words.len());
    for word in words.into_iter().take(end) {
        match word.split_once('=').filter(|(name, _)| command.words.is_empty() && is_name(name)) {
            Some((name, value)) => command.variables.push((name.to_owned(), value.to_owned())),
            None => command.words.push(word),
        }
    }
    (!command.words.is_empty() || !command.variables.is_empty()).then_some(command)
}

/// Lines, with those that a backslash continues as one, and those within quotes too.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        open.push_str(line);
        if open.ends_with('\\') {
            open.pop();
        } else if is_quoted(&open) {
            open.push('\n');
        } else {
            lines.push(std::mem::take(&mut open));
        }
    }
    lines.push(open);
    lines
}

/// Whether a text ends within quotes.
fn is_quoted(text: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    for character in text.chars() {
        match quote {
            None if character == '#' && before.is_whitespace() => return false,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => {}
        }
        before = character;
    }
    quote.is_some()
}

enum Word {
    Plain(String),
    /// Here another command begins.
    End,
}

fn words_of(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.push(character),
            (None, '\'' | '"') => (quote, is_word) = (Some(character), true),
            (None, '#') if !is_word => break,
            (None, '|' | ';' | '&') => {
                if is_word {
                    words.push(Word::Plain(std::mem::take(&mut word)));
                }
                if character != ';' && characters.peek() == Some(&character) {
                    characters.next();
                }
                words.push(Word::End);
                is_word = false;
            }
            (None, _) if character.is_whitespace() => {
                if is_word {
                    words.push(Word::Plain(std::mem::take(&mut word)));
                }
                is_word = false;
            }
            (None, _) => {
                word.push(character);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(Word::Plain(word));
    }
    words
}
