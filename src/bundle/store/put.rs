//! Putting contents into a store: whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Store, StoreError};
use crate::bundle::content::{Content, Holder};
use crate::digest::Hasher;

/// What became of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was there already, every byte of it.
    Found,
    Written,
}

impl Store {
    /// Puts a content in its place, checked against both of its digests while it is written: the store's names are SHA-256
    /// digests, and a bundle that lies about them would spoil what a later one relies upon. What is there is read and left;
    /// of one that was half written when `kk` was killed, what is right already is not written again.
    ///
    /// Nothing is flushed to the disk; see [`Store::flush`]. One caller at a time may put the same content.
    pub fn put(&self, content: &Content, entry: &str, reader: &mut dyn Read) -> Result<Put, StoreError> {
        if self.holds(content) {
            return Ok(Put::Found);
        }
        let place = self.blob(&content.sha256);
        let new = beside(&place);
        self.put_new(content, entry, reader, &new)?;
        fs::rename(&new, &place).map_err(StoreError::io(&place))?;
        Ok(Put::Written)
    }

    fn put_new(&self, content: &Content, entry: &str, reader: &mut dyn Read, new: &Path) -> Result<(), StoreError> {
        let unread = |source| StoreError::Content { entry: entry.to_owned(), source };
        let wrong = |what: String| unread(io::Error::new(io::ErrorKind::InvalidData, what));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(new);
        let mut file = Half::new(file.map_err(StoreError::io(new))?).map_err(StoreError::io(new))?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0u8; content.size.clamp(1, 1 << 20) as usize];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unread(error)),
            };
            hasher.update(&buffer[..count]);
            if hasher.size() > content.size {
                return Err(wrong("it is longer than that".into()));
            }
            file.write(&buffer[..count]).map_err(StoreError::io(new))?;
        }
        let measured = hasher.finish();
        if (measured.size, measured.sha256, &measured.blake3) != (content.size, content.sha256, &content.blake3) {
            return Err(wrong(format!("it has {} and {} bytes", measured.sha256, measured.size)));
        }
        file.end().map_err(StoreError::io(new))
    }

    /// Flushes all that was put to the disk, files before the folders that name them.
    pub fn flush(&self, contents: &[Content]) -> Result<(), StoreError> {
        for content in contents {
            let path = self.blob(&content.sha256);
            File::open(&path).and_then(|file| file.sync_all()).map_err(StoreError::io(&path))?;
        }
        for folder in [self.blobs(), self.bundles(), self.root().to_owned()] {
            File::open(&folder).and_then(|file| file.sync_all()).map_err(StoreError::io(&folder))?;
        }
        Ok(())
    }
}

/// A file that may be half written already.
struct Half {
    file: File,
    /// Bytes that were there.
    there: u64,
    at: u64,
}

impl Half {
    fn new(file: File) -> io::Result<Self> {
        let there = file.metadata()?.len();
        Ok(Self { file, there, at: 0 })
    }

    /// Makes the next bytes these, and writes them only where they are others.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.at + bytes.len() as u64;
        if end > self.there || !self.is_there(bytes)? {
            self.file.write_all_at(bytes, self.at)?;
        }
        self.at = end;
        Ok(())
    }

    fn is_there(&self, bytes: &[u8]) -> io::Result<bool> {
        let mut found = vec![0u8; bytes.len()];
        self.file.read_exact_at(&mut found, self.at)?;
        Ok(found == bytes)
    }

    /// What lay behind the last byte is cut off.
    fn end(self) -> io::Result<()> {
        if self.there > self.at { self.file.set_len(self.at) } else { Ok(()) }
    }
}

/// The name under which a file is written before it is whole.
fn beside(place: &Path) -> PathBuf {
    let mut new = place.as_os_str().to_owned();
    new.push(".new");
    PathBuf::from(new)
}

/// Replaces a small file, whole or not at all, through to the disk.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
