//! `kk artifact store`: what a site's store keeps, and what it need not keep any longer.

use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::import::{self, Place};
use super::{JobError, Kind, engine};
use crate::digest::Digest;

/// A kept bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptBundle {
    pub name: String,
    /// Digest of the inventory, made whole.
    pub digest: Digest,
    pub components: usize,
    pub images: usize,
    /// Bytes of its contents; those that bundles share count for each of them.
    pub size: u64,
    /// When it was imported last, in seconds since 1970.
    pub imported: u64,
}

/// What was removed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    pub bundles: Vec<KeptBundle>,
    pub contents: usize,
    /// Bytes of these contents.
    pub bytes: u64,
}

/// The bundles that a store keeps, the one that was imported last at the end.
pub fn list(place: &Place) -> Result<Vec<KeptBundle>, JobError> {
    let store = import::open(&import::store_of(place)?.0)?;
    let kept = store.kept().map_err(import::unusable)?;
    let seconds = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(kept
        .into_iter()
        .map(|kept| KeptBundle {
            name: kept.inventory.name.clone(),
            digest: kept.digest,
            components: kept.inventory.components.len(),
            images: kept.inventory.images.len(),
            size: kept.inventory.contents().iter().fold(0, |sum, content| sum.saturating_add(content.size)),
            imported: seconds(kept.imported),
        })
        .collect())
}

/// Keeps the newest bundles and removes the others, with every content that no kept bundle needs.
pub fn prune(place: &Place, keep: usize, confirm: &dyn Fn(&str) -> bool) -> Result<Removed, JobError> {
    let (root, site) = import::store_of(place)?;
    let store = import::open(&root)?;
    let _site = site.as_ref().map(|site| engine::lock(site, "artifact store prune")).transpose()?;
    let _lock = engine::lock_folder(store.root(), "artifact store prune")?;
    let mut bundles = list(place)?;
    bundles.truncate(bundles.len().saturating_sub(keep));
    let names: Vec<String> = bundles.iter().map(|one| format!("{} ({})", one.name, one.digest)).collect();
    let question = match names.as_slice() {
        [] => "Remove what no bundle in the store needs?".to_owned(),
        names => format!("Remove {} from the store?", names.join(", ")),
    };
    if !confirm(&question) {
        return Err(JobError::new(Kind::Declined, "nothing was removed"));
    }
    let digests: Vec<Digest> = bundles.iter().map(|one| one.digest).collect();
    let pruned = store.prune(&digests).map_err(import::unusable)?;
    Ok(Removed { bundles, contents: pruned.contents, bytes: pruned.bytes })
}
