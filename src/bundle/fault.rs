//! What can be wrong with one entry of a bundle.

use std::fmt;
use std::io;

use super::header::{self, Header};

/// Why an entry is not what the inventory says. Offsets are bytes from the start of the bundle's file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("reading at byte {offset} failed: {source}")]
    Unreadable { offset: u64, source: io::Error },
    #[error("the file ends at byte {offset}, in the middle of it")]
    Truncated { offset: u64 },
    #[error("the {what} at byte {offset} is damaged")]
    Frame { offset: u64, what: &'static str },
    #[error("its place holds {found}")]
    Header {
        found: String,
        /// The path that stands there, where it can be read.
        path: Option<String>,
    },
    #[error("its tar header has another owner, mode or time than kk writes")]
    Attributes,
    #[error("its content has blake3 {found} where the inventory says {expected}")]
    Blake3 { expected: String, found: String },
    #[error("its content has sha256 {found} where the inventory says {expected}")]
    Sha256 { expected: String, found: String },
    #[error("the padding after its content is not zeros")]
    Padding,
    #[error("{path} is too long for a tar header")]
    PathTooLong { path: String },
    #[error("{count} bytes follow the end of the archive")]
    Trailing { count: u64 },
    #[error("it is out of reach: an entry before it is damaged")]
    OutOfReach,
}

impl From<super::header::PathTooLong> for Fault {
    fn from(error: super::header::PathTooLong) -> Self {
        Self::PathTooLong { path: error.path }
    }
}

impl Fault {
    /// Another header than the one for `path` and `size` was found.
    pub(super) fn of_header(found: &Header, path: &str, size: u64) -> Self {
        let is_meant = header::is_meant(found);
        let is_file = found[156] == b'0';
        if is_meant && is_file && header::found_path(found) == path && header::declared_size(found) == Some(size) {
            return Self::Attributes;
        }
        let is_end = found.iter().all(|byte| *byte == 0);
        let path = (is_meant && !is_end).then(|| header::found_path(found));
        Self::Header { found: header::describe(found), path }
    }
}

/// An entry that is not what it must be, and what in the bundle needs it.
#[derive(Debug)]
pub struct BadObject {
    /// Path in the bundle, or "the end of the archive".
    pub path: String,
    /// `image registry.k8s.io/pause:3.10.1`, `component kubeadm v1.34.2 amd64`; empty for what belongs to nothing.
    pub belongs_to: Vec<String>,
    pub fault: Fault,
}

/// A blob may be shared by many images; this many are named.
const NAMED: usize = 3;

impl fmt::Display for BadObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        if !self.belongs_to.is_empty() {
            let named: Vec<&str> = self.belongs_to.iter().take(NAMED).map(String::as_str).collect();
            write!(formatter, " ({}", named.join(", "))?;
            if self.belongs_to.len() > NAMED {
                write!(formatter, " and {} more", self.belongs_to.len() - NAMED)?;
            }
            formatter.write_str(")")?;
        }
        write!(formatter, ": {}", self.fault)
    }
}

impl std::error::Error for BadObject {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}
