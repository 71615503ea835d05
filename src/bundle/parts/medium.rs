//! The parts of a bundle, read as if they were one file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cut;
use super::damage::Incomplete;
use super::find::PartSet;
use super::header::{PartHeader, Set};
use crate::bundle::depth::VerifyDepth;
use crate::bundle::medium::{DamagedPart, Medium, Recheck};
use crate::event::{Event, Events, silent};

/// The parts of one bundle where they lie. Each is opened when its first byte is asked for.
pub struct PartsMedium {
    set: Set,
    /// By number.
    parts: Vec<Part>,
}

/// One part in all its copies, of which one is read.
struct Part {
    copies: Vec<Copied>,
    used: AtomicUsize,
}

/// One file.
struct Copied {
    path: PathBuf,
    header: PartHeader,
    file: OnceLock<File>,
}

impl PartsMedium {
    /// The medium of a complete set.
    pub fn new(found: PartSet) -> Result<Self, Incomplete> {
        found.check()?;
        let parts = found.parts.into_values().map(|copies| {
            let copies = copies.into_iter().map(|(path, header)| Copied { path, header, file: OnceLock::new() });
            Part { copies: copies.collect(), used: AtomicUsize::new(0) }
        });
        Ok(Self { set: found.set, parts: parts.collect() })
    }

    /// What the parts have in common.
    pub fn set(&self) -> &Set {
        &self.set
    }

    /// Reads within the part with this number, from the copy in use; one that cannot be read gives way to the next.
    fn read_part(&self, index: u32, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let Some(part) = self.parts.get(index as usize - 1) else { return Ok(0) };
        loop {
            let used = part.used.load(Ordering::Relaxed);
            let Some(copy) = part.copies.get(used) else { return Ok(0) };
            let read = copy.open().and_then(|file| read_some(file, buffer, cut::LENGTH as u64 + at));
            let error = match read {
                Ok(0) => io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"),
                Ok(count) => return Ok(count),
                Err(error) => error,
            };
            if used + 1 >= part.copies.len() {
                let (count, path) = (self.set.cut.count(), copy.path.display());
                return Err(io::Error::new(error.kind(), format!("part {index} of {count} ({path}): {error}")));
            }
            // Another reader may have moved on already.
            let _ = part.used.compare_exchange(used, used + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Looks for a copy of this part that has the checksum in its header.
    fn recheck_part(&self, index: u32, part: &Part, recheck: &mut Recheck) {
        let used = part.used.load(Ordering::Relaxed);
        let order = (used..part.copies.len()).chain(0..used);
        let mut bad = Vec::new();
        for at in order {
            let Some(copy) = part.copies.get(at) else { continue };
            match is_whole(&copy.path, &copy.header, VerifyDepth::Blake3, &silent()) {
                Ok(true) => {
                    part.used.store(at, Ordering::Relaxed);
                    recheck.replaced |= at != used;
                    return;
                }
                Ok(false) => bad.push(self.damaged(index, &copy.path, String::new())),
                Err(error) => bad.push(self.damaged(index, &copy.path, error.to_string())),
            }
        }
        recheck.damaged.extend(bad);
    }

    fn damaged(&self, index: u32, path: &Path, how: String) -> DamagedPart {
        DamagedPart { index, count: self.set.cut.count(), path: path.to_owned(), how }
    }
}

impl Copied {
    fn open(&self) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = File::open(&self.path)?;
        Ok(self.file.get_or_init(|| file))
    }
}

/// Whether a part has the checksum in its header; with [`VerifyDepth::Sha256`] both of them.
pub fn is_whole(path: &Path, header: &PartHeader, depth: VerifyDepth, events: &Events) -> io::Result<bool> {
    let file = File::open(path)?;
    let (mut blake3, mut sha256) = (blake3::Hasher::new(), ring::digest::Context::new(&ring::digest::SHA256));
    each_piece(&file, header.length(), |piece| {
        blake3.update(piece);
        if depth == VerifyDepth::Sha256 {
            sha256.update(piece);
        }
        events.emit(Event::BytesMoved { bytes: piece.len() as u64 });
        Ok(())
    })?;
    let sha256_fits = depth != VerifyDepth::Sha256 || sha256.finish().as_ref() == header.sha256;
    Ok(sha256_fits && *blake3.finalize().as_bytes() == header.blake3)
}

/// Reads a part's share from its first byte to its last, in pieces of at most 1 MiB.
pub(super) fn each_piece(file: &File, length: u64, mut piece: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0u8; length.min(1 << 20) as usize];
    let mut at = 0;
    while at < length {
        let most = (length - at).min(buffer.len() as u64) as usize;
        let count = read_some(file, &mut buffer[..most], cut::LENGTH as u64 + at)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        piece(&buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}

fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl Medium for PartsMedium {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let cut = self.set.cut;
        if offset >= cut.total || buffer.is_empty() {
            return Ok(0);
        }
        let index = cut.index_at(offset);
        let at = offset - cut.offset(index);
        let most = usize::try_from(cut.length(index) - at).unwrap_or(usize::MAX).min(buffer.len());
        self.read_part(index, &mut buffer[..most], at)
    }

    fn size(&self) -> u64 {
        self.set.cut.total
    }

    fn recheck(&self, suspected: &[Range<u64>]) -> Recheck {
        let mut recheck = Recheck::default();
        for (index, part) in (1..).zip(&self.parts) {
            let start = self.set.cut.offset(index);
            let end = start + self.set.cut.length(index);
            if suspected.iter().any(|range| range.start < end && start < range.end) {
                self.recheck_part(index, part, &mut recheck);
            }
        }
        recheck
    }
}
