//! Patterns of OpenSSH's files. Source: ssh_config(5), PATTERNS.

/// `*` is any run of characters, `?` any one; case does not matter.
pub(super) fn glob_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&name[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((from, until)) => {
                    star = Some((from, until + 1));
                    at = from + 1;
                    seen = until + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in
            [("*", ""), ("a*c", "abbc"), ("A?c", "abC"), ("*.lab", "a.b.lab"), ("a", "a"), ("**", "x")]
        {
            assert!(glob_matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("a?", "a"), ("*.lab", "lab"), ("a*b", "abc")] {
            assert!(!glob_matches(pattern, name), "{pattern} {name}");
        }
    }
}
