//! What can go wrong while something is fetched.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, DigestError};

/// Why something could not be fetched. Addresses are shown without credentials.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url} is not an address that can be fetched")]
    Address { url: String },
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{url} answered {status}")]
    Status { url: String, status: u16 },
    #[error("{url} cannot be reached")]
    Unreachable { url: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the download of {url} broke off after {bytes} bytes")]
    Interrupted { url: String, bytes: u64, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{url} ended after {actual} bytes where {expected} were announced")]
    Size { url: String, expected: u64, actual: u64 },
    #[error("{url} is longer than the {limit} bytes that it may have")]
    TooLong { url: String, limit: u64 },
    #[error("{url} has the digest {actual}, not {expected}{}", if *.html { ": it is an HTML page" } else { "" })]
    Digest { url: String, expected: Digest, actual: Digest, html: bool },
    #[error("{url} is an HTML page, not the file: an error page or a login page stands in between")]
    Html { url: String },
    #[error("{url} is a checksum file that says nothing about {file}")]
    NoChecksum { url: String, file: String },
    #[error("{url} is not text")]
    NotText { url: String },
    #[error("{path}: {action}")]
    Disk { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{path} is damaged")]
    Damaged { path: PathBuf, source: DigestError },
    #[error("an inventory cannot be kept or read back")]
    Inventory(#[source] serde_json::Error),
    #[error("{} cannot be taken in", .path.display())]
    Local { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("a task of the download ended early")]
    Task(#[source] tokio::task::JoinError),
}

impl FetchError {
    /// Whether the thing asked for is simply not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 410, .. })
    }

    /// For `map_err` on file operations.
    pub(super) fn disk(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { path: path.to_owned(), action, source }
    }

    /// For `map_err` on files that are the user's own.
    pub fn local<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Local { path: path.to_owned(), source: source.into() }
    }
}
