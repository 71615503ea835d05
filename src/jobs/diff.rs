//! `kk artifact diff`: what a newer bundle brings, and what it leaves out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{JobError, gather};
use crate::bundle::{InventoryDiff, diff::Change};
use crate::digest::Digest;

/// What changed from one bundle to another.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    pub old: Side,
    pub new: Side,
    #[serde(flatten)]
    pub diff: InventoryDiff,
}

/// One of the two bundles.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// As it was named.
    pub path: PathBuf,
    /// Name in its inventory.
    pub name: String,
    /// Digest of its inventory, and so of the whole bundle.
    pub digest: Digest,
}

impl Compared {
    /// The changes by what they are changes of, in the order in which they are shown.
    pub fn sections(&self) -> [(&'static str, &[Change]); 5] {
        let diff = &self.diff;
        [
            ("component", &diff.components),
            ("image", &diff.images),
            ("chart", &diff.charts),
            ("packages of", &diff.packages),
            ("file", &diff.files),
        ]
    }
}

/// Reads the two inventories alone, however large the bundles are.
pub fn run(old: &Path, new: &Path) -> Result<Compared, JobError> {
    let (before, after) = (gather::open_bundle(&[old.to_owned()])?, gather::open_bundle(&[new.to_owned()])?);
    Ok(Compared {
        old: Side { path: old.to_owned(), name: before.inventory().name.clone(), digest: before.digest() },
        new: Side { path: new.to_owned(), name: after.inventory().name.clone(), digest: after.digest() },
        diff: InventoryDiff::between(before.inventory(), after.inventory()),
    })
}
