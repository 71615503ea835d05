//! Which bytes of a blob a request asks for (RFC 9110, section 14).

/// What to send of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    Whole,
    /// `length` bytes from `from` on; at least one, and none after the end.
    Part { from: u64, length: u64 },
    /// None of the bytes asked for is there.
    Nothing,
}

/// Reads a `Range` header for a blob of `size` bytes.
///
/// Headers that cannot be read, other units and several ranges at once are passed over, as the RFC allows: the answer is
/// the whole blob then.
pub fn select(header: &str, size: u64) -> Selection {
    let Some((unit, set)) = header.split_once('=') else { return Selection::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Selection::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Selection::Whole };
    let (from, to) = match (number(first), number(last)) {
        (Number::None, Number::Some(count)) if count == 0 || size == 0 => return Selection::Nothing,
        (Number::None, Number::Some(count)) => (size.saturating_sub(count), size - 1),
        (Number::Some(from), Number::None) => (from, u64::MAX),
        (Number::Some(from), Number::Some(to)) if from <= to => (from, to),
        _ => return Selection::Whole,
    };
    if from >= size {
        return Selection::Nothing;
    }
    Selection::Part { from, length: to.min(size - 1) - from + 1 }
}

enum Number {
    None,
    Some(u64),
    Wrong,
}

/// Digits only; a number that is too large is as good as the largest.
fn number(text: &str) -> Number {
    match text {
        "" => Number::None,
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => Number::Some(text.parse().unwrap_or(u64::MAX)),
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: u64, length: u64) -> Selection {
        Selection::Part { from, length }
    }

    #[test]
    fn ranges_are_read() {
        for (header, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-9", part(0, 10)),
            ("bytes=3-", part(3, 7)),
            ("bytes=-4", part(6, 4)),
            ("bytes=-40", part(0, 10)),
            ("Bytes=9-99999999999999999999999", part(9, 1)),
            ("bytes=10-", Selection::Nothing),
            ("bytes=-0", Selection::Nothing),
            ("bytes=5-4", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=0-1,3-4", Selection::Whole),
            ("lines=0-1", Selection::Whole),
            ("", Selection::Whole),
        ] {
            assert_eq!(select(header, 10), expected, "{header}");
        }
        assert_eq!(select("bytes=0-", 0), Selection::Nothing);
        assert_eq!(select("bytes=-1", 0), Selection::Nothing);
    }

    proptest::proptest! {
        #[test]
        fn no_byte_outside_is_ever_selected(header in "(bytes=)?[0-9,= -]{0,30}", size: u64) {
            if let Selection::Part { from, length } = select(&header, size) {
                assert!(length > 0 && from.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }
}
