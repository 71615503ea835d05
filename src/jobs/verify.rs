//! `kk artifact verify`: whether every byte of a bundle is what it should be.

use std::path::PathBuf;

use serde::Serialize;

use super::demand::Demand;
use super::{JobError, gather};
use crate::bundle::VerifyDepth;
use crate::digest::Digest;
use crate::event::Events;
use crate::trust::Accepted;

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
    /// Whether it carries a signature, by whomever.
    pub signed: bool,
    /// Fingerprint and name of the trusted key that signed it; absent where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The keys that lead from a trusted one to the signer, the trusted one first; empty where it is trusted itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endorsed_by: Vec<String>,
}

/// Reads the whole bundle once; every bad entry of it is named. Where there are files with `keys`, one of these keys
/// must have signed it, which is looked at first.
pub fn run(paths: &[PathBuf], keys: &[PathBuf], depth: VerifyDepth, events: &Events) -> Result<Checked, JobError> {
    let (bundle, accepted) = gather::open_telling(paths, &Demand::of_key_files(keys)?, events)?;
    let inventory = bundle.inventory();
    let checked = Checked {
        path: bundle.path().to_owned(),
        digest: bundle.digest(),
        components: inventory.components.len(),
        images: inventory.images.len(),
        blobs: inventory.blobs.len(),
        signed: bundle.signature().is_some(),
        signer: accepted.as_ref().map(|accepted| accepted.signer.to_string()),
        endorsed_by: accepted.iter().flat_map(Accepted::vouchers).map(|key| key.to_string()).collect(),
    };
    bundle.verify(depth, events).map_err(|error| gather::damaged(&error))?;
    Ok(checked)
}
