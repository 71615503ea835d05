//! `kk artifact verify`: whether every byte of a bundle is what it should be.

use std::path::PathBuf;

use serde::Serialize;

use super::{JobError, Kind, gather};
use crate::bundle::{VerifyDepth, VerifyError};
use crate::digest::Digest;
use crate::event::Events;

/// What was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub path: PathBuf,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    pub components: usize,
    pub images: usize,
    pub blobs: usize,
}

/// Reads the whole bundle once; every bad entry of it is named.
pub fn run(paths: &[PathBuf], depth: VerifyDepth, events: &Events) -> Result<Checked, JobError> {
    let bundle = gather::open_bundle(paths)?;
    let inventory = bundle.inventory();
    let checked = Checked {
        path: bundle.path().to_owned(),
        digest: bundle.digest(),
        components: inventory.components.len(),
        images: inventory.images.len(),
        blobs: inventory.blobs.len(),
    };
    bundle.verify(depth, events).map_err(|error| damaged(&error))?;
    Ok(checked)
}

/// Every bad entry of a bundle, one a line.
pub(super) fn damaged(error: &VerifyError) -> JobError {
    JobError::new(Kind::Bundle, format!("the bundle {} is damaged", error.path.display()))
        .details(error.bad.iter().map(ToString::to_string))
        .hint("Copy the bundle again. If it stays damaged, export it again.")
}
