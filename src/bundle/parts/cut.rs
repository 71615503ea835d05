//! How a bundle is cut into parts, and what their files are called.

/// Bytes of a part's header.
pub const LENGTH: usize = 512;

/// No bundle is cut into more parts: their numbers have three digits.
pub const MAX_PARTS: u32 = 999;

/// The size below which parts stay unless asked otherwise: FAT32 takes files of up to 2^32 - 1 bytes.
pub const DEFAULT_SIZE: u64 = 4 << 30;

/// Shares are whole sectors.
const SECTOR: u64 = 512;

/// Where a bundle is cut: into shares of the same length, of which the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Bytes of the bundle.
    pub total: u64,
    /// Bytes of every share but the last.
    pub share: u64,
}

/// A size of parts that does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    #[error("parts of {size} bytes are too small: their headers alone have {LENGTH}")]
    TooSmall { size: u64 },
    #[error("parts of {size} bytes would be {count}; at most {MAX_PARTS} are allowed")]
    TooMany { size: u64, count: u64 },
}

impl Cut {
    /// Cuts `total` bytes into parts whose files, headers included, are each smaller than `size`: with 4 GiB, files that
    /// FAT32 can hold.
    pub fn new(total: u64, size: u64) -> Result<Self, CutError> {
        let share = size.saturating_sub(1 + LENGTH as u64) / SECTOR * SECTOR;
        if share == 0 {
            return Err(CutError::TooSmall { size });
        }
        let count = total.div_ceil(share);
        Self::of_shares(total, share).ok_or(CutError::TooMany { size, count })
    }

    /// A cut into shares of this length; `None` where there is no such cut.
    pub(super) fn of_shares(total: u64, share: u64) -> Option<Self> {
        let sectors = share > 0 && share.is_multiple_of(SECTOR);
        (total > 0 && sectors && total.div_ceil(share) <= u64::from(MAX_PARTS)).then_some(Self { total, share })
    }

    /// The size that [`Cut::new`] takes for this cut.
    pub fn size(self) -> u64 {
        self.share.saturating_add(2 * LENGTH as u64)
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        // At most MAX_PARTS by construction.
        self.total.div_ceil(self.share) as u32
    }

    /// Offset of the share with this number, from 1.
    pub fn offset(self, index: u32) -> u64 {
        self.share.saturating_mul(u64::from(index.saturating_sub(1))).min(self.total)
    }

    /// Bytes of the share with this number, from 1.
    pub fn length(self, index: u32) -> u64 {
        self.share.min(self.total - self.offset(index))
    }

    /// Number of the part that holds the byte at `offset`, which lies in the bundle.
    pub fn index_at(self, offset: u64) -> u32 {
        (offset / self.share) as u32 + 1
    }
}

/// Whether a text can be the name of a bundle's file: a name and no path, printable.
pub(super) fn is_file_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= 255 && name != "." && name != "..";
    fits && !name.contains(['/', '\\']) && !name.chars().any(char::is_control)
}

/// The name of a part's file: `site.tar.gz.003`. All parts have it in the same form, so that they sort by number.
///
/// What FAT does not allow in names is replaced (Microsoft, "FAT: General Overview of On-Disk Format", long directory
/// entries): `"*/:<>?\|` and control characters.
pub fn file_name(name: &str, index: u32) -> String {
    let allowed = |char: char| if char.is_control() || "\"*/:<>?\\|".contains(char) { '-' } else { char };
    // FAT counts at most 255 units of UTF-16; the number takes four of them.
    let mut short = String::new();
    let mut units = 0;
    for char in name.chars().map(allowed) {
        units += char.len_utf16();
        if units > 251 || short.len() + char.len_utf8() > 251 {
            break;
        }
        short.push(char);
    }
    format!("{short}.{index:03}")
}

/// Numbers as people list them: `2`, `2 and 5`, `1, 2 and 5 to 7`.
pub fn numbers(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let texts: Vec<String> = runs
        .into_iter()
        .flat_map(|(first, last)| match last - first {
            0 => vec![first.to_string()],
            1 => vec![first.to_string(), last.to_string()],
            _ => vec![format!("{first} to {last}")],
        })
        .collect();
    match texts.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_four_gibibytes_fit_on_fat32() {
        let cut = Cut::new(10 << 30, DEFAULT_SIZE).unwrap();
        assert_eq!(cut.count(), 3);
        assert!(cut.length(1) + LENGTH as u64 <= u64::from(u32::MAX));
        assert_eq!((1..=3).map(|index| cut.length(index)).sum::<u64>(), 10 << 30);
        assert_eq!(Cut::new(10 << 30, cut.size()), Ok(cut));
    }

    #[test]
    fn every_byte_is_in_one_part() {
        for (total, size) in [(1, 1025), (512, 1025), (513, 1025), (10_000, 2000), (10_240, 2049)] {
            let cut = Cut::new(total, size).unwrap();
            let mut at = 0;
            for index in 1..=cut.count() {
                assert_eq!(cut.offset(index), at);
                assert!(cut.length(index) > 0 && cut.length(index) + 512 < size);
                assert_eq!((cut.index_at(at), cut.index_at(at + cut.length(index) - 1)), (index, index));
                at += cut.length(index);
            }
            assert_eq!(at, total);
        }
        assert_eq!(Cut::new(1, 1024), Err(CutError::TooSmall { size: 1024 }));
        assert_eq!(Cut::new(1 << 20, 1025), Err(CutError::TooMany { size: 1025, count: 2048 }));
    }

    #[test]
    fn names_are_ones_that_fat_can_hold_and_sort_by_number() {
        assert_eq!(file_name("site.tar.gz", 3), "site.tar.gz.003");
        assert_eq!(file_name("site:a|b?.tar", 12), "site-a-b-.tar.012");
        let long = file_name(&"大".repeat(200), 1);
        assert!(long.len() <= 255 && long.ends_with(".001"), "{long}");
        for name in ["", ".", "..", "a/b", "a\\b", "a\nb"] {
            assert!(!is_file_name(name), "{name}");
        }
    }

    #[test]
    fn numbers_are_listed_as_people_do() {
        let list = [&[2][..], &[2, 5], &[1, 2, 5, 6, 7], &[1, 2], &[]].map(numbers);
        assert_eq!(list, ["2", "2 and 5", "1, 2 and 5 to 7", "1 and 2", ""]);
    }
}
