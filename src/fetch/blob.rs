//! Blobs of images, from a registry into the cache.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::intake::{Stop, blocking, intake};
use super::{Cache, Cached, FetchError};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::image::pull::{fetch_blob, fetch_manifest};
use crate::image::{Client, RegistryError};

/// How often a blob is begun at all: what is left of an earlier download may be damaged.
const BEGINNINGS: u32 = 2;

/// Why a blob could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Cache(#[from] FetchError),
    #[error("registry {host} gave other bytes for {expected} of {repository}: they have the digest {actual}")]
    Digest { host: String, repository: String, expected: Digest, actual: Digest },
}

impl Cache {
    /// Fetches an index or a manifest, unless it is here.
    pub async fn document(&self, client: &Client, repository: &str, digest: &Digest) -> Result<Cached, BlobError> {
        if let Some(cached) = self.find(digest)? {
            return Ok(cached);
        }
        let document = fetch_manifest(client, repository, &digest.to_string(), Some(digest)).await?;
        Ok(self.insert(&document.bytes)?)
    }

    /// Fetches a config or a layer, unless it is here, and continues where an earlier download was interrupted.
    pub async fn blob_from(
        self: &Arc<Self>,
        client: &Client,
        repository: &str,
        digest: &Digest,
        size: u64,
        events: &Events,
    ) -> Result<Cached, BlobError> {
        let _flight = self.flight(&digest.hex()).await;
        if let Some(cached) = self.find(digest)? {
            return Ok(cached);
        }
        let mut beginnings = BEGINNINGS;
        loop {
            let (owner, key) = (self.clone(), digest.hex());
            let part = blocking(move || {
                let mut part = owner.part(&key, true)?;
                if part.len() > size {
                    part.restart()?;
                }
                Ok(part)
            })
            .await?;
            if !part.is_empty() {
                events.emit(Event::BytesMoved { bytes: part.len() });
            }
            let stream = fetch_blob(client, repository, *digest, size, part.len());
            let part = intake(part, stream, size, events).await.map_err(|broken| match broken.why {
                Stop::Source(error) => BlobError::Registry(error),
                Stop::Disk(error) => BlobError::Cache(error),
                Stop::TooLong => {
                    let url = format!("{}/{repository}@{digest}", client.host());
                    FetchError::TooLong { url, limit: size }.into()
                }
            })?;
            let owner = self.clone();
            let cached = blocking(move || owner.complete(part)).await?;
            let actual = cached.measured.sha256;
            if actual == *digest {
                return Ok(cached);
            }
            self.evict(&actual)?;
            beginnings -= 1;
            if beginnings == 0 {
                let (host, repository) = (client.host().to_owned(), repository.to_owned());
                return Err(BlobError::Digest { host, repository, expected: *digest, actual });
            }
        }
    }

    /// Takes in a file of this machine.
    pub async fn copy_in(self: &Arc<Self>, path: &Path) -> Result<Cached, FetchError> {
        let key = Digest::of(path.as_os_str().as_encoded_bytes()).hex();
        let _flight = self.flight(&key).await;
        let (owner, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let mut part = owner.part(&key, true)?;
            part.restart()?;
            let mut file = File::open(&path).map_err(FetchError::local(&path))?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer).map_err(FetchError::local(&path))? {
                    0 => return owner.complete(part),
                    count => part.append(&buffer[..count])?,
                }
            }
        })
        .await
    }
}
