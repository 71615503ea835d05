//! `kk config view`: a file as kk understands it.

use std::path::Path;

use serde_json::Value;

use super::files::faulty;
use super::{JobError, Kind};
use crate::cluster::{self, ClusterFile, expose};
use crate::manifest::{self, ManifestFile};
use crate::yaml::{self, LoadError};

/// A cluster file or a manifest as YAML, with every default filled in and every secret hidden.
pub fn run(path: &Path) -> Result<String, JobError> {
    let source = yaml::read(path).map_err(faulty)?;
    let wrong = |diagnostics| faulty(LoadError::Faulty { path: path.to_owned(), diagnostics });
    let shown = match source.kind() {
        Some("Manifest") => serde_json::to_value(manifest::read(&source).map_err(wrong)?),
        _ => serde_json::to_value(cluster::filled(cluster::read(&source).map_err(wrong)?)),
    };
    let shown = shown.and_then(|mut shown| {
        expose::hide(&mut shown);
        yaml::to_string(&shown)
    });
    shown.map_err(|source| JobError::new(Kind::Internal, "cannot show the file").because(source))
}

/// The JSON schema of cluster files.
pub fn cluster_schema() -> Value {
    schemars::schema_for!(ClusterFile).into()
}

/// The JSON schema of manifests.
pub fn manifest_schema() -> Value {
    schemars::schema_for!(ManifestFile).into()
}
