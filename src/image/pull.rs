//! Reading images: what a reference means today, and the blobs of it.

use bytes::{Bytes, BytesMut};
use futures::future::try_join_all;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::bundle::inventory;
use crate::digest::Digest;

use super::auth::Scope;
use super::client::{Client, pause};
use super::error::{RegistryError, Subject};
use super::manifest::{self, ACCEPTED, Content, Descriptor, Document, Image, LARGEST_DOCUMENT, ManifestError};
use super::platform::{self, Platform};
use super::reference::Reference;
use super::transport::Call;

/// An image as a registry has it now: every digest and size, and the bytes of its index and manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    /// Fully qualified, as it was asked for.
    pub reference: String,
    /// Digest of the index, or of the manifest where the registry holds no index.
    pub digest: Digest,
    pub media_type: String,
    /// In the order of the asked platforms.
    pub platforms: Vec<ResolvedPlatform>,
    /// The index first where there is one, then a manifest for each platform; their bytes as the registry has them.
    pub documents: Vec<Document>,
    /// Config and layers of all platforms, each once, in the order in which they are met.
    pub blobs: Vec<Descriptor>,
}

/// One platform of a resolved image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPlatform {
    pub platform: Platform,
    /// Digest of the platform's manifest.
    pub manifest: Digest,
    /// Config and layers, in the manifest's order.
    pub blobs: Vec<Digest>,
}

impl ResolvedImage {
    /// Bytes of all documents and blobs.
    pub fn size(&self) -> u64 {
        let documents: u64 = self.documents.iter().map(|document| document.bytes.len() as u64).sum();
        documents + self.blobs.iter().map(|blob| blob.size).sum::<u64>()
    }

    /// As it stands in a bundle's inventory.
    pub fn to_inventory(&self) -> inventory::Image {
        let mut platforms: Vec<inventory::Platform> = self
            .platforms
            .iter()
            .map(|found| inventory::Platform {
                platform: found.platform.to_string(),
                manifest: found.manifest,
                blobs: found.blobs.clone(),
            })
            .collect();
        platforms.sort_by(|one, other| one.platform.cmp(&other.platform));
        inventory::Image {
            reference: self.reference.clone(),
            digest: self.digest,
            media_type: self.media_type.clone(),
            platforms,
        }
    }
}

/// Asks what a reference means and reads its index and manifests for the asked platforms.
///
/// `repository` is the name in this client's registry; behind a mirror it is another than the reference's own.
pub async fn resolve(
    client: &Client,
    repository: &str,
    reference: &Reference,
    asked: &[Platform],
) -> Result<ResolvedImage, RegistryError> {
    let image = reference.to_string();
    let wrong = |source| RegistryError::Manifest { image: image.clone(), source };
    let top = fetch_manifest(client, repository, &reference.target(), reference.digest()).await?;
    let mut found = match manifest::read(&top.bytes, &top.media_type).map_err(wrong)? {
        Content::Index(index) => {
            let offers: Vec<_> = index.entries.iter().map(|entry| entry.platform.clone()).collect();
            let chosen =
                platform::choose(asked, &offers).map_err(|missing| missing_platform(&image, &missing, &offers))?;
            let parts = chosen.into_iter().filter_map(|position| {
                let entry = &index.entries[position];
                entry.platform.clone().map(|platform| (platform, &entry.descriptor))
            });
            let parts = try_join_all(parts.map(async |(platform, descriptor)| {
                let (document, content) = read_part(client, repository, &image, descriptor).await?;
                Ok::<_, RegistryError>((platform, document, content))
            }))
            .await?;
            let mut found = start(&image, &top, index.media_type);
            found.documents.push(top);
            for (platform, document, content) in parts {
                found.add(platform, document, &content);
            }
            found
        }
        Content::Image(content) => {
            let config = fetch_whole(client, repository, &content.config).await?;
            let platform = manifest::read_platform(&config).map_err(wrong)?;
            let offers = [Some(platform.clone())];
            platform::choose(asked, &offers).map_err(|missing| missing_platform(&image, &missing, &offers))?;
            let mut found = start(&image, &top, content.media_type.clone());
            found.add(platform, top, &content);
            found
        }
    };
    if let Some(first) = found.documents.first_mut() {
        first.media_type = found.media_type.clone();
    }
    Ok(found)
}

