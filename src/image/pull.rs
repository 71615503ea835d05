//! Reading images: what a reference means today, down to the digest of every blob.

use futures::future::try_join_all;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};

use crate::bundle::inventory;
use crate::digest::Digest;

pub use super::blob::{fetch_blob, fetch_whole};

use super::auth::Scope;
use super::client::Client;
use super::error::RegistryError;
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
