//! What a cluster file may ask for that `kk create cluster` does not act on yet: it refuses, before it touches a host.

use super::Cluster;
use crate::yaml::Path;

/// A field that is understood and shown, but that nothing acts on yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Address in the cluster file, such as `spec.registry.type`.
    pub path: Path,
    /// A full sentence that says so.
    pub sentence: String,
}

/// Everything in the file that would have to be ignored, so that a job can refuse instead.
pub fn unsupported(cluster: &Cluster) -> Vec<Unsupported> {
    let _ = cluster;
    Vec::new()
}
