//! Contents by their digests, wherever they are held: what a delta bundle leaves out and a site has.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::inventory::{Blob, Entry, Inventory};
use super::layout::{Kind, Member};
use crate::digest::{Blake3, Digest};
use crate::event::{Event, Events};

/// What the bytes of one thing must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub sha256: Digest,
    pub blake3: Blake3,
    /// Bytes.
    pub size: u64,
}

impl From<&Entry> for Content {
    fn from(entry: &Entry) -> Self {
        Self { sha256: entry.sha256, blake3: entry.blake3.clone(), size: entry.size }
    }
}

impl From<&Blob> for Content {
    fn from(blob: &Blob) -> Self {
        Self { sha256: blob.digest, blake3: blob.blake3.clone(), size: blob.size }
    }
}

impl Member {
    /// What its bytes must be; `None` for what follows from the inventory.
    pub fn content(&self) -> Option<Content> {
        let content = || Content { sha256: self.sha256, blake3: self.blake3.clone(), size: self.size };
        (!matches!(self.kind, Kind::Derived(_))).then(content)
    }
}

impl Inventory {
    /// The digest of the inventory, made whole: the name of what a site has after a delivery, by delta or not.
    pub fn whole_digest(&self) -> Option<Digest> {
        self.whole().to_json().ok().map(|json| Digest::of(&json))
    }

    /// Everything in the bundle or in its base, each digest once, in the inventory's order.
    pub fn contents(&self) -> Vec<Content> {
        self.contents_where(|_| true)
    }

    /// What stands in the bundle itself, each digest once.
    pub fn present(&self) -> Vec<Content> {
        self.contents_where(|absent| !absent)
    }

    /// What a delta bundle leaves out, each digest once. What stands in it under another path is not left out.
    pub fn absent(&self) -> Vec<Content> {
        let present: HashSet<Digest> = self.present().into_iter().map(|content| content.sha256).collect();
        let mut absent = self.contents_where(|absent| absent);
        absent.retain(|content| !present.contains(&content.sha256));
        absent
    }

    /// What the entry at this path must be, whether it is here or in the base.
    pub fn content(&self, path: &str) -> Option<Content> {
        let entry = self.entries().find(|entry| entry.path == path).map(Content::from);
        entry.or_else(|| {
            let digest = Digest::from_hex(path.strip_prefix("blobs/sha256/")?).ok()?;
            self.blobs.iter().find(|blob| blob.digest == digest).map(Content::from)
        })
    }

    fn contents_where(&self, wanted: impl Fn(bool) -> bool) -> Vec<Content> {
        let blobs = self.blobs.iter().filter(|blob| wanted(blob.absent)).map(Content::from);
        let entries = self.entries().filter(|entry| wanted(entry.absent)).map(Content::from);
        let mut seen = HashSet::new();
        blobs.chain(entries).filter(|content| seen.insert(content.sha256)).collect()
    }
}

/// A place that holds contents by their digests: a site's store, or another bundle.
pub trait Holder: Send + Sync {
    /// The content's bytes from this one on; `None` where they are not held. They are not checked here.
    fn open(&self, content: &Content, from: u64) -> io::Result<Option<Box<dyn Read + Send>>>;

    /// Whether it holds the content, every byte of it.
    fn holds(&self, content: &Content) -> bool {
        match self.open(content, 0) {
            Ok(Some(reader)) => Checked::new(reader, content.clone()).prove().is_ok(),
            _ => false,
        }
    }

    /// What the place is called in messages.
    fn name(&self) -> String;
}

/// Which of these contents nobody holds. Asks on several threads, since holders may have to read.
pub(super) fn not_held(wanted: Vec<Content>, holders: &[Arc<dyn Holder>], events: &Events) -> Vec<Content> {
    events.emit(Event::BytesTotal { total: wanted.iter().fold(0, |sum, content| sum.saturating_add(content.size)) });
    let next = AtomicUsize::new(0);
    let lacking = Mutex::new(Vec::new());
    let work = || {
        while let Some(content) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let held = holders.iter().any(|holder| holder.holds(content));
            if !held && let Ok(mut lacking) = lacking.lock() {
                lacking.push(content.clone());
            }
            events.emit(Event::BytesMoved { bytes: content.size });
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 1..cores.min(wanted.len()).min(16) {
            scope.spawn(work);
        }
        work();
    });
    let mut lacking = lacking.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    lacking.sort_by_key(|content| content.sha256);
    lacking
}

/// A content that is checked while it is read: a wrong byte is an error of kind [`io::ErrorKind::InvalidData`], at the
/// latest at its end.
pub struct Checked<R> {
    reader: R,
    hasher: blake3::Hasher,
    expected: Content,
    /// Bytes that are still to come.
    left: u64,
    done: bool,
}

impl<R: Read> Checked<R> {
    pub fn new(reader: R, expected: Content) -> Self {
        let left = expected.size;
        Self { reader, hasher: blake3::Hasher::new(), expected, left, done: false }
    }

    /// Reads to the end.
    pub fn prove(mut self) -> io::Result<()> {
        let mut buffer = vec![0u8; self.left.clamp(1, 1 << 20) as usize];
        while self.read(&mut buffer)? > 0 {}
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let wrong = |what: String| {
            let message = format!("{} is not what it was: {what}", self.expected.sha256);
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        };
        if self.left > 0 {
            return wrong(format!("it ends {} bytes early", self.left));
        }
        if self.reader.read(&mut [0u8; 1])? != 0 {
            return wrong(format!("it has more than {} bytes", self.expected.size));
        }
        let found = self.hasher.finalize().to_hex();
        if found.as_str() != self.expected.blake3.0 {
            return wrong(format!(
                "its content has blake3 {found} where the inventory says {}",
                self.expected.blake3.0
            ));
        }
        self.done = true;
        Ok(())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = if most == 0 { 0 } else { self.reader.read(&mut buffer[..most])? };
        if count == 0 {
            return self.finish().map(|()| 0);
        }
        self.hasher.update(&buffer[..count]);
        self.left -= count as u64;
        if self.left == 0 {
            // Checked with the last byte, for readers who know the size and ask no more.
            self.finish()?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Hasher;

    fn content(bytes: &[u8]) -> Content {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        let measured = hasher.finish();
        Content { sha256: measured.sha256, blake3: measured.blake3, size: measured.size }
    }

    #[test]
    fn what_is_read_is_what_was_promised_or_an_error() {
        let read = |bytes: &[u8]| Checked::new(bytes, content(b"layer")).prove().map_err(|error| error.to_string());
        assert_eq!(read(b"layer"), Ok(()));
        assert!(Checked::new(&b""[..], content(b"")).prove().is_ok());
        for bytes in [&b"later"[..], b"lay", b"layers", b""] {
            assert!(read(bytes).unwrap_err().contains("is not what it was"), "{bytes:?}");
        }
    }
}
