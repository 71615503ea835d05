//! Makes one part of a bundle.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use super::cut::LENGTH;
use super::header::{PartHeader, Set};
use crate::bundle::medium::Medium;
use crate::digest::{Hasher, Measured};
use crate::event::{Event, Events};

/// Bytes that are read at once; a few such pieces are under way.
const PIECE: usize = 1 << 20;

/// Why a part was not written. The file that was begun is removed.
#[derive(Debug, thiserror::Error)]
pub enum PartWriteError {
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the bundle cannot be read at byte {offset}: {source}")]
    Read { offset: u64, source: io::Error },
}

/// Writes the part with this number to `path`, by way of `<path>.new`, and flushes it to the medium. Its share is read
/// once: the header, whose digests are known at the end, is written last.
pub fn write(medium: &dyn Medium, set: &Set, index: u32, path: &Path, events: &Events) -> Result<(), PartWriteError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let result = write_new(medium, set, index, &new, events).and_then(|()| {
        fs::rename(&new, path).map_err(|source| PartWriteError::Write { path: path.to_owned(), source })
    });
    if result.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&new);
    }
    result
}

fn write_new(medium: &dyn Medium, set: &Set, index: u32, new: &Path, events: &Events) -> Result<(), PartWriteError> {
    let failed = |source| PartWriteError::Write { path: new.to_owned(), source };
    let file = File::create(new).map_err(failed)?;
    let measured = copy_share(medium, set, index, new, &file, events)?;
    let blake3 = blake3::Hash::from_hex(&measured.blake3.0).map_err(|error| failed(io::Error::other(error)))?;
    let header = PartHeader { index, sha256: measured.sha256.bytes(), blake3: *blake3.as_bytes(), set: set.clone() };
    file.write_all_at(&header.to_bytes(), 0).and_then(|()| file.sync_all()).map_err(failed)
}

/// Copies the share to its place behind the header; hashing runs beside reading and writing.
fn copy_share(
    medium: &dyn Medium,
    set: &Set,
    index: u32,
    path: &Path,
    file: &File,
    events: &Events,
) -> Result<Measured, PartWriteError> {
    let (start, length) = (set.cut.offset(index), set.cut.length(index));
    std::thread::scope(|scope| {
        let (to_hasher, pieces) = sync_channel::<Arc<Vec<u8>>>(4);
        let hashing = scope.spawn(move || {
            let mut hasher = Hasher::new();
            pieces.iter().for_each(|piece| hasher.update(&piece));
            hasher.finish()
        });
        let mut at = 0;
        while at < length {
            let most = (length - at).min(PIECE as u64) as usize;
            let mut piece = vec![0u8; most];
            let read = medium.read_at(&mut piece, start + at);
            let count = read.map_err(|source| PartWriteError::Read { offset: start + at, source })?;
            if count == 0 {
                let source = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(PartWriteError::Read { offset: start + at, source });
            }
            piece.truncate(count);
            let piece = Arc::new(piece);
            let failed = |source| PartWriteError::Write { path: path.to_owned(), source };
            to_hasher.send(piece.clone()).map_err(|_| failed(io::Error::other("the hashing thread ended")))?;
            file.write_all_at(&piece, LENGTH as u64 + at).map_err(failed)?;
            at += count as u64;
            events.emit(Event::BytesMoved { bytes: count as u64 });
        }
        drop(to_hasher);
        hashing.join().map_err(|_| PartWriteError::Write {
            path: path.to_owned(),
            source: io::Error::other("the hashing thread failed"),
        })
    })
}
