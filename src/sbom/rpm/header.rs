//! A package's header as rpm's database keeps it: an index of tags, and the data that they point to (rpm's manual,
//! "RPM v4 file format", "Header"; the tags' numbers are those of "RPM tags").

use crate::sbom::package::{Family, Package, text};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENSE: u32 = 1014;
const ARCH: u32 = 1022;
const SOURCE: u32 = 1044;

/// Types of data.
const INT32: u32 = 4;
const STRING: u32 = 6;

/// Keys that a user trusts are kept as packages of this name.
const KEYS: &str = "gpg-pubkey";

/// An entry of the index: tag, type, offset and count, 4 bytes each.
const ENTRY: usize = 16;

/// The package of a header; `None` for what is no package.
pub(super) fn read(blob: &[u8]) -> Option<Package> {
    let count = usize::try_from(number(blob, 0)?).ok()?;
    let index = blob.get(8..8usize.checked_add(count.checked_mul(ENTRY)?)?)?;
    let data = blob.get(8 + index.len()..)?;
    let mut package = Package::unknown(Family::Rpm);
    let mut release = String::new();
    for entry in index.chunks_exact(ENTRY) {
        let (tag, kind) = (number(entry, 0)?, number(entry, 4)?);
        let Some(value) = usize::try_from(number(entry, 8)?).ok().and_then(|offset| data.get(offset..)) else {
            continue;
        };
        let words = || text(value.split(|byte| *byte == 0).next().unwrap_or_default());
        match (tag, kind) {
            (NAME, STRING) => package.name = words(),
            (VERSION, STRING) => package.version = words(),
            (RELEASE, STRING) => release = words(),
            (EPOCH, INT32) => package.epoch = number(value, 0).filter(|epoch| *epoch > 0),
            (LICENSE, STRING) => package.license = words(),
            (ARCH, STRING) => package.arch = words(),
            (SOURCE, STRING) => package.source = words(),
            _ => {}
        }
    }
    if !release.is_empty() {
        package.version = format!("{}-{release}", package.version);
    }
    (package.name != KEYS).then_some(package)
}

/// A number of 4 bytes, the highest first.
fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
