//! `kk artifact split`: a bundle as parts for small media.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::demand::Demand;
use super::{JobError, Kind, gather};
use crate::bundle::parts::{self, Cut, CutError, PartHeader, PartWriteError, Set};
use crate::bundle::{Bundle, Unverified};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::quantity;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    /// Bytes; each part's file is smaller.
    pub size: u64,
    /// Numbers of the parts to write; empty for all.
    pub only: Vec<u32>,
    /// The folder to write to; beside the bundle where none is named.
    pub output: Option<PathBuf>,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    /// How many parts the bundle has.
    pub count: u32,
    /// The parts that were written.
    pub parts: Vec<Written>,
    pub seconds: f64,
}

/// One part.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    pub number: u32,
    pub path: PathBuf,
    /// Bytes of its file.
    pub size: u64,
}

/// Cuts, checks that there is room, and writes the parts one after the other. The same bundle and size give the same
/// parts, byte for byte.
pub fn run(options: &Options, events: &Events) -> Result<Summary, JobError> {
    let started = Instant::now();
    let (bundle, _) = gather::open_telling(&options.bundle, &Demand::default(), events)?;
    let cut = Cut::new(bundle.size(), options.size).map_err(|error| unfit(&error))?;
    let numbers = numbers(&options.only, cut.count())?;
    let set = bundle.set(&name(&bundle), cut);
    let folder = folder(options);
    let plan: Vec<Written> = numbers
        .into_iter()
        .map(|number| {
            let path = folder.join(parts::cut::file_name(&set.name, number));
            Written { number, path, size: cut.length(number) + parts::cut::LENGTH as u64 }
        })
        .collect();
    refuse_foreign_files(&plan, &set)?;
    room_for(&plan, &folder)?;

    let title = "Write the parts".to_owned();
    events.emit(Event::PhaseStarted { title: title.clone() });
    events.emit(Event::BytesTotal { total: plan.iter().map(|part| cut.length(part.number)).sum() });
    for part in &plan {
        parts::write(bundle.medium(), &set, part.number, &part.path, events).map_err(unwritten)?;
        let title = part.path.display().to_string();
        events.emit(Event::ItemDone { title, detail: quantity::bytes(part.size) });
    }
    let seconds = started.elapsed().as_secs_f64();
    events.emit(Event::PhaseDone { title, seconds });
    Ok(Summary { digest: bundle.digest(), count: cut.count(), parts: plan, seconds })
}

fn unfit(error: &CutError) -> JobError {
    let error_text = JobError::new(Kind::Usage, error.to_string());
    match error {
        CutError::TooMany { .. } => error_text.hint("name a larger --size"),
        CutError::TooSmall { .. } => error_text.hint("--size takes bytes, or a number with K, M or G: --size 4G"),
    }
}

/// The wanted numbers, sorted, each once.
fn numbers(only: &[u32], count: u32) -> Result<Vec<u32>, JobError> {
    if only.is_empty() {
        return Ok((1..=count).collect());
    }
    if let Some(number) = only.iter().find(|number| !(1..=count).contains(number)) {
        let message = format!("there is no part {number}: cut to this size, the bundle has parts 1 to {count}");
        return Err(JobError::new(Kind::Usage, message).hint("name the --size with which the other parts were made"));
    }
    let mut numbers = only.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The name of the bundle's file.
fn name(bundle: &Bundle<Unverified>) -> String {
    bundle.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn folder(options: &Options) -> PathBuf {
    let beside =
        options.bundle.first().and_then(|path| if path.is_dir() { Some(path.as_path()) } else { path.parent() });
    let beside = beside.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    options.output.clone().unwrap_or_else(|| beside.to_owned())
}

/// Parts of the same bundle are written anew; every other file stays what it is.
fn refuse_foreign_files(plan: &[Written], set: &Set) -> Result<(), JobError> {
    for part in plan {
        let path = &part.path;
        let ours = match parts::find::read_header(path) {
            Ok(Ok(PartHeader { set: found, .. })) => found.bundle == set.bundle,
            Ok(Err(_)) => false,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(source) => {
                return Err(JobError::new(Kind::Internal, format!("{} cannot be read", path.display())).because(source));
            }
        };
        if !ours {
            let message = format!("{} exists and is no part of this bundle", path.display());
            return Err(JobError::new(Kind::Declined, message).hint("name another folder with -o, or remove that file"));
        }
    }
    Ok(())
}

/// Says so before anything is written rather than in the middle of it.
fn room_for(plan: &[Written], folder: &Path) -> Result<(), JobError> {
    if !folder.is_dir() {
        return Err(JobError::new(Kind::Usage, format!("{} is not a folder to write parts to", folder.display())));
    }
    let sizes = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let needed: u64 = plan.iter().map(|part| part.size).sum();
    // What is there already is replaced part by part, so that one part of it lies there twice at most.
    let largest = plan.iter().map(|part| part.size.min(sizes(&part.path))).max().unwrap_or(0);
    let there: u64 = plan.iter().map(|part| part.size.min(sizes(&part.path))).sum();
    let needed = needed - there + largest;
    // Where it cannot be told, the disk tells itself.
    let Ok(free) = fs4::available_space(folder) else { return Ok(()) };
    if free >= needed {
        return Ok(());
    }
    let (needed, free) = (quantity::bytes(needed), quantity::bytes(free));
    let message = format!("the parts need {needed}, and {} has {free} left", folder.display());
    Err(JobError::new(Kind::Internal, message)
        .hint("name a folder on another disk with -o, or write some parts at a time: --only 1-3"))
}

fn unwritten(error: PartWriteError) -> JobError {
    let too_large =
        matches!(&error, PartWriteError::Write { source, .. } if source.kind() == std::io::ErrorKind::FileTooLarge);
    let report = JobError::new(Kind::Internal, error.to_string());
    if too_large { report.hint("this medium does not take files of that size; name a smaller --size") } else { report }
}
