//! `kk artifact export --dry-run`: what an export would pack and fetch, and the room that it needs, before it begins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fetch::Item;
use super::network;
use super::prepare::Prepared;
use super::resolve::Plan;
use crate::bundle::{Spelling, layout};
use crate::digest::Digest;
use crate::event::silent;
use crate::jobs::JobError;

/// What an export would do. All sizes are bytes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Components, files, charts and packages.
    pub entries: Vec<Entry>,
    pub images: Vec<Image>,
    /// Blobs of all images, each once.
    pub blobs: usize,
    /// All that goes into the bundle, uncompressed, as far as sizes are known.
    pub size: u64,
    pub cached: u64,
    /// To be downloaded.
    pub to_fetch: u64,
    /// In the base, and so neither fetched nor packed; in none of the other sums.
    pub left_out: u64,
    /// Things whose size nobody tells before they are downloaded; they are in none of the sums.
    pub unknown: usize,
    /// How large the bundle will be: exact for what is stored in it, an estimate for what is compressed.
    pub bundle_estimate: u64,
    /// Room that is needed, where, and what is free there.
    pub disk: Vec<Room>,
}

/// A component, or another file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub path: String,
    /// `None` where nobody tells before the download.
    pub size: Option<u64>,
    pub state: State,
}

/// Whether something has to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Cached,
    ToFetch,
    /// The base has it.
    LeftOut,
}

/// An image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    pub reference: String,
    pub digest: Digest,
    pub platforms: Vec<String>,
    /// Of its blobs; what images share counts for each of them.
    pub size: u64,
    pub to_fetch: u64,
}

/// What a folder has to hold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// `cache` or `output`.
    pub what: String,
    pub path: PathBuf,
    pub needed: u64,
    /// `None` where the system does not tell.
    pub free: Option<u64>,
}

/// Looks at the cache; fetches nothing. Without a cache, what is fetched lies beside the output until it is packed.
pub(super) fn forecast(
    prepared: &Prepared,
    plan: &Plan,
    output: &Path,
    spelling: Spelling,
    no_cache: bool,
) -> Result<Forecast, JobError> {
    let silent = silent();
    let here = |digest: &Digest| prepared.cache.find(digest).map(|found| found.map(|one| one.measured.size));
    let mut forecast = Forecast {
        entries: Vec::new(),
        images: Vec::new(),
        blobs: plan.blobs.len(),
        size: 0,
        cached: 0,
        to_fetch: 0,
        left_out: 0,
        unknown: 0,
        bundle_estimate: 0,
        disk: Vec::new(),
    };
    let fetcher = prepared.fetcher(&silent);
    let mut counted = BTreeSet::new();
    for item in super::fetch::items(plan) {
        let digest = item.expected().sha256;
        if let Some(known) = fetcher.in_base(&item) {
            let size = known.measured.size;
            if counted.insert(known.measured.sha256) {
                forecast.left_out = forecast.left_out.saturating_add(size);
            }
            if !matches!(item, Item::Blob(_)) {
                forecast.entries.push(Entry { path: item.path(), size: Some(size), state: State::LeftOut });
            }
            continue;
        }
        let held = digest.as_ref().map(here).transpose().map_err(network)?.flatten();
        let size = held.or(item.size());
        let path = item.path();
        forecast.bundle_estimate += layout::estimate(spelling, &path, item.media_type(), size.unwrap_or(0));
        forecast.unknown += usize::from(size.is_none());
        if digest.is_none_or(|digest| counted.insert(digest)) {
            let size = size.unwrap_or(0);
            forecast.size = forecast.size.saturating_add(size);
            let sum = if held.is_some() { &mut forecast.cached } else { &mut forecast.to_fetch };
            *sum = sum.saturating_add(size);
        }
        if !matches!(item, Item::Blob(_)) {
            let state = if held.is_some() { State::Cached } else { State::ToFetch };
            forecast.entries.push(Entry { path, size, state });
        }
    }
    for image in &plan.images {
        let own: BTreeSet<&Digest> = image.blobs().collect();
        let (mut size, mut to_fetch) = (0u64, 0u64);
        for planned in plan.blobs.iter().filter(|planned| own.contains(&planned.blob.digest)) {
            size = size.saturating_add(planned.blob.size);
            let in_base = fetcher.in_base(&Item::Blob(planned)).is_some();
            if !in_base && here(&planned.blob.digest).map_err(network)?.is_none() {
                to_fetch = to_fetch.saturating_add(planned.blob.size);
            }
        }
        let platforms = image.platforms.iter().map(|one| one.platform.clone()).collect();
        forecast.images.push(Image {
            reference: image.reference.clone(),
            digest: image.digest,
            platforms,
            size,
            to_fetch,
        });
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let room = |what: &str, path: &Path, needed| Room {
        what: what.to_owned(),
        path: path.to_owned(),
        needed,
        free: fs4::available_space(path).ok(),
    };
    if !no_cache {
        forecast.disk.push(room("cache", prepared.cache.root(), forecast.to_fetch));
    }
    forecast.disk.push(room("output", folder, forecast.bundle_estimate));
    Ok(forecast)
}
