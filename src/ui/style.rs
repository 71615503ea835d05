//! Colours, where they are wanted. They never carry a meaning that the words do not.

use std::io::IsTerminal;

use super::narrator::{Line, Tone};

/// Whether colours may be written to stderr.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Without colours.
    #[cfg(test)]
    pub fn plain() -> Self {
        Self { colours: false }
    }

    /// For stderr as it is: a terminal that knows colours, and nobody who set `NO_COLOR` (no-color.org).
    pub fn of_stderr() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: !refused && is_capable_terminal() }
    }

    /// A line as it is written.
    pub fn apply(self, line: &Line) -> String {
        match line.tone {
            Tone::Heading => self.paint("1", &line.text),
            Tone::Plain => line.text.clone(),
            Tone::Good => self.paint("32", &line.text),
            Tone::Warning => self.paint("33", &line.text),
            Tone::Bad => self.paint("31", &line.text),
        }
    }

    /// The word before a message of trouble.
    pub fn bad(self, word: &str) -> String {
        self.paint("1;31", word)
    }

    /// The word before a hint.
    pub fn hint(self, word: &str) -> String {
        self.paint("1;36", word)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Whether stderr is a terminal on which a cursor can be moved.
pub fn is_capable_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| !term.is_empty() && term != "dumb")
}
