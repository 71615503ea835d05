//! Reading one blob, over as many connections as it takes.

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::digest::Digest;

use super::auth::Scope;
use super::client::Client;
use super::error::{RegistryError, Subject};
use super::manifest::{Descriptor, LARGEST_DOCUMENT, ManifestError};
use super::retry;
use super::transport::Call;

/// The bytes of a blob from `offset` to its end, in order. Whoever takes them checks the digest.
///
/// A connection that breaks is taken up again where it broke; a registry that cannot do that sends the blob anew and
/// the part that is here already is passed over. The stream gives exactly `size - offset` bytes or an error.
pub fn fetch_blob(
    client: &Client,
    repository: &str,
    digest: Digest,
    size: u64,
    offset: u64,
) -> BoxStream<'static, Result<Bytes, RegistryError>> {
    let blob = Reading {
        subject: client.subject(repository, format!("reading blob {digest}")),
        client: client.clone(),
        repository: repository.to_string(),
        digest,
        size,
        position: offset,
        open: None,
        failures: 0,
    };
    futures::stream::try_unfold(blob, |mut blob| async move { Ok(blob.next().await?.map(|bytes| (bytes, blob))) })
        .boxed()
}

/// A blob of at most [`LARGEST_DOCUMENT`] bytes, checked against its digest.
pub async fn fetch_whole(client: &Client, repository: &str, blob: &Descriptor) -> Result<Bytes, RegistryError> {
    if blob.size > LARGEST_DOCUMENT {
        let image = format!("{repository} ({})", blob.digest);
        return Err(RegistryError::Manifest { image, source: ManifestError::TooLarge });
    }
    let stream = fetch_blob(client, repository, blob.digest, blob.size, 0);
    let bytes = stream.try_fold(BytesMut::new(), async |mut all, bytes| {
        all.extend_from_slice(&bytes);
        Ok(all)
    });
    let bytes = bytes.await?.freeze();
    let found = Digest::of(&bytes);
    if found != blob.digest {
        let subject = Box::new(client.subject(repository, format!("reading blob {}", blob.digest)));
        return Err(RegistryError::Digest { subject, expected: blob.digest, found });
    }
    Ok(bytes)
}

/// A blob that is being read.
struct Reading {
    client: Client,
    repository: String,
    subject: Subject,
    digest: Digest,
    size: u64,
    /// Of the next byte to give.
    position: u64,
    /// The answer that is being read, and how many of its bytes are to be passed over.
    open: Option<(Response, u64)>,
    /// Breaks since the last byte of progress.
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        while self.position < self.size {
            let (mut response, skip) = match self.open.take() {
                Some(open) => open,
                None => self.ask().await?,
            };
            match self.client.transport().chunk(&mut response, &self.subject).await {
                Ok(Some(mut bytes)) => {
                    let passed = skip.min(bytes.len() as u64);
                    let bytes = bytes.split_off(passed as usize);
                    self.open = Some((response, skip - passed));
                    if bytes.len() as u64 > self.size - self.position {
                        return Err(self.protocol(format!("the blob is longer than its {} bytes", self.size)));
                    }
                    if !bytes.is_empty() {
                        self.position += bytes.len() as u64;
                        self.failures = 0;
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) => {
                    let short = format!("the blob ends after {} of {} bytes", self.position, self.size);
                    let subject = Box::new(self.subject.clone());
                    self.broke(RegistryError::Transport { subject, source: short.into() }).await?;
                }
                Err(error) if error.is_transient() => self.broke(error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn ask(&self) -> Result<(Response, u64), RegistryError> {
        let url = self.client.transport().url(&format!("{}/blobs/{}", self.repository, self.digest))?;
        let mut call = Call::new(Method::GET, url, self.subject.clone());
        if self.position > 0 {
            let range = HeaderValue::from_str(&format!("bytes={}-", self.position));
            call = call.header(RANGE, range.map_err(|error| self.protocol(error.to_string()))?);
        }
        let response = self.client.call(&call, &Scope::pull(&self.repository)).await?;
        match response.status() {
            StatusCode::OK => Ok((response, self.position)),
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(self.position) => Ok((response, 0)),
            status => Err(self.protocol(format!("HTTP {} with another range than asked for", status.as_u16()))),
        }
    }

    /// Waits before the next attempt, or gives up.
    async fn broke(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        self.failures += 1;
        match retry::next(&self.client.transport().patience, &error, self.failures, None) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
        Ok(())
    }

    fn protocol(&self, reason: String) -> RegistryError {
        RegistryError::Protocol { subject: Box::new(self.subject.clone()), reason }
    }
}

/// The first byte of a partial answer (RFC 9110, section 14.4).
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}
