//! Image indexes and manifests, read from bytes that are kept as they are.
//!
//! An image is known by the digest of these very bytes, so nothing here is ever written back. Formats: image
//! specification, image-index.md and manifest.md, and Docker's manifest list and schema 2, which have the same shape.

use bytes::Bytes;
use oci_distribution::manifest as oci;

use crate::digest::Digest;

use super::platform::Platform;

/// The largest index, manifest or configuration that is read. Registries cap manifests at 4 MiB.
pub const LARGEST_DOCUMENT: u64 = 8 << 20;

/// More entries or layers than any image has.
const MOST_ENTRIES: usize = 4096;

/// The media types that are asked for, indexes first.
pub const ACCEPTED: [&str; 4] = [
    oci::OCI_IMAGE_INDEX_MEDIA_TYPE,
    oci::IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    oci::OCI_IMAGE_MEDIA_TYPE,
    oci::IMAGE_MANIFEST_MEDIA_TYPE,
];

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("it is larger than {LARGEST_DOCUMENT} bytes")]
    TooLarge,
    #[error("it is not a manifest of a known shape")]
    Shape(#[source] serde_json::Error),
    #[error("its media type \"{media_type}\" is not supported")]
    MediaType { media_type: String },
    #[error("it was announced as \"{announced}\" and says of itself that it is \"{own}\"")]
    Contradiction { announced: String, own: String },
    #[error(
        "its schema version is {version}; only 2 is supported. Such images are older than 2017: build or pull the image anew"
    )]
    SchemaVersion { version: u64 },
    #[error("it has {count} entries; at most {MOST_ENTRIES} are read")]
    TooMany { count: usize },
    #[error("entry {position} has the digest \"{digest}\"; only sha256 is supported")]
    Digest { position: usize, digest: String },
    #[error("entry {position} has the size {size}")]
    Size { position: usize, size: i64 },
}

/// A pointer to a blob or a manifest (image specification, descriptor.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    pub media_type: String,
}

/// A document in its own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Bytes,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Index(Index),
    Image(Image),
}

/// An image index or Docker manifest list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub media_type: String,
    /// In the index's order.
    pub entries: Vec<Entry>,
}

/// One manifest of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub descriptor: Descriptor,
    /// `None` where the index names none, and for what is not an image manifest.
    pub platform: Option<Platform>,
}

/// The manifest of one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub media_type: String,
    pub config: Descriptor,
    /// From the bottom up.
    pub layers: Vec<Descriptor>,
}

impl Image {
    /// Config and layers, in the manifest's order.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// Whether this media type is that of an index or manifest list.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, oci::OCI_IMAGE_INDEX_MEDIA_TYPE | oci::IMAGE_MANIFEST_LIST_MEDIA_TYPE)
}

fn is_image(media_type: &str) -> bool {
    matches!(media_type, oci::OCI_IMAGE_MEDIA_TYPE | oci::IMAGE_MANIFEST_MEDIA_TYPE)
}

/// The few fields by which the kind of a document is told.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// Reads a document. `announced` is the media type by which it came, without parameters; empty where none was given.
///
/// Nesting is bounded by the JSON reader (128 levels), size and counts here.
pub fn read(bytes: &[u8], announced: &str) -> Result<Content, ManifestError> {
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(ManifestError::TooLarge);
    }
    let head: Head = serde_json::from_slice(bytes).map_err(ManifestError::Shape)?;
    if head.schema_version != 2 {
        return Err(ManifestError::SchemaVersion { version: head.schema_version });
    }
    let known = |media_type: &&str| is_index(media_type) || is_image(media_type);
    let own = head.media_type.as_deref().unwrap_or_default();
    // A document that could be taken for either kind is how one digest is made to mean two images.
    if !own.is_empty() && known(&announced) && own != announced {
        return Err(ManifestError::Contradiction { announced: announced.into(), own: own.into() });
    }
    let media_type = match (own, announced) {
        ("", announced) if known(&announced) => announced,
        ("", _) if head.manifests.is_some() => oci::OCI_IMAGE_INDEX_MEDIA_TYPE,
        ("", _) => oci::OCI_IMAGE_MEDIA_TYPE,
        (own, _) => own,
    };
    if is_index(media_type) {
        let index: oci::OciImageIndex = serde_json::from_slice(bytes).map_err(ManifestError::Shape)?;
        read_index(index, media_type).map(Content::Index)
    } else if is_image(media_type) {
        let image: oci::OciImageManifest = serde_json::from_slice(bytes).map_err(ManifestError::Shape)?;
        read_image(image, media_type).map(Content::Image)
    } else {
        Err(ManifestError::MediaType { media_type: media_type.chars().take(200).collect() })
    }
}

fn read_index(index: oci::OciImageIndex, media_type: &str) -> Result<Index, ManifestError> {
    bounded(index.manifests.len())?;
    let mut entries = Vec::with_capacity(index.manifests.len());
    for (position, entry) in index.manifests.into_iter().enumerate() {
        let platform = entry.platform.filter(|_| is_image(&entry.media_type)).map(|platform| Platform {
            os: platform.os.to_string(),
            arch: platform.architecture.to_string(),
            variant: platform.variant.unwrap_or_default(),
        });
        let descriptor = descriptor(position, &entry.digest, entry.size, entry.media_type)?;
        entries.push(Entry { descriptor, platform });
    }
    Ok(Index { media_type: media_type.into(), entries })
}

