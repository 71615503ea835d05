//! The header of a part: 512 bytes before its share of the bundle, from which a part says all about itself.
//!
//! All numbers are little-endian. docs/reference/bundle-format.md, "Parts", has the same table for people.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic number |
//! | 8 | 4 | format, 1 |
//! | 12 | 4 | number of the part, from 1 |
//! | 16 | 4 | how many parts there are |
//! | 20 | 4 | spelling: 0 tar, 1 tar.gz, 2 tar.zst |
//! | 24 | 8 | offset of its share in the bundle |
//! | 32 | 8 | bytes of its share |
//! | 40 | 8 | bytes of the bundle |
//! | 48 | 8 | bytes of every share but the last |
//! | 56 | 32 | set: the same in all parts that belong together, and in no other; see [`set_of`] |
//! | 88 | 32 | SHA-256 of `bundle.json` |
//! | 120 | 32 | SHA-256 of its share |
//! | 152 | 32 | BLAKE3 of its share |
//! | 184 | 1 | length of the name |
//! | 185 | 255 | name of the bundle's file in UTF-8, then zeros |
//! | 440 | 40 | zeros |
//! | 480 | 32 | BLAKE3 of the 480 bytes before |

use super::super::spelling::Spelling;
use super::cut::{Cut, LENGTH, MAX_PARTS, is_file_name};
use crate::digest::Digest;

/// The first bytes of a part. As in PNG, they show whether a transfer took the file for text: 0x89 has the high bit,
/// and a line feed would have become something else.
pub const MAGIC: [u8; 8] = *b"\x89KKPART\n";

/// The number of the format of parts that this `kk` writes.
pub const FORMAT: u32 = 1;

/// Where the checksum of the header lies.
const CHECKED: usize = 480;

/// What a part says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHeader {
    /// Number of the part, from 1.
    pub index: u32,
    /// SHA-256 of the part's share.
    pub sha256: [u8; 32],
    /// BLAKE3 of the part's share.
    pub blake3: [u8; 32],
    /// What all parts of the set have in common.
    pub set: Set,
}

/// What all parts of one bundle have in common. Parts belong together when all of it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    /// See [`set_of`].
    pub id: [u8; 32],
    /// SHA-256 of the bundle's `bundle.json`.
    pub bundle: [u8; 32],
    pub spelling: Spelling,
    /// How the bundle is cut.
    pub cut: Cut,
    /// Name of the bundle's file, without a folder.
    pub name: String,
}

/// Why bytes are not the header of a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("it is not a part of a bundle")]
    NotAPart,
    #[error("its header is damaged")]
    Damaged,
    #[error("it has format {found} of parts, and this kk reads format {FORMAT}: use the kk that came with the bundle")]
    Format { found: u32 },
    #[error("its header contradicts itself: {what}")]
    Contradiction { what: &'static str },
}

/// The identity of a set: SHA-256 over what the bytes of all its parts follow from. A bundle that was signed anew, or cut
/// to another size, has parts of another set.
pub fn set_of(bundle: &[u8; 32], signature: Option<&[u8]>, spelling: Spelling, cut: Cut) -> [u8; 32] {
    let mut text = Vec::from(*b"kk parts 1\n");
    text.extend(bundle);
    text.extend(Digest::of(signature.unwrap_or_default()).bytes());
    text.extend(spelling_number(spelling).to_le_bytes());
    text.extend(cut.total.to_le_bytes());
    text.extend(cut.share.to_le_bytes());
    Digest::of(&text).bytes()
}

fn spelling_number(spelling: Spelling) -> u32 {
    match spelling {
        Spelling::Tar => 0,
        Spelling::TarGz => 1,
        Spelling::TarZst => 2,
    }
}

fn spelling_of(number: u32) -> Option<Spelling> {
    Spelling::ALL.into_iter().find(|spelling| spelling_number(*spelling) == number)
}

impl PartHeader {
    /// Offset of the part's share in the bundle.
    pub fn offset(&self) -> u64 {
        self.set.cut.offset(self.index)
    }

    /// Bytes of the part's share.
    pub fn length(&self) -> u64 {
        self.set.cut.length(self.index)
    }

    /// Bytes of the part's file.
    pub fn file_size(&self) -> u64 {
        self.length().saturating_add(LENGTH as u64)
    }

