//! How a run of tar bytes lies in the file: stored as it is, or packed in chunks.
//!
//! One run is an entry's header, content and padding, or the two blocks of zeros at the end.
//!
//! | | stored: one frame a run | packed: a frame for each [`CHUNK`] of the run |
//! |---|---|---|
//! | tar | the bytes themselves | never |
//! | tar.gz | one gzip member of stored deflate blocks | one gzip member each |
//! | tar.zst | one zstd frame of raw blocks, after a skippable frame | the same, compressed |
//!
//! Each frame begins with a note that stock tools ignore (a gzip FEXTRA subfield `kk`, RFC 1952 section 2.3.1.1; a
//! skippable zstd frame, RFC 8878 section 3.1.2): a byte for the mode, the frame's length as eight little-endian bytes, and
//! for a packed frame the BLAKE3 digest of its compressed bytes. By the length a reader hops from entry to entry; by
//! the digest it sees a changed bit that would decompress to the same content.

mod packed;
mod stored;
mod stream;

pub(super) use packed::{CHUNK, Packer, ROOM, Unpacker, frame_length, head_length, is_true};
pub(super) use stored::{StoredWriter, stored_length, stored_place, stored_rest, tar_at};
pub(super) use stream::Stream;

use super::spelling::Spelling;

/// Notes of stored frames say 0, those of packed frames 1.
const STORED: u8 = 0;
const PACKED: u8 = 1;

/// An empty zstd frame: a `.tar.zst` begins with it, since stock tools tell zstd by the magic number of a frame and
/// not all know that of a skippable one.
const ZSTD_START: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00];

/// What a bundle of this spelling begins with, before its first entry.
pub(super) fn start(spelling: Spelling) -> &'static [u8] {
    match spelling {
        Spelling::Tar | Spelling::TarGz => &[],
        Spelling::TarZst => &ZSTD_START,
    }
}

/// The fixed part of a gzip member with an extra field: deflate, FEXTRA, no time, unknown system.
const GZIP_START: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];

/// A gzip member's header with our note in it.
fn gzip_head(note: &[u8]) -> Vec<u8> {
    let length = note.len() as u16;
    let mut out = GZIP_START.to_vec();
    out.extend((length + 4).to_le_bytes());
    out.extend(b"kk");
    out.extend(length.to_le_bytes());
    out.extend(note);
    out
}

/// A skippable zstd frame with our note in it.
fn zstd_note(note: &[u8]) -> Vec<u8> {
    let mut out = 0x184d_2a50_u32.to_le_bytes().to_vec();
    out.extend((note.len() as u32 + 2).to_le_bytes());
    out.extend(b"kk");
    out.extend(note);
    out
}

/// A note: mode, length of the frame, digest of its compressed bytes where it is packed.
fn note(mode: u8, length: u64, digest: &[u8]) -> Vec<u8> {
    let mut out = vec![mode];
    out.extend(length.to_le_bytes());
    out.extend(digest);
    out
}
