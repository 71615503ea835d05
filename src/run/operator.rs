//! What the machine does where `kk` runs: files beside the cluster file, images to the registry.

use std::error::Error;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::event::Events;
use crate::plan::{OperatorWork, PushImages};

/// Performs the work of the operator's machine.
pub trait OperatorActions: Send + Sync {
    /// Does the work, and says how many things had to be changed. Safe to repeat.
    fn perform<'a>(&'a self, work: &'a OperatorWork, events: Events) -> BoxFuture<'a, Result<usize, OperatorError>>;
}

/// Why the operator's machine could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("cannot write {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot push the images to {registry}")]
    Push {
        registry: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Pushes images and says how many things the registry did not have yet.
pub type PushFunction =
    Box<dyn Fn(PushImages, Events) -> BoxFuture<'static, Result<usize, Box<dyn Error + Send + Sync>>> + Send + Sync>;

/// The machine where `kk` runs.
pub struct Operator {
    pub push: PushFunction,
}

impl OperatorActions for Operator {
    fn perform<'a>(&'a self, work: &'a OperatorWork, events: Events) -> BoxFuture<'a, Result<usize, OperatorError>> {
        Box::pin(async move {
            match work {
                OperatorWork::PushImages(images) => {
                    let registry = images.registry.host.clone();
                    (self.push)(images.as_ref().clone(), events)
                        .await
                        .map_err(|source| OperatorError::Push { registry, source })
                }
                OperatorWork::KeepFile { path, content } => keep_file(path, content)
                    .map(usize::from)
                    .map_err(|source| OperatorError::File { path: path.clone(), source }),
            }
        })
    }
}

/// True when the file had to be changed.
fn keep_file(path: &Path, content: &SecretString) -> io::Result<bool> {
    let wanted = content.expose_secret().as_bytes();
    if let Ok(found) = path.symlink_metadata()
        && found.is_file()
        && found.len() == wanted.len() as u64
        && found.permissions().mode() & 0o7777 == 0o600
        && std::fs::read(path)? == wanted
    {
        return Ok(false);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let temporary = folder.join(format!(".{}.kk", name.to_string_lossy()));
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(wanted)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_private_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/kubeconfig");
        let content = SecretString::from("token".to_owned());
        assert!(keep_file(&path, &content).unwrap());
        assert!(!keep_file(&path, &content).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(keep_file(&path, &content).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "token");
    }
}
