//! Where a file is asked for.

use crate::digest::Digest;
use crate::image::Reference;
use crate::manifest::lock::ChecksumSource;

/// Where the bytes of a file are asked for.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Url(String),
    /// Relative to the manifest.
    Path(String),
    /// A blob of a registry.
    Blob {
        reference: Reference,
        digest: Digest,
        size: u64,
    },
}

/// What the lock says of a file.
pub(super) struct Locked {
    /// Of a chart in a repository with an index.
    pub url: String,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub source: ChecksumSource,
}

/// What was looked for, or a sentence that says why it cannot be had.
pub(super) type Found<T> = Result<T, String>;
