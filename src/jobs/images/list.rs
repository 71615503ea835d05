//! `kk artifact images list`: which images a bundle holds.

use std::path::PathBuf;

use serde::Serialize;

use super::choose::choose;
use crate::digest::Digest;
use crate::jobs::{JobError, inspect};

/// One image of a bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub reference: String,
    /// Of the index, or of the manifest where there is no index.
    pub digest: Digest,
    pub media_type: String,
    /// Bytes of its blobs; what images share counts for each of them.
    pub size: u64,
    pub platforms: Vec<ListedPlatform>,
}

/// One platform of an image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPlatform {
    /// `linux/amd64`
    pub platform: String,
    /// Digest of its manifest.
    pub manifest: Digest,
}

/// Reads the inventory alone.
pub fn run(paths: &[PathBuf], patterns: &[String]) -> Result<Vec<Listed>, JobError> {
    let contents = inspect::run(paths)?;
    let chosen = choose(&contents.inventory, patterns)?;
    let sizes = contents.inventory.images.iter().zip(&contents.image_sizes);
    let listed = sizes.filter(|(image, _)| chosen.iter().any(|one| one.reference == image.reference));
    let listed = listed.map(|(image, size)| Listed {
        reference: image.reference.clone(),
        digest: image.digest,
        media_type: image.media_type.clone(),
        size: *size,
        platforms: image
            .platforms
            .iter()
            .map(|one| ListedPlatform { platform: one.platform.clone(), manifest: one.manifest })
            .collect(),
    });
    Ok(listed.collect())
}
