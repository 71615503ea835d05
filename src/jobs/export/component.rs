//! A component that is to be carried.

use std::path::PathBuf;

use crate::catalog::Location;

/// A component for one architecture.
#[derive(Clone, Debug)]
pub(super) struct WantedComponent {
    pub name: String,
    /// As in the manifest.
    pub version: String,
    pub arch: String,
    pub location: Location,
    /// A file of this machine in place of the address.
    pub local: Option<PathBuf>,
}

impl WantedComponent {
    /// Where it lies in the bundle.
    pub fn path(&self) -> String {
        format!("files/{}/{}/{}/{}", self.name, self.version, self.arch, self.location.file_name)
    }
}
