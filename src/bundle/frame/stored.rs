//! Stored runs: every framing byte follows from the run's length, so offsets are known without reading and a changed
//! framing byte is seen by comparison.

use flate2::Crc;

use super::{STORED, gzip_head, note, zstd_note};
use crate::bundle::spelling::Spelling;

/// The most that one stored deflate block holds (RFC 1951 section 3.2.4).
const DEFLATE_BLOCK: u64 = 65535;

/// The most that one zstd block holds, and the window that we declare (RFC 8878 section 3.1.1.2.4).
const ZSTD_BLOCK: u64 = 128 << 10;

/// Magic number; descriptor: content size in eight bytes, no checksum; window of 128 KiB.
const ZSTD_FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x38];

/// Bytes of run in one block.
pub(super) fn block(spelling: Spelling) -> u64 {
    match spelling {
        Spelling::Tar => u64::MAX,
        Spelling::TarGz => DEFLATE_BLOCK,
        Spelling::TarZst => ZSTD_BLOCK,
    }
}

/// What stands before each block of `length` bytes; `last` is set for a frame's last block.
pub(super) fn block_head(spelling: Spelling, length: u64, last: bool) -> Vec<u8> {
    match spelling {
        Spelling::Tar => Vec::new(),
        Spelling::TarGz => {
            let length = length as u16;
            let mut out = vec![u8::from(last)];
            out.extend(length.to_le_bytes());
            out.extend((!length).to_le_bytes());
            out
        }
        Spelling::TarZst => ((length as u32) << 3 | u32::from(last)).to_le_bytes()[..3].to_vec(),
    }
}

/// What stands before the first block of a frame that holds a run of `length` bytes.
pub(super) fn head(spelling: Spelling, length: u64) -> Vec<u8> {
    let note = || note(STORED, stored_length(spelling, length), &[]);
    match spelling {
        Spelling::Tar => Vec::new(),
        Spelling::TarGz => gzip_head(&note()),
        Spelling::TarZst => {
            let mut out = zstd_note(&note());
            out.extend(ZSTD_FRAME);
            out.extend(length.to_le_bytes());
            out
        }
    }
}

/// What stands after the last block.
pub(super) fn tail(spelling: Spelling, crc: &Crc, length: u64) -> Vec<u8> {
    match spelling {
        Spelling::Tar | Spelling::TarZst => Vec::new(),
        Spelling::TarGz => {
            let mut out = crc.sum().to_le_bytes().to_vec();
            out.extend((length as u32).to_le_bytes());
            out
        }
    }
}

/// Bytes in the file of a stored run of `length` bytes.
pub(in crate::bundle) fn stored_length(spelling: Spelling, length: u64) -> u64 {
    let (head, block_head, tail) = match spelling {
        Spelling::Tar => return length,
        Spelling::TarGz => (10 + 2 + 4 + 9, 5, 8),
        Spelling::TarZst => (8 + 2 + 9 + 14, 3, 0),
    };
    head + length.div_ceil(block(spelling)) * block_head + length + tail
}

/// Where in a stored frame the first byte of the run lies.
pub(in crate::bundle) fn tar_at(spelling: Spelling) -> u64 {
    (head(spelling, 1).len() + block_head(spelling, 1, true).len()) as u64
}

/// Where in a stored frame the byte of the run at this offset lies.
pub(in crate::bundle) fn stored_place(spelling: Spelling, run: u64) -> u64 {
    let (head, block_head) = match spelling {
        Spelling::Tar => return run,
        Spelling::TarGz => (10 + 2 + 4 + 9, 5),
        Spelling::TarZst => (8 + 2 + 9 + 14, 3),
    };
    head + (run / block(spelling) + 1) * block_head + run
}

/// How many bytes of the run lie together from this offset on, up to the next block.
pub(in crate::bundle) fn stored_rest(spelling: Spelling, run: u64) -> u64 {
    block(spelling) - run % block(spelling)
}

/// Writes a run as a stored frame, piece by piece.
pub(in crate::bundle) struct StoredWriter {
    spelling: Spelling,
    length: u64,
    remaining: u64,
    in_block: u64,
    crc: Crc,
}

impl StoredWriter {
    /// A frame for a run of `length` bytes, at least one.
    pub(in crate::bundle) fn new(spelling: Spelling, length: u64) -> Self {
        Self { spelling, length, remaining: length, in_block: 0, crc: Crc::new() }
    }

    /// Adds the file's bytes for the run's next bytes.
    pub(in crate::bundle) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        // More than the run has is the caller's error; it is dropped here and found by the caller's count.
        let mut rest = &bytes[..bytes.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX))];
        if self.remaining == self.length {
            out.extend(head(self.spelling, self.length));
        }
        if self.spelling == Spelling::TarGz {
            self.crc.update(rest);
        }
        while !rest.is_empty() {
            if self.in_block == 0 {
                self.in_block = self.remaining.min(block(self.spelling));
                out.extend(block_head(self.spelling, self.in_block, self.in_block == self.remaining));
            }
            let count = rest.len().min(usize::try_from(self.in_block).unwrap_or(usize::MAX));
            out.extend_from_slice(&rest[..count]);
            rest = &rest[count..];
            self.in_block -= count as u64;
            self.remaining -= count as u64;
        }
        if self.remaining == 0 {
            out.extend(tail(self.spelling, &self.crc, self.length));
        }
    }
}