fn start(image: &str, top: &Document, media_type: String) -> ResolvedImage {
    ResolvedImage {
        reference: image.to_string(),
        digest: top.digest,
        media_type,
        platforms: Vec::new(),
        documents: Vec::new(),
        blobs: Vec::new(),
    }
}

impl ResolvedImage {
    fn add(&mut self, platform: Platform, document: Document, content: &Image) {
        let blobs = content.blobs().map(|blob| blob.digest).collect();
        self.platforms.push(ResolvedPlatform { platform, manifest: document.digest, blobs });
        for blob in content.blobs() {
            if !self.blobs.iter().any(|known| known.digest == blob.digest) {
                self.blobs.push(blob.clone());
            }
        }
        if !self.documents.iter().any(|known| known.digest == document.digest) {
            self.documents.push(document);
        }
    }
}

fn missing_platform(image: &str, missing: &[Platform], offers: &[Option<Platform>]) -> RegistryError {
    let offers = offers.iter().flatten().filter(|offer| !offer.is_attestation());
    RegistryError::MissingPlatform {
        image: image.to_string(),
        missing: missing.iter().map(Platform::to_string).collect(),
        available: offers.map(Platform::to_string).collect(),
    }
}

async fn read_part(
    client: &Client,
    repository: &str,
    image: &str,
    descriptor: &Descriptor,
) -> Result<(Document, Image), RegistryError> {
    let wrong = |source| RegistryError::Manifest { image: image.to_string(), source };
    let digest = &descriptor.digest;
    let mut document = fetch_manifest(client, repository, &digest.to_string(), Some(digest)).await?;
    match manifest::read(&document.bytes, &descriptor.media_type).map_err(wrong)? {
        Content::Image(content) => {
            document.media_type = content.media_type.clone();
            Ok((document, content))
        }
        Content::Index(index) => Err(wrong(ManifestError::MediaType { media_type: index.media_type })),
    }
}

/// Reads an index or manifest by tag or digest; its bytes are checked against the digest where one is expected.
pub async fn fetch_manifest(
    client: &Client,
    repository: &str,
    target: &str,
    expected: Option<&Digest>,
) -> Result<Document, RegistryError> {
    let subject = client.subject(repository, format!("reading manifest {target}"));
    let url = client.transport().url(&format!("{repository}/manifests/{target}"))?;
    let call = accepting(Call::new(Method::GET, url, subject.clone()));
    let response = client.call(&call, &Scope::pull(repository)).await?;
    let announced = announced_digest(&response);
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_string();
    let too_large =
        || RegistryError::Manifest { image: format!("{repository} ({target})"), source: ManifestError::TooLarge };
    let bytes = client.transport().body(response, LARGEST_DOCUMENT, &subject).await?.ok_or_else(too_large)?;
    let digest = Digest::of(&bytes);
    match expected.copied().or(announced) {
        Some(expected) if expected != digest => {
            Err(RegistryError::Digest { subject: Box::new(subject), expected, found: digest })
        }
        _ => Ok(Document { digest, media_type, bytes }),
    }
}

/// The digest that a tag, or a digest, stands for now; `None` where the registry does not have it.
pub(super) async fn head_manifest(
    client: &Client,
    repository: &str,
    target: &str,
    scope: &Scope,
) -> Result<Option<Digest>, RegistryError> {
    let subject = client.subject(repository, format!("looking for manifest {target}"));
    let url = client.transport().url(&format!("{repository}/manifests/{target}"))?;
    match client.call(&accepting(Call::new(Method::HEAD, url, subject)), scope).await {
        Ok(response) => match announced_digest(&response) {
            Some(digest) => Ok(Some(digest)),
            // The header is optional; the bytes always tell.
            None => fetch_manifest(client, repository, target, None).await.map(|document| Some(document.digest)),
        },
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn accepting(mut call: Call<'_>) -> Call<'_> {
    for media_type in ACCEPTED {
        call = call.header(ACCEPT, HeaderValue::from_static(media_type));
    }
    call
}

pub(super) fn announced_digest(response: &Response) -> Option<Digest> {
    response.headers().get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

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
                    self.broke(self.protocol(short)).await?;
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
        let patience = &self.client.transport().patience;
        if self.failures >= patience.attempts {
            return Err(error);
        }
        tokio::time::sleep(pause(patience.first_pause, self.failures)).await;
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
