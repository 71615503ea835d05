//! `kk kubeconfig`: the operator's access to a cluster.

use std::path::Path;

use secrecy::SecretString;

use super::site::{Site, store};
use super::{JobError, Kind, files};
use crate::install::kubernetes;

/// The kubeconfig, with a new certificate where the old one is in its last week. The site's own copy is kept as new.
pub fn run(cluster_file: &Path) -> Result<SecretString, JobError> {
    let cluster = files::cluster(cluster_file)?;
    let site = Site::of_cluster(&cluster)?;
    let (authority, operator) = site.operators_keys()?;
    let content = kubernetes::kubeconfig(&cluster, &authority, &operator)
        .map_err(|source| JobError::new(Kind::Internal, "the kubeconfig cannot be written").because(source))?;
    write(&site.kubeconfig(), &content)?;
    Ok(content)
}

/// Writes it to a file with mode 0600.
pub fn write(path: &Path, content: &SecretString) -> Result<(), JobError> {
    store::write_private(path, content)
        .map_err(|source| JobError::internal(format!("cannot write {}", path.display()), source))
}
