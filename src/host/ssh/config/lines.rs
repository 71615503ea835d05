//! The lines of one configuration file as blocks, each with the conditions under which it counts.

use std::sync::Arc;

use super::words::{arguments, keyword};

/// What one block says, and for whom.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// All must hold: a file that is included in a block counts where that does.
    pub conditions: Vec<Condition>,
    pub entries: Vec<Entry>,
}

/// What the head of a block asks for.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// A `Host` line: one pattern at least matches, and none that begins with `!`.
    Host(Arc<[String]>),
    /// A `Match` line that asks for what is not looked at here.
    Never,
}

/// A setting that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    HostName(String),
    Port(u16),
    User(String),
    IdentityFile(String),
    /// `none` for a `ProxyCommand` too: whichever of the two comes first takes the other's place.
    ProxyJump(String),
}

/// What a file consists of, in its order.
#[derive(Debug)]
pub(super) enum Piece {
    Block(Block),
    /// Files to read here, with the conditions of the block that the line stands in.
    Include {
        conditions: Vec<Condition>,
        patterns: Vec<String>,
    },
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// Reads a text. `outer` are the conditions of the block that includes it.
pub(super) fn pieces(text: &str, outer: &[Condition]) -> Result<Vec<Piece>, Bad> {
    let mut pieces = Vec::new();
    let mut block = Block { conditions: outer.to_vec(), entries: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let bad = |reason: &str| Bad { line: index + 1, reason: reason.to_owned() };
        let Some((keyword, rest)) = keyword(line) else { continue };
        let known =
            ["host", "match", "include", "hostname", "port", "user", "identityfile", "proxyjump", "proxycommand"];
        if !known.contains(&keyword.as_str()) {
            continue;
        }
        // A command is not taken apart: its quotes are the shell's.
        if keyword == "proxycommand" {
            block.entries.push(Entry::ProxyJump("none".into()));
            continue;
        }
        let words = arguments(rest).map_err(|_| bad("a quote is not closed"))?;
        let Some(first) = words.first().cloned() else { return Err(bad("there is nothing behind the keyword")) };
        let next = |condition: Option<Condition>| {
            let conditions = outer.iter().cloned().chain(condition).collect();
            Block { conditions, entries: Vec::new() }
        };
        match keyword.as_str() {
            "host" => {
                let begun = next(Some(Condition::Host(words.into())));
                pieces.push(Piece::Block(std::mem::replace(&mut block, begun)));
            }
            "match" => {
                let all = words.len() == 1 && first.eq_ignore_ascii_case("all");
                let begun = next((!all).then_some(Condition::Never));
                pieces.push(Piece::Block(std::mem::replace(&mut block, begun)));
            }
            "include" => {
                let conditions = block.conditions.clone();
                let rest = Block { conditions: conditions.clone(), entries: Vec::new() };
                pieces.push(Piece::Block(std::mem::replace(&mut block, rest)));
                pieces.push(Piece::Include { conditions, patterns: words });
            }
            "port" => match first.parse::<u16>() {
                Ok(port) if port > 0 => block.entries.push(Entry::Port(port)),
                _ => return Err(bad("a port is a number from 1 to 65535")),
            },
            "hostname" => block.entries.push(Entry::HostName(first)),
            "user" => block.entries.push(Entry::User(first)),
            "identityfile" => block.entries.push(Entry::IdentityFile(first)),
            "proxyjump" => block.entries.push(Entry::ProxyJump(first)),
            _ => {}
        }
    }
    pieces.push(Piece::Block(block));
    pieces.retain(|piece| !matches!(piece, Piece::Block(block) if block.entries.is_empty()));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_is_told() {
        let bad = |text: &str| pieces(text, &[]).map(|_| ()).unwrap_err();
        assert_eq!(bad("Host a\n\nPort ssh\n"), Bad { line: 3, reason: "a port is a number from 1 to 65535".into() });
        assert_eq!(bad("Host \"a\nPort 22").line, 1);
        assert_eq!(bad("User # ann").reason, "there is nothing behind the keyword");
        // What is not looked at may be as it likes.
        assert!(pieces("SendEnv \"LANG\nProxyCommand sh -c \"x'\nFrobnicate", &[]).is_ok());
    }

    #[test]
    fn an_include_splits_its_block() {
        let read = pieces("Host a\nUser ann\nInclude b c\nPort 2222\n", &[]).unwrap();
        let kinds: Vec<&str> = read
            .iter()
            .map(|piece| match piece {
                Piece::Block(_) => "block",
                Piece::Include { .. } => "include",
            })
            .collect();
        assert_eq!(kinds, ["block", "include", "block"]);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(?s).{0,200}", likely in "((Host|Match|Include|Port|User) [a*?! 0-9]{0,6}\n){0,8}") {
            let _ = (pieces(&text, &[]), pieces(&likely, &[Condition::Never]));
        }
    }
}
