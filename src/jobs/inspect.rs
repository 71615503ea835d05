//! `kk artifact inspect`: what is in a bundle.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::{JobError, Kind};
use crate::bundle::{Bundle, Inventory, Unverified};
use crate::digest::Digest;

/// What is in a bundle, counted for people.
#[derive(Clone, Debug)]
pub struct Contents {
    pub inventory: Inventory,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    /// Bytes of each image's own blobs, in the inventory's order; what images share counts for each of them.
    pub image_sizes: Vec<u64>,
    /// Bytes of all components, of all blobs (each once), and of all files.
    pub totals: Totals,
}

/// Bytes, uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub components: u64,
    pub blobs: u64,
    pub files: u64,
}

/// Reads the inventory alone, however large the bundle is.
pub fn run(path: &Path) -> Result<Contents, JobError> {
    let bundle = open(path)?;
    Ok(count(bundle.inventory().clone(), bundle.digest()))
}

pub(super) fn open(path: &Path) -> Result<Bundle<Unverified>, JobError> {
    Bundle::open(path).map_err(|error| JobError::new(Kind::Bundle, error.to_string()))
}

fn count(inventory: Inventory, digest: Digest) -> Contents {
    let sizes: HashMap<Digest, u64> = inventory.blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
    let image_sizes = inventory.images.iter().map(|image| {
        let platforms = image.platforms.iter().flat_map(|one| std::iter::once(&one.manifest).chain(&one.blobs));
        let own: BTreeMap<&Digest, u64> = std::iter::once(&image.digest)
            .chain(platforms)
            .map(|digest| (digest, sizes.get(digest).copied().unwrap_or(0)))
            .collect();
        sum(own.into_values())
    });
    let image_sizes = image_sizes.collect();
    let totals = Totals {
        components: sum(inventory.components.iter().map(|one| one.entry.size)),
        blobs: sum(inventory.blobs.iter().map(|blob| blob.size)),
        files: sum(inventory.files.iter().map(|file| file.entry.size)),
    };
    Contents { inventory, digest, image_sizes, totals }
}

/// Sizes come from outside.
fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
