//! Reads one entry's content and proves it on the way.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::depth::VerifyDepth;
use super::fault::{BadObject, Fault};
use super::frame::{CHUNK, Stream};
use super::header::{self, Header};
use super::layout::Member;
use super::medium::{Medium, PIECE};
use super::spelling::Spelling;
use crate::digest::Digest;

/// The uncompressed content of one entry.
///
/// Header, framing, padding and digest are checked while it is read, so a file that changed after it was verified is an
/// error of kind [`io::ErrorKind::InvalidData`] here, at the latest at the content's end.
pub struct EntryReader {
    stream: Stream,
    path: String,
    header: Header,
    size: u64,
    padding: u64,
    blake3: String,
    sha256: Option<Digest>,
    blake3_taken: blake3::Hasher,
    sha256_taken: ring::digest::Context,
    stage: Stage,
    /// Bytes of the content that are not consumed yet.
    left: u64,
    /// Bytes that were shown and hashed and are not consumed yet.
    shown: usize,
}

#[derive(PartialEq)]
enum Stage {
    Header,
    Content,
    Done,
}

/// Where an entry's frames lie in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl EntryReader {
    pub(super) fn new(
        medium: Arc<dyn Medium>,
        spelling: Spelling,
        member: &Member,
        place: Place,
        depth: VerifyDepth,
    ) -> Result<Self, Fault> {
        let stored = member.is_stored(spelling);
        Ok(Self {
            stream: Stream::new(medium, spelling, stored, member.length(), place.start, place.end)?,
            path: member.path.clone(),
            header: member.header()?,
            size: member.size,
            padding: member.padding(),
            blake3: member.blake3.0.clone(),
            sha256: (depth == VerifyDepth::Sha256).then_some(member.sha256),
            blake3_taken: blake3::Hasher::new(),
            sha256_taken: ring::digest::Context::new(&ring::digest::SHA256),
            stage: Stage::Header,
            left: member.size,
            shown: 0,
        })
    }

    /// Bytes of memory that a reader of this entry holds, about: a piece of the file, and of a packed entry a chunk and the
    /// frame that holds it.
    pub(super) fn memory(member: &Member, spelling: Spelling) -> u64 {
        let window = PIECE.min(member.length());
        if member.is_stored(spelling) { window } else { window + 2 * (CHUNK as u64).min(member.length()) }
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The content's bytes from this one on, without reading most of those before it.
    pub(super) fn part(mut self, from: u64) -> Result<PartReader, Fault> {
        self.check_header()?;
        let from = from.min(self.size);
        self.stream.skip(from)?;
        Ok(PartReader { stream: self.stream, path: self.path, left: self.size - from })
    }

    /// The next bytes of the content, none after its end; the same until they are consumed.
    pub(super) fn show(&mut self) -> Result<&[u8], Fault> {
        if self.stage == Stage::Header {
            self.check_header()?;
        }
        if self.left == 0 {
            if self.stage != Stage::Done {
                self.check_end()?;
            }
            return Ok(&[]);
        }
        let bytes = self.stream.fill()?;
        if bytes.is_empty() {
            return Err(Fault::Padding);
        }
        if self.shown == 0 {
            self.shown = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.blake3_taken.update(&bytes[..self.shown]);
            if self.sha256.is_some() {
                self.sha256_taken.update(&bytes[..self.shown]);
            }
        }
        Ok(&bytes[..self.shown])
    }

    pub(super) fn pass(&mut self, count: usize) {
        let count = count.min(self.shown);
        self.shown -= count;
        self.left -= count as u64;
        self.stream.consume(count);
    }

    fn check_header(&mut self) -> Result<(), Fault> {
        let mut found = [0u8; header::BLOCK as usize];
        self.stream.read_exact(&mut found)?;
        if found != self.header {
            return Err(Fault::of_header(&found, &self.path, self.size));
        }
        self.stage = Stage::Content;
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), Fault> {
        let found = self.blake3_taken.finalize().to_hex().to_string();
        if found != self.blake3 {
            return Err(Fault::Blake3 { expected: self.blake3.clone(), found });
        }
        if let Some(expected) = &self.sha256 {
            let found = hex(self.sha256_taken.clone().finish().as_ref());
            if found != expected.hex() {
                return Err(Fault::Sha256 { expected: expected.hex(), found });
            }
        }
        let mut padding = [0u8; header::BLOCK as usize];
        let padding = &mut padding[..self.padding as usize];
        self.stream.read_exact(padding)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Fault::Padding);
        }
        self.stream.finish()?;
        self.stage = Stage::Done;
        Ok(())
    }

    fn failed(&self, fault: Fault) -> io::Error {
        bad(&self.path, fault)
    }
}

/// The end of an entry's content, from some byte on.
///
/// A digest over the whole content proves nothing about a part of it: frames are checked as far as they are read, and what
/// a bundle that has changed gives is for the reader of all parts to see.
pub struct PartReader {
    stream: Stream,
    path: String,
    /// Bytes that are not read yet.
    left: u64,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let bytes = self.stream.fill().map_err(|fault| bad(&self.path, fault))?;
        let count = bytes.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(bad(&self.path, Fault::Padding));
        }
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.stream.consume(count);
        self.left -= count as u64;
        Ok(count)
    }
}

fn bad(path: &str, fault: Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BadObject { path: path.to_owned(), belongs_to: Vec::new(), fault })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl BufRead for EntryReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(fault) = self.show() {
            return Err(self.failed(fault));
        }
        self.show().map_err(io::Error::other)
    }

    fn consume(&mut self, count: usize) {
        self.pass(count);
    }
}

impl Read for EntryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.pass(count);
        Ok(count)
    }
}
