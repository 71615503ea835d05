//! One line of an OpenSSH configuration file. Source of the format: ssh_config(5).

/// A quote that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenQuote;

/// The keyword of a line in small letters, and what stands behind it; `None` for empty lines and comments.
pub(super) fn keyword(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|char: char| char.is_whitespace() || char == '=' || char == '"').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    // Blanks, or blanks with one `=` among them, stand between.
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Some((keyword.to_ascii_lowercase(), rest.trim_start()))
}

/// The arguments of a line: words, with quotes around those that hold blanks. A `#` that begins a word ends the line.
pub(super) fn arguments(text: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|char| char.is_whitespace()).is_some() {}
        match chars.peek() {
            None | Some('#') => return Ok(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote: Option<char> = None;
        while let Some(char) = chars.next() {
            match (char, quote) {
                ('\\', _) if matches!(chars.peek(), Some('"' | '\'' | '\\')) => word.extend(chars.next()),
                ('\\', None) if chars.peek() == Some(&' ') => word.extend(chars.next()),
                ('"' | '\'', None) => quote = Some(char),
                (char, Some(open)) if char == open => quote = None,
                (char, None) if char.is_whitespace() => break,
                (char, _) => word.push(char),
            }
        }
        if quote.is_some() {
            return Err(OpenQuote);
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keywords() {
        for line in ["Port 22", " port = 22 ", "PORT=22", "port\t22"] {
            assert_eq!(keyword(line), Some(("port".into(), "22")), "{line}");
        }
        assert_eq!(keyword("Host"), Some(("host".into(), "")));
        assert_eq!(keyword("Host\"a b\""), Some(("host".into(), "\"a b\"")));
        assert_eq!(keyword("User ==x"), Some(("user".into(), "=x")));
        assert_eq!(keyword("  # Port 22"), None);
        assert_eq!(keyword("\t"), None);
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(arguments("a  b\tc # d").unwrap(), ["a", "b", "c"]);
        assert_eq!(arguments("\"a b\" 'c # d' e#f").unwrap(), ["a b", "c # d", "e#f"]);
        assert_eq!(arguments(r#"a\ b \"c\" d\e "#).unwrap(), ["a b", "\"c\"", "d\\e"]);
        assert_eq!(arguments("\"\"").unwrap(), [""]);
        assert_eq!(arguments("\"a"), Err(OpenQuote));
        assert!(arguments(" ").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(line in any::<String>(), likely in "[a \"'\\\\#=]{0,20}") {
            for line in [line, likely] {
                if let Some((_, rest)) = keyword(&line) {
                    let _ = arguments(rest);
                }
            }
        }
    }
}
