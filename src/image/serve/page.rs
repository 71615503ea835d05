//! One part of a list: `n` and `last` (distribution specification, "Content Discovery").

use std::cmp::Ordering;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most this many; all where none is given.
    pub most: Option<usize>,
    /// Those after this one, whether it is in the list or not.
    pub after: Option<String>,
}

/// The order of lists: alphabetical, whatever the case; by case where that is all that differs.
pub fn order(one: &str, other: &str) -> Ordering {
    let lower = |text: &str| text.to_ascii_lowercase();
    lower(one).cmp(&lower(other)).then_with(|| one.cmp(other))
}

impl Page {
    /// The part of a list in [`order`], and after which item the next part begins; `None` at the list's end.
    pub fn of<'a>(&self, list: &[&'a str]) -> (Vec<&'a str>, Option<&'a str>) {
        let start = match &self.after {
            Some(after) => list.partition_point(|item| order(item, after) != Ordering::Greater),
            None => 0,
        };
        let rest = list.get(start..).unwrap_or_default();
        let most = self.most.unwrap_or(usize::MAX);
        let part: Vec<&str> = rest.iter().take(most).copied().collect();
        let next = if part.len() < rest.len() { part.last().copied() } else { None };
        (part, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: [&str; 5] = ["1.0", "a", "B", "b", "c"];

    fn page(most: Option<usize>, after: Option<&str>) -> (Vec<&'static str>, Option<&'static str>) {
        Page { most, after: after.map(str::to_owned) }.of(&TAGS)
    }

    #[test]
    fn parts_follow_each_other() {
        assert!(TAGS.is_sorted_by(|one, other| order(one, other).is_lt()));
        assert_eq!(page(None, None), (TAGS.to_vec(), None));
        assert_eq!(page(Some(2), None), (vec!["1.0", "a"], Some("a")));
        assert_eq!(page(Some(2), Some("a")), (vec!["B", "b"], Some("b")));
        assert_eq!(page(Some(2), Some("b")), (vec!["c"], None));
        assert_eq!(page(Some(5), None), (TAGS.to_vec(), None));
        assert_eq!(page(Some(0), None), (vec![], None), "nothing, and no next part");
        assert_eq!(page(None, Some("aa")), (vec!["B", "b", "c"], None), "an item that is not there");
        assert_eq!(page(None, Some("z")), (vec![], None));
    }
}
