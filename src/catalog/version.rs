//! Versions as projects write them, which is not always as semantic versioning asks: `20.10.8`, `18.09.9`, `2`.

/// The version without its `v`, where it may stand in an address and in a path; otherwise `None`.
pub fn number(version: &str) -> Option<&str> {
    let number = version.strip_prefix('v').unwrap_or(version);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_');
    let usable = number.starts_with(|first: char| first.is_ascii_digit())
        && number.len() <= 64
        && number.bytes().all(plain)
        && !number.contains("..");
    usable.then_some(number)
}

/// Whether `version` is below `limit`, comparing the numbers between the dots; what is absent counts as 0.
pub fn is_before(version: &str, limit: &str) -> bool {
    let (version, limit) = (numbers(version), numbers(limit));
    let length = version.len().max(limit.len());
    let padded = |numbers: &[u64]| (0..length).map(|at| numbers.get(at).copied().unwrap_or(0)).collect::<Vec<_>>();
    padded(&version) < padded(&limit)
}

fn numbers(version: &str) -> Vec<u64> {
    let release = version.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
    release.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(is_before("v1.9.0", "1.10"));
        assert!(is_before("1.29.2", "2"));
        assert!(!is_before("v2.2.2", "2"));
        assert!(!is_before("v1.35.0", "1.35"));
        assert!(is_before("18.09.9", "19.3"));
        assert!(!is_before("v1.36.0-rc.1", "1.36"));
    }

    #[test]
    fn only_what_can_stand_in_a_path_is_a_version() {
        assert_eq!(number("v1.35.4"), Some("1.35.4"));
        assert_eq!(number("v1.35.4+k3s1"), Some("1.35.4+k3s1"));
        for bad in ["", "v", "latest", "1..2", "1/2", "1 2", "1?x"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
