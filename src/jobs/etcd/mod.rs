//! `kk etcd …`: how etcd is, a snapshot of it, and putting one back.

pub mod backup;
mod look;
pub mod restore;
mod snapshot;
pub mod status;

pub(super) use look::look;

use super::{JobError, Kind, files};
use crate::cluster::Cluster;

/// Loads a cluster file whose etcd is kk's own.
fn cluster_with_etcd(path: &std::path::Path) -> Result<Cluster, JobError> {
    let cluster = files::cluster(path)?;
    let kind = &cluster.spec.etcd.kind;
    if kind != "kubekey" {
        let message = format!("{} has etcd of type {kind}, which kk does not run", path.display());
        return Err(JobError::new(Kind::File, message).hint("etcd of type kubekey is a service of kk's own"));
    }
    Ok(cluster)
}
