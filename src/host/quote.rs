//! Words of a shell.

use std::fmt::{self, Write as _};

/// A text as one word of a POSIX shell, whatever it holds.
pub fn quote(text: &str) -> String {
    Word(text).to_string()
}

/// The same, written where it belongs.
pub struct Word<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_char('\'')?;
        for (index, piece) in self.0.split('\'').enumerate() {
            if index > 0 {
                out.write_str(r"'\''")?;
            }
            out.write_str(piece)?;
        }
        out.write_char('\'')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_word_is_read_by_the_shell() {
        assert_eq!(quote("/usr/bin/x-1.2"), "'/usr/bin/x-1.2'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$(id)"), "'$(id)'");
    }
}
