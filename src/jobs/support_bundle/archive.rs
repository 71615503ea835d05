//! The archive: a gzipped tar with one folder, readable by nobody but its owner.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use time::OffsetDateTime;
use time::macros::format_description;

use super::redact::Redactor;
use crate::jobs::JobError;

/// One file of it.
pub struct Entry {
    /// Below the folder of the archive.
    path: String,
    text: String,
}

impl Entry {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// `support-<cluster>-<time>.tar.gz`
pub fn name(cluster: &str) -> PathBuf {
    let now = OffsetDateTime::now_utc();
    let stamp = now.format(format_description!("[year][month][day]-[hour][minute][second]")).unwrap_or_default();
    PathBuf::from(format!("support-{cluster}-{stamp}.tar.gz"))
}

/// Takes secrets out of every text and writes the archive, whole or not at all; its size in bytes.
pub async fn write(path: &Path, cluster: &str, entries: Vec<Entry>, redactor: Redactor) -> Result<u64, JobError> {
    let (target, folder) = (path.to_owned(), format!("support-{cluster}"));
    let written = tokio::task::spawn_blocking(move || pack(&target, &folder, &entries, &redactor)).await;
    written
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| JobError::internal(format!("{} cannot be written", path.display()), source))
}

fn pack(path: &Path, folder: &str, entries: &[Entry], redactor: &Redactor) -> io::Result<u64> {
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Mode 0600 from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(beside)?;
    let mut tar = tar::Builder::new(GzEncoder::new(io::BufWriter::new(file.as_file_mut()), Compression::default()));
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default();
    for entry in entries {
        let text = redactor.clean(&entry.text);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        tar.append_data(&mut header, format!("{folder}/{}", entry.path), text.as_bytes())?;
    }
    tar.into_inner()?.finish()?.flush()?;
    file.as_file().sync_all()?;
    let size = file.as_file().metadata()?.len();
    file.persist(path).map_err(|error| error.error)?;
    Ok(size)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use flate2::read::GzDecoder;
    use secrecy::SecretString;

    use super::*;

    #[tokio::test]
    async fn an_archive_is_private_and_clean() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("support.tar.gz");
        let redactor = Redactor::new([SecretString::from("hunter2hunter2")]);
        let entries = vec![Entry::new("hosts/node1/system.txt", "x hunter2hunter2\n")];
        write(&path, "sample", entries, redactor).await.unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(&path).unwrap()));
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("support-sample/hosts/node1/system.txt"));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x ********\n");
    }
}
