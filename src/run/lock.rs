//! One `kk` at a time works on a site.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Holds the site until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct SiteLock {
    file: File,
}

impl Drop for SiteLock {
    /// A child that another thread is starting holds all that is open here until it becomes another program. Closing alone would
    /// leave the lock with it for that while.
    fn drop(&mut self) {
        // It is as free as it can be: closing follows.
        let _ = self.file.unlock();
    }
}

/// Why the site could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another kk is at work on this site: {holder}")]
    Held {
        /// Who, since when, with which command.
        holder: String,
    },
    #[error("cannot lock {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Holder {
    command: String,
    pid: u32,
    user: String,
    since: String,
}

impl SiteLock {
    /// Takes the lock of the site in this folder, which is made where it is missing; `command` is shown to others who
    /// want it meanwhile.
    pub fn take(site: &Path, command: &str) -> Result<Self, LockError> {
        let path = site.join("lock");
        let refuse = |source| LockError::File { path: path.clone(), source };
        std::fs::create_dir_all(site).map_err(refuse)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: read_holder(&mut file) }),
            Err(TryLockError::Error(source)) => return Err(refuse(source)),
        }
        let holder = Holder {
            command: command.to_owned(),
            pid: std::process::id(),
            user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default(),
            since: super::journal::now(),
        };
        let text = serde_json::to_string(&holder).map_err(|error| refuse(error.into()))?;
        file.set_len(0).map_err(refuse)?;
        file.rewind().map_err(refuse)?;
        file.write_all(text.as_bytes()).map_err(refuse)?;
        Ok(Self { file })
    }
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(4096).read_to_string(&mut text);
    match read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(holder) => {
            let user = if holder.user.is_empty() { String::new() } else { format!(" of {}", holder.user) };
            format!("process {}{user} runs \"{}\" since {}", holder.pid, holder.command, holder.since)
        }
        None => "it has not said yet who it is".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join(".kk/sample");
        let first = SiteLock::take(&folder, "create cluster").unwrap();
        let message = SiteLock::take(&folder, "delete cluster").unwrap_err().to_string();
        assert!(message.contains(&std::process::id().to_string()), "{message}");
        assert!(message.contains("runs \"create cluster\" since 20"), "{message}");
        drop(first);
        SiteLock::take(&folder, "delete cluster").unwrap();
    }
}