fn read_image(image: oci::OciImageManifest, media_type: &str) -> Result<Image, ManifestError> {
    bounded(image.layers.len())?;
    let config = descriptor(0, &image.config.digest, image.config.size, image.config.media_type)?;
    let layers = image
        .layers
        .into_iter()
        .enumerate()
        .map(|(position, layer)| descriptor(position + 1, &layer.digest, layer.size, layer.media_type))
        .collect::<Result<_, _>>()?;
    Ok(Image { media_type: media_type.into(), config, layers })
}

fn bounded(count: usize) -> Result<(), ManifestError> {
    if count > MOST_ENTRIES { Err(ManifestError::TooMany { count }) } else { Ok(()) }
}

fn descriptor(position: usize, digest: &str, size: i64, media_type: String) -> Result<Descriptor, ManifestError> {
    let digest =
        digest.parse().map_err(|_| ManifestError::Digest { position, digest: digest.chars().take(100).collect() })?;
    let size = u64::try_from(size).map_err(|_| ManifestError::Size { position, size })?;
    Ok(Descriptor { digest, size, media_type })
}

/// The platform that an image's configuration names (image specification, config.md); for images without an index.
pub fn read_platform(config: &[u8]) -> Result<Platform, ManifestError> {
    if config.len() as u64 > LARGEST_DOCUMENT {
        return Err(ManifestError::TooLarge);
    }
    serde_json::from_slice(config).map_err(ManifestError::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn image(extra: &str) -> String {
        let blob = |kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"{DIGEST}","size":3}}"#);
        let (config, layer) = (blob(oci::IMAGE_CONFIG_MEDIA_TYPE), blob(oci::IMAGE_LAYER_GZIP_MEDIA_TYPE));
        format!(r#"{{"schemaVersion":2,{extra}"config":{config},"layers":[{layer}]}}"#)
    }

    #[test]
    fn both_families_are_read() {
        for media_type in [oci::OCI_IMAGE_MEDIA_TYPE, oci::IMAGE_MANIFEST_MEDIA_TYPE] {
            let text = image(&format!(r#""mediaType":"{media_type}","#));
            let Content::Image(found) = read(text.as_bytes(), media_type).unwrap() else { panic!("an image") };
            assert_eq!((found.media_type.as_str(), found.blobs().count()), (media_type, 2));
        }
        for media_type in [oci::OCI_IMAGE_INDEX_MEDIA_TYPE, oci::IMAGE_MANIFEST_LIST_MEDIA_TYPE] {
            let text = format!(
                r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[
                {{"mediaType":"{}","digest":"{DIGEST}","size":3,"platform":{{"os":"linux","architecture":"arm64","variant":"v8"}}}},
                {{"mediaType":"{}","digest":"{DIGEST}","size":3}}]}}"#,
                oci::OCI_IMAGE_MEDIA_TYPE,
                oci::OCI_IMAGE_MEDIA_TYPE
            );
            let Content::Index(found) = read(text.as_bytes(), "").unwrap() else { panic!("an index") };
            assert_eq!(found.entries[0].platform.as_ref().unwrap().to_string(), "linux/arm64/v8");
            assert_eq!(found.entries[1].platform, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_document_is_read_or_refused(position in 0usize..400, byte: u8, cut in 0usize..400) {
            let mut bytes = image("").into_bytes();
            let last = bytes.len() - 1;
            bytes[position.min(last)] = byte;
            let _ = (read(&bytes, ""), read(&bytes[..cut.min(last)], oci::OCI_IMAGE_MEDIA_TYPE), read_platform(&bytes));
        }
    }

    #[test]
    fn the_kind_is_told_without_a_media_type() {
        assert!(matches!(read(image("").as_bytes(), "text/plain"), Ok(Content::Image(_))));
        let empty_index = br#"{"schemaVersion":2,"manifests":[]}"#;
        assert!(matches!(read(empty_index, ""), Ok(Content::Index(_))));
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let old = br#"{"schemaVersion":1,"name":"x","fsLayers":[]}"#;
        assert!(matches!(read(old, ""), Err(ManifestError::SchemaVersion { version: 1 })));
        let two_faced = image(&format!(r#""mediaType":"{}","#, oci::OCI_IMAGE_MEDIA_TYPE));
        let read_as_index = read(two_faced.as_bytes(), oci::OCI_IMAGE_INDEX_MEDIA_TYPE);
        assert!(matches!(read_as_index, Err(ManifestError::Contradiction { .. })));
        let other = image(r#""mediaType":"application/x","#);
        assert!(matches!(read(other.as_bytes(), ""), Err(ManifestError::MediaType { .. })));
        let negative = image("").replace(r#""size":3"#, r#""size":-3"#);
        assert!(matches!(read(negative.as_bytes(), ""), Err(ManifestError::Size { .. })));
        let sha512 = image("").replace("sha256:", "sha512:");
        assert!(matches!(read(sha512.as_bytes(), ""), Err(ManifestError::Digest { .. })));
        let deep = format!(r#"{{"schemaVersion":2,"manifests":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(matches!(read(deep.as_bytes(), ""), Err(ManifestError::Shape(_))));
        let large = vec![b' '; LARGEST_DOCUMENT as usize + 1];
        assert!(matches!(read(&large, ""), Err(ManifestError::TooLarge)));
    }

    #[test]
    fn a_configuration_names_its_platform() {
        let config = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert_eq!(read_platform(config).unwrap().to_string(), "linux/amd64");
        assert!(read_platform(b"{}").is_err());
    }
}
