//! The documents of an image that is to be pushed, read from where they lie on this side.

use std::io::{self, Read};

use bytes::Bytes;

use crate::bundle::inventory;
use crate::digest::Digest;

use super::error::RegistryError;
use super::manifest::{self, Content, Descriptor, LARGEST_DOCUMENT};

/// Where the blobs of images lie on this side.
pub trait ImageSource: Send + Sync {
    /// Opens an index, manifest, config or layer for reading, from its first byte on.
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>>;
}

/// An index or manifest, read from the source.
pub(super) struct Part {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Bytes,
    pub content: Content,
}

/// Reads the index, where there is one, and the carried manifests; what is pushed last comes first.
pub(super) fn read_parts(source: &dyn ImageSource, image: &inventory::Image) -> Result<Vec<Part>, RegistryError> {
    let top = read_part(source, image, &image.digest, &image.media_type)?;
    let mut parts = vec![top];
    for platform in &image.platforms {
        if parts.iter().any(|part| part.digest == platform.manifest) {
            continue;
        }
        let media_type = match &parts[0].content {
            Content::Index(index) => {
                let entry = index.entries.iter().find(|entry| entry.descriptor.digest == platform.manifest);
                entry.map(|entry| entry.descriptor.media_type.clone()).unwrap_or_default()
            }
            Content::Image(_) => String::new(),
        };
        parts.push(read_part(source, image, &platform.manifest, &media_type)?);
    }
    Ok(parts)
}

fn read_part(
    source: &dyn ImageSource,
    image: &inventory::Image,
    digest: &Digest,
    media_type: &str,
) -> Result<Part, RegistryError> {
    let unreadable = |source| RegistryError::Source { image: image.reference.clone(), digest: *digest, source };
    let wrong = |source| RegistryError::Manifest { image: image.reference.clone(), source };
    let mut bytes = Vec::new();
    let mut reader = source.open(digest).map_err(unreadable)?.take(LARGEST_DOCUMENT + 1);
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    if Digest::of(&bytes) != *digest {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, "its bytes have another digest")));
    }
    let content = manifest::read(&bytes, media_type).map_err(wrong)?;
    let media_type = match &content {
        Content::Index(index) => index.media_type.clone(),
        Content::Image(image) => image.media_type.clone(),
    };
    Ok(Part { digest: *digest, media_type, bytes: bytes.into(), content })
}

pub(super) fn unique_blobs(parts: &[Part]) -> Vec<Descriptor> {
    let mut blobs: Vec<Descriptor> = Vec::new();
    for part in parts {
        if let Content::Image(image) = &part.content {
            for blob in image.blobs() {
                if !blobs.iter().any(|known| known.digest == blob.digest) {
                    blobs.push(blob.clone());
                }
            }
        }
    }
    blobs
}

/// What stands in for an index in a registry that insists on all of its platforms: the manifest itself where one
/// platform is carried, else an index of those that are. `None` where nothing is absent.
pub(super) fn reduce(parts: &[Part]) -> Option<Reduced> {
    let (top, carried) = parts.split_first()?;
    let Content::Index(index) = &top.content else { return None };
    let is_carried = |digest: &Digest| carried.iter().any(|part| part.digest == *digest);
    if index.entries.iter().all(|entry| is_carried(&entry.descriptor.digest)) {
        return None;
    }
    if let [only] = carried {
        return Some(Reduced { digest: only.digest, media_type: only.media_type.clone(), bytes: only.bytes.clone() });
    }
    let mut document: serde_json::Value = serde_json::from_slice(&top.bytes).ok()?;
    let entries = document.get_mut("manifests")?.as_array_mut()?;
    entries.retain(|entry| {
        let digest = entry.get("digest").and_then(|digest| digest.as_str()).and_then(|digest| digest.parse().ok());
        digest.is_some_and(|digest| is_carried(&digest))
    });
    let bytes: Bytes = serde_json::to_vec(&document).ok()?.into();
    Some(Reduced { digest: Digest::of(&bytes), media_type: top.media_type.clone(), bytes })
}

pub(super) struct Reduced {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Bytes,
}