    /// The bytes before the part's share.
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0u8; LENGTH];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        let set = &self.set;
        put(&MAGIC);
        for number in [FORMAT, self.index, set.cut.count(), spelling_number(set.spelling)] {
            put(&number.to_le_bytes());
        }
        for number in [self.offset(), self.length(), set.cut.total, set.cut.share] {
            put(&number.to_le_bytes());
        }
        for digest in [&set.id, &set.bundle, &self.sha256, &self.blake3] {
            put(digest);
        }
        // Names are checked when a set is made: 255 bytes at most.
        let name = &set.name.as_bytes()[..set.name.len().min(255)];
        put(&[name.len() as u8]);
        put(name);
        let checksum = blake3::hash(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(checksum.as_bytes());
        bytes
    }

    /// Reads the header from the first bytes of a file, of which nothing is known. Every bit of it is checked: what is
    /// accepted is exactly what [`PartHeader::to_bytes`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let Some(bytes) = bytes.first_chunk::<LENGTH>() else {
            return Err(if bytes.starts_with(&MAGIC) { HeaderError::Damaged } else { HeaderError::NotAPart });
        };
        if !bytes.starts_with(&MAGIC) {
            // One flipped bit in the magic number does not make it another kind of file.
            return Err(if checksum_fits_with_magic(bytes) { HeaderError::Damaged } else { HeaderError::NotAPart });
        }
        if blake3::hash(&bytes[..CHECKED]) != *bytes[CHECKED..].first_chunk::<32>().unwrap_or(&[0; 32]) {
            return Err(HeaderError::Damaged);
        }
        let format = u32_at(bytes, 8);
        if format != FORMAT {
            return Err(HeaderError::Format { found: format });
        }
        let header = Self::read(bytes)?;
        if header.to_bytes() != *bytes {
            return Err(HeaderError::Contradiction { what: "its numbers do not fit together" });
        }
        Ok(header)
    }

    fn read(bytes: &[u8; LENGTH]) -> Result<Self, HeaderError> {
        let wrong = |what| Err(HeaderError::Contradiction { what });
        let (index, count) = (u32_at(bytes, 12), u32_at(bytes, 16));
        let Some(spelling) = spelling_of(u32_at(bytes, 20)) else { return wrong("no such spelling") };
        let Some(cut) = Cut::of_shares(u64_at(bytes, 40), u64_at(bytes, 48)) else { return wrong("no such cut") };
        if count != cut.count() || count > MAX_PARTS || index == 0 || index > count {
            return wrong("no such number of a part");
        }
        let name = bytes[185..440].get(..usize::from(bytes[184])).and_then(|name| std::str::from_utf8(name).ok());
        let Some(name) = name.filter(|name| is_file_name(name)) else { return wrong("no such name") };
        let set = Set { id: bytes_at(bytes, 56), bundle: bytes_at(bytes, 88), spelling, cut, name: name.to_owned() };
        Ok(Self { index, sha256: bytes_at(bytes, 120), blake3: bytes_at(bytes, 152), set })
    }
}

/// Whether the checksum is right once the magic number is put back.
fn checksum_fits_with_magic(bytes: &[u8; LENGTH]) -> bool {
    let mut mended = *bytes;
    mended[..MAGIC.len()].copy_from_slice(&MAGIC);
    blake3::hash(&mended[..CHECKED]).as_bytes() == &mended[CHECKED..]
}

fn bytes_at(bytes: &[u8; LENGTH], at: usize) -> [u8; 32] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; 32])
}

fn u32_at(bytes: &[u8; LENGTH], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

fn u64_at(bytes: &[u8; LENGTH], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> PartHeader {
        let cut = Cut::of_shares(10_000, 4096).unwrap();
        let id = set_of(&[7; 32], None, Spelling::TarGz, cut);
        let set = Set { id, bundle: [7; 32], spelling: Spelling::TarGz, cut, name: "site.tar.gz".into() };
        PartHeader { index: 3, sha256: [1; 32], blake3: [2; 32], set }
    }

    /// With the checksum put right, as a hostile hand would.
    fn sealed(mut bytes: [u8; LENGTH]) -> [u8; LENGTH] {
        let checksum = blake3::hash(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(checksum.as_bytes());
        bytes
    }

    #[test]
    fn a_header_reads_as_it_was_written() {
        let header = header();
        assert_eq!(PartHeader::parse(&header.to_bytes()), Ok(header.clone()));
        assert_eq!((header.offset(), header.length(), header.file_size()), (8192, 1808, 2320));
    }

    #[test]
    fn every_flipped_bit_is_found_and_told_from_other_files() {
        let bytes = header().to_bytes();
        for bit in 0..LENGTH * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(PartHeader::parse(&bytes), Err(HeaderError::Damaged), "bit {bit}");
        }
        assert_eq!(PartHeader::parse(b"\x1f\x8b\x08"), Err(HeaderError::NotAPart));
        assert_eq!(PartHeader::parse(&[0; 4096]), Err(HeaderError::NotAPart));
        assert_eq!(PartHeader::parse(&bytes[..200]), Err(HeaderError::Damaged));
    }

    #[test]
    fn what_contradicts_itself_is_refused_however_well_it_is_sealed() {
        let bytes = header().to_bytes();
        for (at, value) in
            [(12, 0), (12, 9), (16, 200), (20, 3), (24, 1), (32, 1), (40, 1), (49, 0), (184, 0), (185, b'/'), (450, 1)]
        {
            let mut changed = bytes;
            changed[at] = value;
            let refused = PartHeader::parse(&sealed(changed)).unwrap_err();
            assert!(matches!(refused, HeaderError::Contradiction { .. }), "{at}: {refused}");
        }
        let mut newer = bytes;
        newer[8] = 2;
        assert_eq!(PartHeader::parse(&sealed(newer)), Err(HeaderError::Format { found: 2 }));
    }

    #[test]
    fn other_signatures_and_sizes_are_other_sets() {
        let cut = Cut::of_shares(10_000, 4096).unwrap();
        let base = set_of(&[7; 32], None, Spelling::TarGz, cut);
        assert_ne!(base, set_of(&[7; 32], Some(b"signed"), Spelling::TarGz, cut));
        assert_ne!(base, set_of(&[7; 32], None, Spelling::Tar, cut));
        assert_ne!(base, set_of(&[7; 32], None, Spelling::TarGz, Cut::of_shares(10_000, 512).unwrap()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600), seal in any::<bool>()) {
            let mut start = MAGIC.to_vec();
            start.extend(&1u32.to_le_bytes());
            start.extend(bytes);
            if seal && let Some(block) = start.first_chunk::<LENGTH>() {
                start = sealed(*block).to_vec();
            }
            if let Ok(header) = PartHeader::parse(&start) {
                prop_assert_eq!(&header.to_bytes()[..], &start[..LENGTH]);
            }
        }
    }
}
