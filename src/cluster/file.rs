//! Loads a cluster file: reads it, checks it, fills in its defaults.

use std::path::Path;

use serde_json::Value;

use super::validate::validate;
use super::{Cluster, ClusterFile, resolve};
use crate::yaml::{self, Diagnostics, LoadError, Source};

/// The kind of KubeSphere's settings, which KubeKey appends to a cluster file as a second document.
const KUBESPHERE: &str = "ClusterConfiguration";

/// Loads and checks a cluster file, and fills in every default.
pub fn load(path: &Path) -> Result<Cluster, LoadError> {
    let source = yaml::read(path)?;
    let file = read(&source).map_err(|diagnostics| LoadError::Faulty { path: path.to_owned(), diagnostics })?;
    Ok(resolve::resolve(file, path))
}

/// Checks a file that was read. All its errors come at once.
pub fn read(source: &Source) -> Result<ClusterFile, Diagnostics> {
    let others = |kind: &str| match kind {
        KUBESPHERE => None,
        "" => Some("a second document without a kind; a cluster file holds one Cluster".into()),
        _ => Some(format!("a second document of kind {kind:?}; a cluster file holds one Cluster")),
    };
    let mut file: ClusterFile = source.check("Cluster", validate, others)?;
    if let Some(settings) = source.further(KUBESPHERE).into_iter().next() {
        let kubesphere = &mut file.spec.kubesphere;
        kubesphere.enabled = true;
        if let Some(version) = settings.pointer("/metadata/labels/version").and_then(Value::as_str) {
            kubesphere.version = version.to_owned();
        }
        kubesphere.configurations = settings;
    }
    Ok(file)
}
