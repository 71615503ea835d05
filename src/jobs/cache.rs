//! `kk cache …`: what exports keep for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{JobError, Kind};
use crate::bundle::Inventory;
use crate::digest::Digest;
use crate::event::Events;
use crate::fetch::{Cache, FetchError, Limits, Stock, exports};
use crate::quantity::bytes;

/// What the cache holds, for people and programs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    pub path: PathBuf,
    /// Bytes of all files and unfinished downloads.
    pub size: u64,
    /// Those used last first.
    pub files: Vec<Line>,
    /// Downloads that an export will continue, and their bytes.
    pub unfinished: usize,
    pub unfinished_size: u64,
    /// Digests of the bundles that were exported; later ones can be made as deltas to them.
    pub exports: Vec<Digest>,
}

/// A file of the cache.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// RFC 3339, in UTC.
    pub last_used: String,
    /// What it was in the bundles that were exported: images, paths.
    pub used_as: Vec<String>,
}

/// What was, or would be, removed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    pub files: usize,
    pub unfinished: usize,
    /// Bytes that are free now.
    pub freed: u64,
    /// Bytes that are left.
    pub kept: u64,
    /// Nothing was removed; this is what would be.
    pub dry_run: bool,
}

/// What to prune, and whether.
pub struct Prune {
    pub limits: Limits,
    pub dry_run: bool,
    /// Asks the user a question; always yes with `--yes`.
    pub confirm: Box<dyn Fn(&str) -> bool>,
}

/// The folder in which exports keep what they fetched.
pub fn path() -> Result<PathBuf, JobError> {
    Cache::default_root().ok_or_else(|| {
        JobError::new(Kind::Usage, "there is no folder to keep downloads in").hint("Set HOME, or KK_CACHE to a folder.")
    })
}

/// Looks without waiting for an export that is at work.
pub fn list() -> Result<Listing, JobError> {
    let root = path()?;
    let stock = Stock::read(&root).map_err(unreadable)?;
    let names = names(&root, &stock.exports);
    let files = stock.files.iter().map(|file| Line {
        digest: file.digest,
        size: file.size,
        last_used: OffsetDateTime::from(file.used)
            .replace_nanosecond(0)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default(),
        used_as: names.get(&file.digest).into_iter().flatten().cloned().collect(),
    });
    Ok(Listing {
        path: root,
        size: stock.size(),
        files: files.collect(),
        unfinished: stock.parts.len(),
        unfinished_size: stock.parts.iter().map(|part| part.size).sum(),
        exports: stock.exports,
    })
}

/// Removes what is beyond the limits, once no export uses the cache any more.
pub async fn prune(prune: &Prune, events: &Events) -> Result<Pruned, JobError> {
    let root = path()?;
    if prune.dry_run {
        let stock = Stock::read(&root).map_err(unreadable)?;
        return Ok(pruned(&stock, &stock.beyond(&prune.limits, SystemTime::now()), true));
    }
    let cache = Cache::open(root.clone(), events).await.map_err(unreadable)?;
    let stock = Stock::read(&root).map_err(unreadable)?;
    let gone = stock.beyond(&prune.limits, SystemTime::now());
    let what = pruned(&stock, &gone, false);
    if what.files + what.unfinished == 0 {
        return Ok(what);
    }
    let question = format!(
        "This removes {} files and {} unfinished downloads, {} in all, from {}. What an export needs of them it \
         fetches again.\nRemove them?",
        what.files,
        what.unfinished,
        bytes(what.freed),
        root.display()
    );
    if !(prune.confirm)(&question) {
        return Err(JobError::new(Kind::Declined, "nothing was removed"));
    }
    cache.remove(&gone).map_err(unreadable)?;
    Ok(what)
}

fn pruned(stock: &Stock, gone: &Stock, dry_run: bool) -> Pruned {
    let freed = gone.size();
    let kept = stock.size().saturating_sub(freed);
    Pruned { files: gone.files.len(), unfinished: gone.parts.len(), freed, kept, dry_run }
}

/// What each digest was in the bundles that were exported. A record that cannot be read names nothing.
fn names(root: &Path, digests: &[Digest]) -> BTreeMap<Digest, BTreeSet<String>> {
    let mut names: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
    let inventories = digests.iter().filter_map(|digest| exports::find(root, digest).ok().flatten());
    for Inventory { components, images, charts, packages, files, .. } in inventories {
        for image in images {
            let platforms = image.platforms.iter().flat_map(|one| std::iter::once(&one.manifest).chain(&one.blobs));
            for digest in std::iter::once(&image.digest).chain(platforms) {
                names.entry(*digest).or_default().insert(image.reference.clone());
            }
        }
        let entries = components.into_iter().map(|one| one.entry).chain(charts.into_iter().map(|one| one.entry));
        let entries = entries.chain(packages.into_iter().map(|one| one.entry));
        for entry in entries.chain(files.into_iter().map(|one| one.entry)) {
            names.entry(entry.sha256).or_default().insert(entry.path);
        }
    }
    names
}

fn unreadable(error: FetchError) -> JobError {
    JobError::internal("the cache cannot be used", error)
}
