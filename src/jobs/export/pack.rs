//! What was assembled becomes a bundle.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::assemble::Assembled;
use super::interrupt::Interrupt;
use crate::bundle::squeezed::{RUN, Squeezed};
use crate::bundle::write::{Supply, Watch, write_supplied};
use crate::bundle::{self, Member, Spelling, WriteError, Written, layout};
use crate::digest::Digest;
use crate::event::Events;
use crate::fetch::{Cached, Form, staging};
use crate::jobs::{JobError, Kind};

/// Bytes before the content of an entry.
const HEADER: u64 = 512;

/// Why a bundle was not made.
pub(super) enum Failed {
    /// Something in the cache is no longer what it was; it is forgotten, so that it can be fetched again. A sentence.
    Changed(String),
    Error(JobError),
}

impl From<JobError> for Failed {
    fn from(error: JobError) -> Self {
        Self::Error(error)
    }
}

impl From<Failed> for JobError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Changed(what) => Self::new(Kind::Internal, what.trim_end_matches('.')).hint(
                "The disk of the cache gives other bytes than it was given. Set KK_CACHE to a folder on another one.",
            ),
            Failed::Error(error) => error,
        }
    }
}

/// Writes the bundle, with this `bundle.sig` where there is one, on a thread of its own. What is staged is given up as it is
/// written.
pub(super) async fn pack(
    assembled: Assembled,
    output: &Path,
    spelling: Spelling,
    signature: Option<Vec<u8>>,
    staged: bool,
    interrupt: &Interrupt,
    events: &Events,
) -> Result<(Assembled, Written), Failed> {
    let (output, events, interrupt) = (output.to_owned(), events.clone(), interrupt.clone());
    let writing = tokio::task::spawn_blocking(move || {
        if staged {
            let json = assembled.inventory.to_json();
            let json = json.map_err(|error| JobError::internal("the inventory cannot be written", error))?;
            staging::begin(&assembled.cache, &output, &json, signature.as_deref()).map_err(super::network)?;
        }
        let supply = Supplier::new(&assembled, &interrupt, spelling, staged);
        let written = write_supplied(&output, spelling, &assembled.inventory, signature.as_deref(), &supply, &events);
        drop(supply);
        match written {
            Ok(written) => Ok((assembled, written)),
            Err(_) if interrupt.is_set() => Err(Interrupt::error().into()),
            Err(error) if is_change(&error) => {
                if staged {
                    staging::put_back(&assembled.cache, &output, spelling, &events).map_err(super::network)?;
                }
                match assembled.forget_what_changed() {
                    0 => Err(failure(&error).into()),
                    _ => Err(Failed::Changed(format!("{error}."))),
                }
            }
            Err(error) => Err(failure(&error).into()),
        }
    });
    writing.await.map_err(|error| JobError::internal("the bundle cannot be written", error))?
}

/// Waits until the medium has all of it.
pub(super) async fn flush(output: &Path) -> Result<(), JobError> {
    let path = output.to_owned();
    let flushing = tokio::task::spawn_blocking(move || bundle::write::flush(&path).map_err(|error| failure(&error)));
    flushing.await.map_err(|error| JobError::internal("the bundle cannot be flushed to its medium", error))?
}

/// Hands out what was assembled.
struct Supplier<'a> {
    assembled: &'a Assembled,
    interrupt: &'a Interrupt,
    spelling: Spelling,
    /// Of each file whose room is given up as it is written: how far that went.
    given_up: Option<Mutex<HashMap<Digest, GivenUp>>>,
}

/// How much of a file was given up.
#[derive(Default)]
struct GivenUp {
    /// Bytes whose room is free.
    bytes: u64,
    /// Of a file of frames: frames that are in the bundle, and where they end.
    frames: u64,
    end: u64,
}

impl GivenUp {
    /// Goes on to where the frames end that hold the first `run` bytes of an entry.
    fn pass_frames(&mut self, cached: &Cached, spelling: Spelling, run: u64) -> io::Result<()> {
        let file = File::open(&cached.path)?;
        while (self.frames + 1) * RUN <= run {
            self.end = Squeezed::end_of(&file, spelling, self.end)?;
            self.frames += 1;
        }
        Ok(())
    }
}

impl<'a> Supplier<'a> {
    fn new(assembled: &'a Assembled, interrupt: &'a Interrupt, spelling: Spelling, staged: bool) -> Self {
        Self { assembled, interrupt, spelling, given_up: staged.then(Mutex::default) }
    }

    fn cached(&self, member: &Member) -> io::Result<&'a Cached> {
        if self.interrupt.is_set() {
            return Err(io::Error::other("interrupted"));
        }
        self.assembled.source(&member.sha256).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Supply for Supplier<'_> {
    fn open(&self, member: &Member) -> io::Result<Box<dyn io::Read + Send>> {
        self.cached(member)?.open()
    }

    fn frames(&self, member: &Member) -> io::Result<Option<Squeezed>> {
        let cached = self.cached(member)?;
        match cached.form {
            Form::Squeezed(spelling) if spelling == self.spelling => Squeezed::open(&cached.path, spelling).map(Some),
            _ => Ok(None),
        }
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.given_up.as_ref().map(|_| self as &dyn Watch)
    }
}

impl Watch for Supplier<'_> {
    fn written(&self, member: &Member, run: u64) {
        let Some(given_up) = &self.given_up else { return };
        let stored = layout::is_stored(self.spelling, &member.path, member.media_type());
        let Ok(cached) = self.cached(member) else { return };
        // What is needed again, or could not be put back from the bundle, stays until all is written.
        if self.assembled.uses(&member.sha256) != 1 || stored != (cached.form == Form::Plain) {
            return;
        }
        if run == member.length() {
            staging::give_up_all(cached);
            return;
        }
        let mut given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let given = given_up.entry(member.sha256).or_default();
        let count = match stored {
            true => run.saturating_sub(HEADER),
            // Where the frames cannot be passed, the file stays until it is given up as a whole.
            false => given.pass_frames(cached, self.spelling, run).map_or(0, |()| given.end),
        };
        given.bytes = staging::give_up(cached, given.bytes, count);
    }
}

/// Whether a source has other bytes than it had.
fn is_change(error: &WriteError) -> bool {
    match error {
        WriteError::Content { .. } | WriteError::Size { .. } => true,
        WriteError::Open { source, .. } => source.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
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
