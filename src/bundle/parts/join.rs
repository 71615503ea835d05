//! Makes one file of the parts of a bundle again.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::damage::Incomplete;
use super::find::PartSet;
use super::header::PartHeader;
use super::medium::each_piece;
use crate::bundle::medium::DamagedPart;
use crate::event::{Event, Events};

/// Why parts were not joined. The file that was begun is removed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Joins a complete set to `path`, by way of `<path>.part`, and flushes it to the medium. Each part is checked against
/// its checksum while it is copied; where one is damaged, the next copy of it is tried, and all without a good copy
/// are named at once.
pub fn join(parts: &PartSet, path: &Path, events: &Events) -> Result<(), JoinError> {
    parts.check()?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let result = join_to(parts, &part, events)
        .and_then(|()| fs::rename(&part, path).map_err(|source| JoinError::Write { path: path.to_owned(), source }));
    if result.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    result
}

fn join_to(parts: &PartSet, new: &Path, events: &Events) -> Result<(), JoinError> {
    let failed = |source| JoinError::Write { path: new.to_owned(), source };
    let file = File::create(new).map_err(failed)?;
    let mut damaged = Vec::new();
    for (index, copies) in &parts.parts {
        let mut bad = Vec::new();
        let mut whole = false;
        for (from, header) in copies {
            match copy(from, header, &file, events) {
                Ok(true) => whole = true,
                Ok(false) => bad.push((from, String::new())),
                Err(Failed::Read(error)) => bad.push((from, error.to_string())),
                Err(Failed::Write(source)) => return Err(failed(source)),
            }
            if whole {
                break;
            }
        }
        if !whole {
            let count = parts.set.cut.count();
            damaged.extend(bad.into_iter().map(|(path, how)| DamagedPart {
                index: *index,
                count,
                path: path.clone(),
                how,
            }));
        }
    }
    if !damaged.is_empty() {
        let (name, count, size) = (parts.set.name.clone(), parts.set.cut.count(), parts.set.cut.size());
        return Err(Incomplete { name, count, missing: Vec::new(), damaged, size }.into());
    }
    file.sync_all().map_err(failed)
}

/// Which side failed.
enum Failed {
    Read(io::Error),
    Write(io::Error),
}

/// Copies one part's share to its place; says whether it was whole.
fn copy(from: &Path, header: &PartHeader, to: &File, events: &Events) -> Result<bool, Failed> {
    let source = File::open(from).map_err(Failed::Read)?;
    let mut hasher = blake3::Hasher::new();
    let mut at = header.offset();
    let mut unwritten = None;
    let read = each_piece(&source, header.length(), |piece| {
        hasher.update(piece);
        if let Err(error) = to.write_all_at(piece, at) {
            unwritten = Some(error);
            return Err(io::Error::other("not written"));
        }
        at += piece.len() as u64;
        events.emit(Event::BytesMoved { bytes: piece.len() as u64 });
        Ok(())
    });
    match (unwritten, read) {
        (Some(error), _) => Err(Failed::Write(error)),
        (None, Err(error)) => Err(Failed::Read(error)),
        (None, Ok(())) => Ok(*hasher.finalize().as_bytes() == header.blake3),
    }
}
