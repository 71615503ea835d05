//! `kk artifact join`: one file again, of the parts of a bundle.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::demand::Demand;
use super::{JobError, Kind, gather};
use crate::bundle::Spelling;
use crate::bundle::parts::{self, JoinError, PartSet, Source};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::quantity;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The parts; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    /// The file to write; where none is named, the bundle's own name in the current folder.
    pub output: Option<PathBuf>,
    /// Replace an output that exists.
    pub overwrite: bool,
}

/// What was joined.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    /// How many parts it was made of.
    pub parts: u32,
    pub seconds: f64,
}

/// Checks each part while it is copied to its place.
pub fn run(options: &Options, events: &Events) -> Result<Joined, JobError> {
    let started = Instant::now();
    let parts = the_parts(options, events)?;
    let (bundle, _) = gather::open_source(&Source::Parts(parts.clone()), &Demand::default())?;
    let path = output(options, &parts)?;
    room_for(&path, parts.set.cut.total)?;

    let title = "Join the parts".to_owned();
    events.emit(Event::PhaseStarted { title: title.clone() });
    events.emit(Event::BytesTotal { total: parts.set.cut.total });
    parts::join(&parts, &path, events).map_err(unjoined)?;
    let seconds = started.elapsed().as_secs_f64();
    events.emit(Event::PhaseDone { title, seconds });
    Ok(Joined { path, size: parts.set.cut.total, digest: bundle.digest(), parts: parts.set.cut.count(), seconds })
}

fn the_parts(options: &Options, events: &Events) -> Result<PartSet, JobError> {
    match gather::sources(&options.bundle, events)?.as_slice() {
        [Source::Parts(parts)] => Ok(parts.clone()),
        [Source::File(path)] => Err(JobError::new(Kind::Usage, format!("{} is in one piece already", path.display()))),
        _ => Err(JobError::new(Kind::Usage, "name the parts of one bundle with -a")),
    }
}

/// Known before anything is written: a name of the bundle's spelling, that does not replace another file unasked.
fn output(options: &Options, parts: &PartSet) -> Result<PathBuf, JobError> {
    let path = options.output.clone().unwrap_or_else(|| PathBuf::from(&parts.set.name));
    let spelling = Spelling::of_name(&path).map_err(|error| JobError::new(Kind::Usage, error.to_string()))?;
    if spelling != parts.set.spelling {
        let (path, ending) = (path.display(), parts.set.spelling.ending());
        return Err(JobError::new(
            Kind::Usage,
            format!("{path} should end with {ending}: these are parts of such a file"),
        ));
    }
    if path.is_dir() {
        return Err(JobError::new(Kind::Usage, format!("{} is a folder, not a file", path.display())));
    }
    if path.exists() && !options.overwrite {
        let message = format!("{} exists already", path.display());
        return Err(JobError::new(Kind::Declined, message).hint("Give another name with -o, or --yes to replace it."));
    }
    Ok(path)
}

fn room_for(path: &Path, size: u64) -> Result<(), JobError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where it cannot be told, the disk tells itself.
    let Ok(free) = fs4::available_space(folder) else { return Ok(()) };
    if free >= size {
        return Ok(());
    }
    let (size, free) = (quantity::bytes(size), quantity::bytes(free));
    let message = format!("the bundle has {size}, and {} has {free} left", folder.display());
    Err(JobError::new(Kind::Internal, message)
        .hint("join on another disk with -o, or do not join: every command reads the parts where they lie"))
}

fn unjoined(error: JoinError) -> JobError {
    match error {
        JoinError::Incomplete(incomplete) => gather::incomplete(&incomplete),
        error @ JoinError::Write { .. } => JobError::new(Kind::Internal, error.to_string()),
    }
}
