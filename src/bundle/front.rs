//! Reads the first entries of a bundle, of which nothing is known yet: the inventory, its checksum, its signature.

use std::io::{self, Read};
use std::sync::Arc;

use super::fault::Fault;
use super::frame::{self, Stream};
use super::header::{self, BLOCK, Header};
use super::layout::{self, CHECKSUMS, INVENTORY, SIGNATURE};
use super::medium::{Medium, Window};
use super::spelling::Spelling;

/// No inventory is larger than this many bytes.
pub const MAX_INVENTORY: u64 = 64 << 20;

/// The bytes of an inventory that lies in a file of its own.
///
/// # Errors
/// It cannot be read, or is larger than any inventory.
pub fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_INVENTORY + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INVENTORY {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// No signature is larger than this many bytes.
pub const MAX_SIGNATURE: u64 = 64 << 10;

/// What follows the inventory, and where the other entries begin.
pub(super) struct Rest {
    pub(super) signature: Option<Vec<u8>>,
    /// Which of inventory and signature does not have the checksum that `bundle.sha256` says, if one has not.
    pub(super) damaged: Option<&'static str>,
    /// Offset after the last of them.
    pub(super) end: u64,
}

/// Why the first entries cannot be read.
pub(super) enum FrontError {
    /// It does not even begin like a bundle.
    NotABundle {
        found: String,
    },
    /// An entry is larger than any such entry.
    TooLarge {
        path: &'static str,
        size: u64,
        most: u64,
    },
    Damaged {
        path: &'static str,
        fault: Fault,
    },
}

/// Where reading has come to.
struct Cursor {
    medium: Arc<dyn Medium>,
    spelling: Spelling,
    at: u64,
}

/// The bytes of the inventory alone, and the offset after them.
pub(super) fn inventory(medium: &Arc<dyn Medium>, spelling: Spelling) -> Result<(Vec<u8>, u64), FrontError> {
    let start = frame::start(spelling);
    let mut cursor = Cursor { medium: medium.clone(), spelling, at: start.len() as u64 };
    let mut window = Window::new(medium.clone(), 0, start.len() as u64);
    let begins = window.expect(start, "start of the file").is_ok();
    match cursor.header() {
        Ok(header) if begins && header::found_path(&header) == INVENTORY => {}
        Ok(header) => return Err(FrontError::NotABundle { found: header::describe(&header) }),
        Err(_) => return Err(FrontError::NotABundle { found: "nothing".into() }),
    }
    let bytes = cursor.read(INVENTORY, MAX_INVENTORY)?;
    Ok((bytes, cursor.at))
}

/// The checksum and the signature that follow the inventory at offset `at`.
pub(super) fn rest(
    medium: &Arc<dyn Medium>,
    spelling: Spelling,
    inventory: &[u8],
    at: u64,
) -> Result<Rest, FrontError> {
    let mut cursor = Cursor { medium: medium.clone(), spelling, at };
    let unsigned = layout::checksums(inventory, None);
    let checksums = cursor.read(CHECKSUMS, 4 * unsigned.len() as u64)?;
    let signature = if checksums.len() > unsigned.len() { Some(cursor.read(SIGNATURE, MAX_SIGNATURE)?) } else { None };
    let damaged = if !checksums.starts_with(&unsigned) {
        Some(INVENTORY)
    } else if checksums != layout::checksums(inventory, signature.as_deref()) {
        Some(SIGNATURE)
    } else {
        None
    };
    Ok(Rest { signature, damaged, end: cursor.at })
}

impl Cursor {
    /// The tar header of the stored entry here, unchecked.
    fn header(&self) -> Result<Header, Fault> {
        let start = self.at + frame::tar_at(self.spelling);
        let mut window = Window::new(self.medium.clone(), start, start + BLOCK);
        let mut header = [0u8; BLOCK as usize];
        header.copy_from_slice(window.take(BLOCK as usize)?);
        Ok(header)
    }

    /// The content of the stored entry here, which must be at this path and have at most `most` bytes.
    fn read(&mut self, path: &'static str, most: u64) -> Result<Vec<u8>, FrontError> {
        let damaged = |fault| FrontError::Damaged { path, fault };
        let found = self.header().map_err(damaged)?;
        let size = header::declared_size(&found).unwrap_or(u64::MAX);
        let unexpected = || damaged(Fault::of_header(&found, path, size));
        if header::header(path, size, 0o644).map_err(|error| damaged(error.into()))? != found {
            return Err(unexpected());
        }
        if size > most {
            return Err(FrontError::TooLarge { path, size, most });
        }
        let padding = (BLOCK - size % BLOCK) % BLOCK;
        let length = BLOCK + size + padding;
        let end = self.at + frame::stored_length(self.spelling, length);
        if end > self.medium.size() {
            return Err(damaged(Fault::Truncated { offset: self.medium.size() }));
        }
        let mut run = vec![0u8; length as usize];
        Stream::new(self.medium.clone(), self.spelling, true, length, self.at, end)
            .and_then(|mut stream| stream.read_exact(&mut run).and_then(|()| stream.finish()))
            .map_err(damaged)?;
        let content_end = (BLOCK + size) as usize;
        if run[..BLOCK as usize] != found {
            return Err(unexpected());
        }
        if run[content_end..].iter().any(|byte| *byte != 0) {
            return Err(damaged(Fault::Padding));
        }
        run.truncate(content_end);
        run.drain(..BLOCK as usize);
        self.at = end;
        Ok(run)
    }
}
