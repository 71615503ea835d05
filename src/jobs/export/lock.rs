//! `kk manifest lock`: the lock alone, so that a pipeline can review what the next export will carry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::interrupt::Interrupt;
use super::prepare::{Inputs, Prepared};
use super::resolve::write_lock;
use crate::event::Events;
use crate::jobs::{JobError, Kind};
use crate::manifest::Lock;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub inputs: Inputs,
    /// Compare the lock with what upstream has now, and write nothing.
    pub check: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub path: PathBuf,
    /// What the lock says now that it did not say before: a line for each thing.
    pub changes: Vec<String>,
    pub components: usize,
    pub images: usize,
    pub files: usize,
    pub blobs: usize,
}

/// Resolves, downloads what nothing else tells the digest of, and writes the lock or compares it.
pub async fn run(options: &Options, events: &Events) -> Result<Outcome, JobError> {
    let interrupt = Interrupt::watch();
    let prepared = Prepared::of(&options.inputs, &[], None, &interrupt, events).await?;
    if options.check && prepared.previous.is_none() {
        let message = format!("there is no lock {} to check", prepared.lock_path.display());
        return Err(JobError::new(Kind::File, message).hint("kk manifest lock -m FILE writes it."));
    }
    // A check asks upstream for everything; otherwise the lock holds as far as it goes.
    let known = prepared.previous.as_ref().filter(|_| !options.check);
    let plan = prepared.resolve(known, &interrupt, events).await?;
    let lock = prepared.lock(plan, &interrupt, events).await?;

    let before = match options.inputs.update_lock {
        true => super::resolve::read_lock(&prepared.lock_path).ok().flatten(),
        false => prepared.previous.clone(),
    };
    let changes = changes(before.as_ref(), &lock);
    if options.check {
        if !changes.is_empty() {
            let message = format!("{} is not what upstream has now", prepared.lock_path.display());
            return Err(JobError::new(Kind::File, message).details(changes).hint(
                "kk manifest lock -m FILE --update-lock writes it anew; an export goes on with the lock as it is.",
            ));
        }
    } else {
        write_lock(&prepared.lock_path, before.as_ref(), &lock, events)?;
    }
    Ok(Outcome {
        path: prepared.lock_path,
        changes,
        components: lock.components.len(),
        images: lock.images.len(),
        files: lock.files.len() + lock.charts.len() + lock.packages.len(),
        blobs: lock.blobs.len(),
    })
}

/// `+ image …`, `- component …`, `~ image …: old -> new`, sorted by name.
fn changes(before: Option<&Lock>, after: &Lock) -> Vec<String> {
    let before = before.map(named).unwrap_or_default();
    let after = named(after);
    let mut lines = Vec::new();
    for name in before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>() {
        match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) if old != new => lines.push(format!("~ {name}: {old} -> {new}")),
            (Some(old), None) => lines.push(format!("- {name}: {old}")),
            (None, Some(new)) => lines.push(format!("+ {name}: {new}")),
            _ => {}
        }
    }
    lines
}

/// What a lock says of each thing, by a name for people.
fn named(lock: &Lock) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for one in &lock.components {
        let name = format!("component {} {} for {}", one.name, one.version, one.arch);
        named.insert(name, format!("{}, {} bytes, {}", one.sha256, one.size, one.url));
    }
    for one in &lock.images {
        let platforms: Vec<&str> = one.platforms.iter().map(|one| one.platform.as_str()).collect();
        named.insert(format!("image {}", one.reference), format!("{} for {}", one.digest, platforms.join(", ")));
    }
    for one in &lock.files {
        named.insert(format!("file {}", one.name), format!("{}, {} bytes, {}", one.sha256, one.size, one.source));
    }
    for one in &lock.charts {
        let name = format!("chart {} {}", one.name, one.version);
        named.insert(name, format!("{}, {} bytes, {}", one.sha256, one.size, one.source));
    }
    for one in &lock.packages {
        let name = format!("packages of {} {} for {}", one.id, one.version, one.arch);
        named.insert(name, format!("{}, {} bytes, {}", one.sha256, one.size, one.source));
    }
    named
}
