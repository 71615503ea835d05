//! What can be wrong with the parts of a bundle, in words that name each by its number.

use std::fmt;

use super::cut::numbers;
use crate::bundle::medium::DamagedPart;

/// A bundle of which not every part is there and whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Incomplete {
    /// Name of the bundle's file.
    pub name: String,
    pub count: u32,
    /// Numbers of the parts that were not found.
    pub missing: Vec<u32>,
    /// Those that were found and are of no use, without a good copy.
    pub damaged: Vec<DamagedPart>,
    /// What writes one of these parts again.
    pub size: u64,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, count, missing, damaged, .. } = self;
        let (noun, verb) = if missing.len() == 1 { ("part", "is") } else { ("parts", "are") };
        if !missing.is_empty() {
            write!(formatter, "{noun} {} of {count} of {name} {verb} missing", numbers(missing))?;
        }
        for (at, part) in damaged.iter().enumerate() {
            let between = if at > 0 || !missing.is_empty() { "; " } else { "" };
            write!(formatter, "{between}{part}")?;
        }
        Ok(())
    }
}

impl Incomplete {
    /// The command that writes these parts again on the connected side.
    pub fn remedy(&self) -> String {
        let mut wanted: Vec<u32> =
            self.missing.iter().copied().chain(self.damaged.iter().map(|one| one.index)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let list: Vec<String> = wanted.iter().map(u32::to_string).collect();
        format!("kk artifact split -a {} --size {} --only {}", self.name, size_text(self.size), list.join(","))
    }
}

/// A size as `--size` takes it: `4G`, `700M`, or bytes.
pub fn size_text(size: u64) -> String {
    for (unit, letter) in [(1u64 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')] {
        if size >= unit && size.is_multiple_of(unit) {
            return format!("{}{letter}", size / unit);
        }
    }
    size.to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_is_missing_and_damaged_is_named_by_number() {
        let path = PathBuf::from("/media/usb/site.tar.gz.003");
        let damaged = DamagedPart { index: 3, count: 7, path, how: String::new() };
        let mut incomplete = Incomplete {
            name: "site.tar.gz".into(),
            count: 7,
            missing: vec![2, 5],
            damaged: vec![damaged],
            size: 4 << 30,
        };
        insta::assert_snapshot!(incomplete, @"parts 2 and 5 of 7 of site.tar.gz are missing; part 3 of 7 (/media/usb/site.tar.gz.003) is damaged; copy it again");
        insta::assert_snapshot!(incomplete.remedy(), @"kk artifact split -a site.tar.gz --size 4G --only 2,3,5");
        incomplete.damaged.clear();
        incomplete.missing = vec![2];
        insta::assert_snapshot!(incomplete, @"part 2 of 7 of site.tar.gz is missing");
    }
}
