//! `kk artifact inspect`: what is in a bundle.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::{JobError, gather};
use crate::bundle::Inventory;
use crate::digest::Digest;
use crate::trust::SignatureFile;

/// What is in a bundle, counted for people.
#[derive(Clone, Debug)]
pub struct Contents {
    pub inventory: Inventory,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    /// Fingerprint of the key that it says it is signed by, unchecked; `None` where it is not signed.
    pub signed_by: Option<String>,
    /// Bytes of each image's own blobs, in the inventory's order; what images share counts for each of them.
    pub image_sizes: Vec<u64>,
    /// Bytes of all components, of all blobs (each once), and of all else.
    pub totals: Totals,
}

/// Bytes, uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub components: u64,
    pub blobs: u64,
    pub files: u64,
    pub charts: u64,
    pub packages: u64,
}

/// Reads the inventory alone, however large the bundle is.
pub fn run(paths: &[PathBuf]) -> Result<Contents, JobError> {
    let bundle = gather::open_bundle(paths)?;
    let signed_by = bundle.signature().map(|bytes| match SignatureFile::parse(bytes) {
        Ok(file) => file.signature.signer().fingerprint(),
        Err(_) => "nobody that kk understands".into(),
    });
    Ok(Contents { signed_by, ..count(bundle.inventory().clone(), bundle.digest()) })
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
        charts: sum(inventory.charts.iter().map(|chart| chart.entry.size)),
        packages: sum(inventory.packages.iter().map(|one| one.entry.size)),
    };
    Contents { inventory, digest, signed_by: None, image_sizes, totals }
}

/// Sizes come from outside.
fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
