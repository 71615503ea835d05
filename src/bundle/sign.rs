//! Puts a signature into a bundle that is written already: its first entries are made anew, all others are copied as
//! they are.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::{self, StoredWriter};
use super::front::MAX_SIGNATURE;
use super::header::PathTooLong;
use super::layout::{self, Kind, Member};
use super::read::{Bundle, Unverified};
use super::write::{part_of, sync_folder};

/// Why a bundle cannot be signed. The file that was begun is removed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("the bundle {} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the bundle {} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the signature has {size} bytes; at most {MAX_SIGNATURE} are allowed")]
    TooLarge { size: usize },
    #[error("the bundle {} changed while it was copied", path.display())]
    Changed { path: PathBuf },
    #[error(transparent)]
    PathTooLong(#[from] PathTooLong),
}

/// Writes the bundle with this `bundle.sig` to `output`, by way of `<output>.part`, and flushes it to the medium.
/// `output` may be the bundle itself. Returns the size of the file in bytes.
///
/// The result is, byte for byte, what [`super::write::write_signed`] would have written. The kernel copies what follows
/// the first entries where it can.
pub fn sign(bundle: &Bundle<Unverified>, signature: &[u8], output: &Path) -> Result<u64, SignError> {
    if signature.len() as u64 > MAX_SIGNATURE {
        return Err(SignError::TooLarge { size: signature.len() });
    }
    let shared = &bundle.shared;
    let mut front = frame::start(shared.spelling).to_vec();
    for member in layout::front(&shared.json, Some(signature)) {
        front.extend(stored(&member, bundle)?);
    }
    let part = part_of(output);
    let result = copy(bundle, &front, &part).and_then(|size| {
        let failed = |source| SignError::Write { path: output.to_owned(), source };
        fs::rename(&part, output).map_err(failed)?;
        sync_folder(output).map_err(failed)?;
        Ok(size)
    });
    if result.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    result
}

/// The frame of an entry of the front.
fn stored(member: &Member, bundle: &Bundle<Unverified>) -> Result<Vec<u8>, PathTooLong> {
    let mut run = member.header()?.to_vec();
    if let Kind::Derived(bytes) = &member.kind {
        run.extend(bytes);
    }
    run.resize(run.len() + member.padding() as usize, 0);
    let mut stored = Vec::new();
    StoredWriter::new(bundle.shared.spelling, member.length()).push(&run, &mut stored);
    Ok(stored)
}

fn copy(bundle: &Bundle<Unverified>, front: &[u8], part: &Path) -> Result<u64, SignError> {
    let shared = &bundle.shared;
    let read = |source| SignError::Read { path: shared.path.clone(), source };
    let write = |source| SignError::Write { path: part.to_owned(), source };
    let mut source = File::open(&shared.path).map_err(read)?;
    let permissions = source.metadata().map_err(read)?.permissions();
    source.seek(SeekFrom::Start(shared.start)).map_err(read)?;
    let mut out = File::create(part).map_err(write)?;
    out.set_permissions(permissions).map_err(write)?;
    out.write_all(front).map_err(write)?;
    let copied = io::copy(&mut source, &mut out).map_err(write)?;
    if copied != shared.medium.size().saturating_sub(shared.start) {
        return Err(SignError::Changed { path: shared.path.clone() });
    }
    out.sync_all().map_err(write)?;
    Ok(front.len() as u64 + copied)
}
