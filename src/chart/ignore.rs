//! `.helmignore`: which files of a chart's folder do not go into its archive.
//!
//! As Helm reads it (its package `ignore`): a pattern a line, `#` begins a comment; a pattern with a slash is of the
//! whole path, one without of the last part; one that ends with a slash is of folders; `!` takes back.

/// The patterns of one file.
#[derive(Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: String,
    negated: bool,
    folders: bool,
    /// Of the whole path rather than of its last part.
    anchored: bool,
}

impl Rules {
    /// Reads the text of a `.helmignore`.
    pub fn parse(text: &str) -> Self {
        let rule = |line: &str| {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                return None;
            }
            let (negated, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let (folders, pattern) = pattern.strip_suffix('/').map_or((false, pattern), |rest| (true, rest));
            let anchored = pattern.contains('/');
            let pattern = pattern.strip_prefix('/').unwrap_or(pattern).to_owned();
            Some(Rule { pattern, negated, folders, anchored })
        };
        Self(text.lines().filter_map(rule).collect())
    }

    /// Whether a path, relative to the chart's folder, is left out.
    pub fn ignores(&self, path: &str, folder: bool) -> bool {
        let last = path.rsplit('/').next().unwrap_or(path);
        let fits = |rule: &&Rule| {
            (folder || !rule.folders)
                && matches(rule.pattern.as_bytes(), if rule.anchored { path } else { last }.as_bytes())
        };
        // The last rule that fits decides.
        self.0.iter().rev().find(fits).is_some_and(|rule| !rule.negated)
    }
}

/// Shell patterns without `**`: neither `*` nor `?` nor `[…]` stands for a slash. Time is the product of the lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut to) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(at), text.get(to)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, to));
                at += 1;
                continue;
            }
            (Some(b'?'), Some(letter)) if *letter != b'/' => Some(1),
            (Some(b'['), Some(letter)) if *letter != b'/' => class(&pattern[at..], *letter),
            (Some(b'\\'), Some(letter)) if pattern.get(at + 1) == Some(letter) => Some(2),
            (Some(own), Some(letter)) if own == letter => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(step), _) => (at, to) = (at + step, to + 1),
            // The last star takes one letter more.
            (None, Some((from, taken))) if text.get(taken).is_some_and(|letter| *letter != b'/') => {
                star = Some((from, taken + 1));
                (at, to) = (from + 1, taken + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How long the class is that a pattern begins with, if the letter is of it: `[a-z_]`, `[^0-9]`.
fn class(pattern: &[u8], letter: u8) -> Option<usize> {
    let end = pattern.iter().skip(2).position(|byte| *byte == b']')? + 2;
    let inside = pattern.get(1..end)?;
    let (negated, mut inside) = match inside.strip_prefix(b"^").or_else(|| inside.strip_prefix(b"!")) {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut found = false;
    while let Some((first, rest)) = inside.split_first() {
        (found, inside) = match rest {
            [b'-', last, rest @ ..] => (found || (*first..=*last).contains(&letter), rest),
            rest => (found || *first == letter, rest),
        };
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_helm_reads_them() {
        let rules = Rules::parse("# comment\n\n*.orig\n.git/\n/top.txt\ndocs/*.md\n!docs/keep.md\n[Rr]eadme?\n*~\n");
        for (path, folder) in [
            ("a/b.orig", false),
            (".git", true),
            ("a/.git", true),
            ("top.txt", false),
            ("docs/x.md", false),
            ("Readme1", false),
            ("x~", false),
        ] {
            assert!(rules.ignores(path, folder), "{path}");
        }
        for (path, folder) in
            [(".git", false), ("a/top.txt", false), ("docs/a/x.md", false), ("docs/keep.md", false), ("readme", false)]
        {
            assert!(!rules.ignores(path, folder), "{path}");
        }
        assert!(!Rules::default().ignores("x", false));
    }

    #[test]
    fn patterns_that_take_others_ages_are_quick() {
        let text = "a".repeat(20_000);
        assert!(!matches("*a*a*a*a*a*a*a*a*b".as_bytes(), text.as_bytes()));
        assert!(matches(b"[", b"[") || !matches(b"[", b"["));
        assert!(!matches(b"[a", b"a"));
        assert!(matches(b"[^a-c]x", b"dx"));
        assert!(matches(br"\*", b"*"));
    }
}
