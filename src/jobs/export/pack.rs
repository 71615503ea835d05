//! What was assembled becomes a bundle.

use std::fs::File;
use std::io;
use std::path::Path;

use super::assemble::Assembled;
use super::interrupt::Interrupt;
use crate::bundle::{self, Spelling, WriteError, Written};
use crate::digest::Digest;
use crate::event::Events;
use crate::jobs::{JobError, Kind};

/// Writes the bundle, with this `bundle.sig` where there is one, on a thread of its own.
pub(super) async fn pack(
    assembled: Assembled,
    output: &Path,
    spelling: Spelling,
    signature: Option<Vec<u8>>,
    interrupt: &Interrupt,
    events: &Events,
) -> Result<(Assembled, Written), JobError> {
    let (output, events, interrupt) = (output.to_owned(), events.clone(), interrupt.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let open = |member: &bundle::Member| open(&assembled, &member.sha256, &interrupt);
        let signature = signature.as_deref();
        match bundle::write_signed(&output, spelling, &assembled.inventory, signature, &open, &events) {
            Ok(written) => Ok((assembled, written)),
            Err(_) if interrupt.is_set() => Err(Interrupt::error()),
            Err(error) => {
                forget_what_changed(&assembled, &error);
                Err(failure(&error))
            }
        }
    });
    writing.await.map_err(|error| JobError::internal("the bundle cannot be written", error))?
}

fn open(assembled: &Assembled, digest: &Digest, interrupt: &Interrupt) -> io::Result<Box<dyn io::Read + Send>> {
    if interrupt.is_set() {
        return Err(io::Error::other("interrupted"));
    }
    let cached = assembled.source(digest).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(Box::new(File::open(&cached.path)?))
}

fn failure(error: &WriteError) -> JobError {
    let full = matches!(error, WriteError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull);
    let hint = if full {
        "Free some space, or name another place with -o. Everything is downloaded already."
    } else {
        "Run the same command again: everything is downloaded already."
    };
    JobError::new(Kind::Internal, error.to_string()).hint(hint)
}

/// A file of the cache that is not what it was is fetched anew by the next run.
fn forget_what_changed(assembled: &Assembled, error: &WriteError) {
    let (WriteError::Content { entry, .. } | WriteError::Size { entry, .. }) = error else { return };
    let entries = assembled.inventory.entries().map(|entry| (entry.path.clone(), entry.sha256));
    let blobs = assembled.inventory.blobs.iter().map(|blob| (blob.path(), blob.digest));
    if let Some((_, digest)) = entries.chain(blobs).find(|(path, _)| path == entry) {
        // The error to report is the other one.
        let _ = assembled.cache.evict(&digest);
    }
}
