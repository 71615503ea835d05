//! Packed runs: chunks of the run, each compressed into a frame of its own, so that all cores can work at one entry
//! in bounded memory.

use std::io::{self, Error};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use libdeflater::{CompressionLvl, Compressor};

use super::{PACKED, gzip_head, note, zstd_note};
use crate::bundle::spelling::Spelling;

/// Bytes of run in one frame; the last frame of a run has the rest.
pub(in crate::bundle) const CHUNK: usize = 1 << 20;

/// Binaries at several times the speed of gzip's own default, 5 % larger.
const GZIP_LEVEL: i32 = 1;

/// Zstandard's own default.
const ZSTD_LEVEL: i32 = 3;

/// What compression may add to a chunk that does not compress.
const GROWTH: u64 = 64 << 10;

/// Bytes of memory that hold any frame of one chunk, stored or packed, with what stands before it.
pub(in crate::bundle) const ROOM: usize = CHUNK + 2 * GROWTH as usize;

/// Compresses chunks; one for each thread.
///
/// libdeflate gives the same bytes on every processor, as the same lock must give the same bundle everywhere; it wants a
/// chunk as a whole, which is all that a frame needs.
pub(in crate::bundle) enum Packer {
    Gzip(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Packer {
    pub(in crate::bundle) fn new(spelling: Spelling) -> io::Result<Self> {
        Ok(match spelling {
            Spelling::Tar | Spelling::TarGz => {
                let level = CompressionLvl::new(GZIP_LEVEL).map_err(|_| Error::other("there is no such level"))?;
                Self::Gzip(Compressor::new(level))
            }
            Spelling::TarZst => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    /// The frame of one chunk, at most [`CHUNK`] bytes.
    pub(in crate::bundle) fn pack(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        let mut frame = Vec::with_capacity(ROOM);
        self.pack_into(chunk, &mut frame)?;
        Ok(frame)
    }

    /// The same in the place of what a buffer held; [`ROOM`] is enough for it.
    pub(in crate::bundle) fn pack_into(&mut self, chunk: &[u8], frame: &mut Vec<u8>) -> io::Result<()> {
        let spelling = match self {
            Self::Gzip(_) => Spelling::TarGz,
            Self::Zstd(_) => Spelling::TarZst,
        };
        let from = head_length(spelling) as usize;
        frame.resize(from + chunk.len() + GROWTH as usize, 0);
        let body = &mut frame[from..];
        let length = match self {
            Self::Gzip(compressor) => compressor
                .deflate_compress(chunk, body)
                .map_err(|_| Error::other("a chunk did not fit its compressed frame"))?,
            Self::Zstd(compressor) => compressor.compress_to_buffer(chunk, body)?,
        };
        frame.truncate(from + length);
        if spelling == Spelling::TarGz {
            let mut crc = Crc::new();
            crc.update(chunk);
            frame.extend(crc.sum().to_le_bytes());
            frame.extend((chunk.len() as u32).to_le_bytes());
        }
        let head = head(spelling, &frame[from..]);
        frame[..from].copy_from_slice(&head);
        Ok(())
    }
}

/// Length of what stands before a packed frame's compressed bytes.
pub(in crate::bundle) fn head_length(spelling: Spelling) -> u64 {
    match spelling {
        Spelling::Tar => 0,
        Spelling::TarGz => 10 + 2 + 4 + 41,
        Spelling::TarZst => 8 + 2 + 41,
    }
}

/// What stands before these compressed bytes.
pub(super) fn head(spelling: Spelling, body: &[u8]) -> Vec<u8> {
    let length = head_length(spelling) + body.len() as u64;
    let note = note(PACKED, length, blake3::hash(body).as_bytes());
    match spelling {
        Spelling::Tar => Vec::new(),
        Spelling::TarGz => gzip_head(&note),
        Spelling::TarZst => zstd_note(&note),
    }
}

/// The length of the packed frame that begins with these bytes, if such a frame does and its length can be true.
pub(in crate::bundle) fn frame_length(spelling: Spelling, head: &[u8]) -> Option<u64> {
    let at = head_length(spelling) as usize - 40;
    let bytes: [u8; 8] = head.get(at..at + 8)?.try_into().ok()?;
    let length = u64::from_le_bytes(bytes);
    let least = head_length(spelling);
    (length > least && length <= least + CHUNK as u64 + GROWTH).then_some(length)
}

/// Whether a whole packed frame has the length and the digest that its note says.
pub(in crate::bundle) fn is_true(spelling: Spelling, frame: &[u8]) -> bool {
    let Some((found, body)) = frame.split_at_checked(head_length(spelling) as usize) else { return false };
    head(spelling, body) == found
}

/// Decompresses the frames of one run.
pub(in crate::bundle) enum Unpacker {
    Gzip(Box<Decompress>),
    Zstd(zstd::bulk::Decompressor<'static>),
}

impl Unpacker {
    pub(in crate::bundle) fn new(spelling: Spelling) -> io::Result<Self> {
        Ok(match spelling {
            Spelling::Tar | Spelling::TarGz => Self::Gzip(Box::new(Decompress::new(false))),
            Spelling::TarZst => Self::Zstd(zstd::bulk::Decompressor::new()?),
        })
    }

    /// Fills `out` exactly with what `body` decompresses to; false if it does not decompress to that many bytes.
    pub(in crate::bundle) fn unpack(&mut self, body: &[u8], out: &mut [u8]) -> bool {
        match self {
            Self::Gzip(decompress) => {
                let Some((deflated, trailer)) = body.split_last_chunk::<8>() else { return false };
                decompress.reset(false);
                let ended =
                    matches!(decompress.decompress(deflated, out, FlushDecompress::Finish), Ok(Status::StreamEnd));
                let complete = decompress.total_in() == deflated.len() as u64;
                if !ended || !complete || decompress.total_out() != out.len() as u64 {
                    return false;
                }
                let mut crc = Crc::new();
                crc.update(out);
                trailer[..4] == crc.sum().to_le_bytes() && trailer[4..] == (out.len() as u32).to_le_bytes()
            }
            Self::Zstd(decompressor) => {
                matches!(decompressor.decompress_to_buffer(body, out), Ok(count) if count == out.len())
            }
        }
    }
}
