//! Reading what the user wrote, and refusing early what cannot be acted upon.

use std::io::Write;
use std::path::Path;

use super::{JobError, Kind};
use crate::bundle::Inventory;
use crate::cluster::{self, Cluster};
use crate::yaml::{self, LoadError};

/// Loads a cluster file; all its errors come at once.
pub fn cluster(path: &Path) -> Result<Cluster, JobError> {
    cluster::load(path).map_err(faulty)
}

/// The same, and the lines of the file that belong to this host.
pub fn cluster_with_lines(path: &Path, host: &str) -> Result<(Cluster, Vec<String>), JobError> {
    let source = yaml::read(path).map_err(faulty)?;
    let file = cluster::read(&source)
        .map_err(|diagnostics| faulty(LoadError::Faulty { path: path.to_owned(), diagnostics }))?;
    let lines = cluster::lines_to_take_out(&source, &file, host);
    Ok((cluster::resolve(file, path), lines))
}

/// Writes a file, whole or not at all; mode 0600.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), JobError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| JobError::internal(format!("{} cannot be written", path.display()), source);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Every error of a file, one a line.
pub fn faulty(error: LoadError) -> JobError {
    match error {
        LoadError::Faulty { path, diagnostics } => {
            let count = diagnostics.0.len();
            let noun = if count == 1 { "error" } else { "errors" };
            JobError::new(Kind::File, format!("{} has {count} {noun}", path.display()))
                .details(diagnostics.0.iter().map(ToString::to_string))
        }
        LoadError::Read { path, source } => {
            JobError::new(Kind::File, format!("{} cannot be read", path.display())).because(source)
        }
    }
}

/// Refuses a cluster file that asks for what `create cluster` does not do yet, with a sentence for each.
pub fn refuse_unsupported(cluster: &Cluster) -> Result<(), JobError> {
    let unsupported = cluster::unsupported(cluster);
    if unsupported.is_empty() {
        return Ok(());
    }
    let message = format!("{} asks for what this kk cannot install yet; no host was touched", cluster.path.display());
    Err(JobError::new(Kind::File, message)
        .details(unsupported.iter().map(|entry| format!("{}: {}", entry.path, entry.sentence))))
}

/// The cluster file's Kubernetes version, or the only one that the bundle holds.
pub fn settle_version(cluster: &mut Cluster, inventory: &Inventory) -> Result<(), JobError> {
    if !cluster.spec.kubernetes.version.is_empty() {
        return Ok(());
    }
    match inventory.versions("kubeadm").as_slice() {
        [only] => cluster.spec.kubernetes.version = (*only).to_owned(),
        [] => return Err(JobError::new(Kind::Bundle, "the bundle holds no Kubernetes")),
        several => {
            let message = format!("the bundle holds several versions of Kubernetes: {}", several.join(", "));
            return Err(JobError::new(Kind::File, message)
                .hint(format!("name one as spec.kubernetes.version in {}", cluster.path.display())));
        }
    }
    Ok(())
}
