//! What a bundle is read from, at any offset and by several readers at once.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::Fault;

/// Bytes that can be read at any offset, from any thread.
pub trait Medium: Send + Sync {
    /// Reads at `offset` into `buffer`; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// All bytes of the medium, as counted when it was opened.
    fn size(&self) -> u64;

    /// Asks the medium itself, where it has checksums of its own, which of its parts in these ranges are damaged. Where it
    /// has a good copy of such a part, this is what is read from now on.
    fn recheck(&self, _suspected: &[Range<u64>]) -> Recheck {
        Recheck::default()
    }
}

/// What a medium says of itself.
#[derive(Debug, Default)]
pub struct Recheck {
    /// A good copy took the place of a damaged one: reading again is worth it.
    pub replaced: bool,
    /// Parts without a good copy.
    pub damaged: Vec<DamagedPart>,
}

/// A part that is there and not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPart {
    pub index: u32,
    pub count: u32,
    pub path: PathBuf,
    /// How it shows: `has 4 of 9 bytes`; empty where its checksum alone says so.
    pub how: String,
}

impl fmt::Display for DamagedPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "part {} of {} ({}) is damaged", self.index, self.count, self.path.display())?;
        if !self.how.is_empty() {
            write!(formatter, ": {}", self.how)?;
        }
        formatter.write_str("; copy it again")
    }
}

/// A bundle in one file.
pub(super) struct FileMedium {
    file: File,
    size: u64,
}

impl FileMedium {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Self { file, size: metadata.len() })
    }
}

impl Medium for FileMedium {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// How many bytes are read at once: large enough for a disk, small enough to be hashed out of a processor's cache.
pub(super) const PIECE: u64 = 256 << 10;

/// A run of a medium, read forwards through one buffer.
pub(super) struct Window {
    medium: Arc<dyn Medium>,
    /// Offset of the first byte that is not in the buffer yet.
    next: u64,
    /// Offset after the run's last byte.
    end: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are consumed.
    from: usize,
    /// Bytes of the buffer that are filled.
    to: usize,
}

impl Window {
    /// The run from `start` up to `end`, which may lie behind the medium's end: then the bytes are found missing when
    /// they are asked for.
    pub(super) fn new(medium: Arc<dyn Medium>, start: u64, end: u64) -> Self {
        Self { medium, next: start, end, buffer: Vec::new(), from: 0, to: 0 }
    }

    /// Offset in the medium of the next byte to be consumed.
    pub(super) fn offset(&self) -> u64 {
        self.next - (self.to - self.from) as u64
    }

    /// Offset after the run's last byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// At least one and at most `most` bytes, without consuming them.
    pub(super) fn some(&mut self, most: usize) -> Result<&[u8], Fault> {
        if self.from == self.to {
            self.refill(1)?;
        }
        let to = self.to.min(self.from.saturating_add(most));
        Ok(&self.buffer[self.from..to])
    }

    /// Exactly `count` bytes, consumed. `count` must be bounded by the caller.
    pub(super) fn take(&mut self, count: usize) -> Result<&[u8], Fault> {
        if self.to - self.from < count {
            self.refill(count)?;
        }
        let from = self.from;
        self.from += count;
        Ok(&self.buffer[from..from + count])
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.to);
    }

    /// Consumes bytes of which those that are not in the buffer yet are not read.
    pub(super) fn skip(&mut self, count: u64) {
        let buffered = count.min((self.to - self.from) as u64);
        self.from += buffered as usize;
        self.next = self.next.saturating_add(count - buffered).min(self.end);
    }

    /// Consumes as many bytes as `expected` has and reports where they differ.
    pub(super) fn expect(&mut self, expected: &[u8], what: &'static str) -> Result<(), Fault> {
        let offset = self.offset();
        if self.take(expected.len())? == expected { Ok(()) } else { Err(Fault::Frame { offset, what }) }
    }

    /// Fills the buffer until it holds at least `count` unconsumed bytes.
    fn refill(&mut self, count: usize) -> Result<(), Fault> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        let left = self.end.saturating_sub(self.next);
        let room = usize::try_from(left.min(PIECE)).unwrap_or(usize::MAX).saturating_add(self.to).max(count);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        while self.to < count {
            let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
            let limit = self.buffer.len().min(self.to.saturating_add(left));
            if limit <= self.to {
                return Err(Fault::Truncated { offset: self.next });
            }
            match self.medium.read_at(&mut self.buffer[self.to..limit], self.next) {
                Ok(0) => return Err(Fault::Truncated { offset: self.next }),
                Ok(count) => {
                    self.to += count;
                    self.next += count as u64;
                }
                Err(source) => return Err(Fault::Unreadable { offset: self.next, source }),
            }
        }
        Ok(())
    }
}
