//! Where the passphrase of a key comes from: a file, an open descriptor, or a person. Never a command line.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::site::store::read_bounded;
use super::{JobError, Kind};

/// Asks a person; `None` where nobody can be asked.
pub type Ask = dyn Fn(&str) -> Option<SecretString> + Send + Sync;

/// Where a passphrase comes from.
#[derive(Clone)]
pub struct Passphrase {
    /// A file whose first line it is; `/dev/fd/N` for a descriptor.
    pub file: Option<PathBuf>,
    /// Asked where there is no file.
    pub ask: Arc<Ask>,
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passphrase").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Passphrase {
    /// The passphrase; `None` where neither a file nor a person gives one.
    pub fn get(&self, question: &str) -> Result<Option<SecretString>, JobError> {
        let Some(path) = &self.file else { return Ok((self.ask)(question)) };
        let text = read_bounded(path).map_err(|source| {
            JobError::new(Kind::File, format!("the passphrase in {} cannot be read", path.display())).because(source)
        })?;
        Ok(Some(SecretString::from(text.lines().next().unwrap_or_default().to_owned())))
    }
}
