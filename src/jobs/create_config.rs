//! `kk create config`: a cluster file to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{JobError, Kind};
use crate::cluster::{self, names};

/// An annotated cluster file.
pub fn text(name: &str, version: Option<&str>) -> Result<String, JobError> {
    check_name(name)?;
    version.map_or(Ok(()), check_version)?;
    Ok(cluster::sample(name, version))
}

/// Refuses what cannot be the name of a cluster or a manifest.
pub fn check_name(name: &str) -> Result<(), JobError> {
    match names::is_object_name(name) {
        true => Ok(()),
        false => Err(JobError::new(Kind::Usage, format!("{name:?} cannot be a name"))
            .hint("letters, digits, \"-\", \"_\" and \".\", at most 63 of them, a letter or digit first and last")),
    }
}

/// Refuses what cannot be a version of Kubernetes.
pub fn check_version(version: &str) -> Result<(), JobError> {
    match names::version_trouble(version) {
        None => Ok(()),
        Some(hint) => Err(JobError::new(Kind::Usage, format!("{version:?} is not a version of Kubernetes")).hint(hint)),
    }
}

/// Writes a file of the user's, readable by nobody else: passwords will be put into it.
pub fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), JobError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match overwrite {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => JobError::new(Kind::Usage, format!("{} is there already", path.display()))
            .hint("name another file with -f, or replace this one with --overwrite"),
        _ => JobError::internal(format!("cannot write {}", path.display()), source),
    })
}
