//! The rotation of the site's authorities, as its folder keeps it.

use super::{Site, no_keys, store};
use crate::cluster::Cluster;
use crate::install::certs::{Keys, Rotation};
use crate::jobs::JobError;

impl Site {
    /// The one that is under way.
    pub fn rotation(&self) -> Result<Option<Rotation>, JobError> {
        Rotation::load(&store::Folder(self.keys_folder())).map_err(no_keys)
    }

    /// All keys as a pass of it has them. With `keep` false, nothing of it is kept.
    pub fn rotated_keys(&self, cluster: &Cluster, rotation: &Rotation, keep: bool) -> Result<Keys, JobError> {
        self.prepared_keys(cluster, keep, |store| {
            rotation.keep(store)?;
            Keys::prepare(cluster, store)
        })
    }

    /// What an earlier one left is not taken for that of one that begins.
    pub fn clear_rotation(&self, rotation: &Rotation) -> Result<(), JobError> {
        rotation.clear(&store::Folder(self.keys_folder())).map_err(no_keys)
    }

    /// The hosts that it was for are bare.
    pub fn abandon_rotation(&self) -> Result<(), JobError> {
        match self.rotation()? {
            Some(rotation) => rotation.abandon(&store::Folder(self.keys_folder())).map_err(no_keys),
            None => Ok(()),
        }
    }

    /// All hosts are through the last pass.
    pub fn end_rotation(&self, rotation: &Rotation) -> Result<(), JobError> {
        rotation.end(&store::Folder(self.keys_folder())).map_err(no_keys)
    }
}
