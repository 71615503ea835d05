//! Host ranges in role groups: `node[1:10]`, `node[01:10]`.

/// Hosts that one range may name.
const LIMIT: u32 = 10_000;

/// A name with brackets that are not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("the brackets of \"{0}\" do not hold a range such as [1:10]")]
    Malformed(String),
    #[error("the range of \"{0}\" ends before it begins")]
    Backwards(String),
    #[error("the range of \"{0}\" names more than {LIMIT} hosts")]
    TooLong(String),
}

/// The names that a name with a range stands for; a name without brackets stands for itself.
///
/// Where the first number is written with leading zeros, all numbers get its width.
pub fn expand(name: &str) -> Result<Vec<String>, RangeError> {
    if !name.contains(['[', ']']) {
        return Ok(vec![name.to_owned()]);
    }
    let malformed = || RangeError::Malformed(name.to_owned());
    let (prefix, rest) = name.split_once('[').ok_or_else(malformed)?;
    let (range, suffix) = rest.split_once(']').ok_or_else(malformed)?;
    let (first, last) = range.split_once(':').ok_or_else(malformed)?;
    if [prefix, suffix].iter().any(|part| part.contains(['[', ']'])) {
        return Err(malformed());
    }
    let number = |text: &str| match text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u32>().map_err(|_| malformed()),
        false => Err(malformed()),
    };
    let width = if first.starts_with('0') { first.len() } else { 0 };
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        return Err(RangeError::Backwards(name.to_owned()));
    }
    if last - first >= LIMIT {
        return Err(RangeError::TooLong(name.to_owned()));
    }
    Ok((first..=last).map(|number| format!("{prefix}{number:0width$}{suffix}")).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_expand_as_in_kubekey() {
        assert_eq!(expand("node1").unwrap(), ["node1"]);
        assert_eq!(expand("node[1:3]").unwrap(), ["node1", "node2", "node3"]);
        assert_eq!(expand("node[08:10].site").unwrap(), ["node08.site", "node09.site", "node10.site"]);
        assert_eq!(expand("node[0:1]").unwrap(), ["node0", "node1"]);
    }

    #[test]
    fn brackets_that_are_no_range_are_refused() {
        for name in ["node[", "node]", "node[1]", "node[a:b]", "node[1:2][3:4]", "node[-1:2]", "node[1:2", "node[:]"] {
            assert!(matches!(expand(name), Err(RangeError::Malformed(_))), "{name}");
        }
        assert!(matches!(expand("node[3:1]"), Err(RangeError::Backwards(_))));
        assert!(matches!(expand("node[1:400000000]"), Err(RangeError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn a_range_has_one_distinct_name_for_each_number(first in 0u32..5000, length in 1u32..200) {
            let names = expand(&format!("n[{first}:{}]", first + length - 1)).unwrap();
            prop_assert_eq!(names.len(), length as usize);
            prop_assert_eq!(&names[0], &format!("n{first}"));
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len());
        }

        #[test]
        fn nothing_makes_it_panic(name in "\\PC{0,40}") {
            let _ = expand(&name);
        }
    }
}
