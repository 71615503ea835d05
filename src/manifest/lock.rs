//! The lock: exactly what a manifest means today. Every tag a digest, every download a SHA-256 and a size.
//!
//! It lies beside the manifest (`manifest.yaml` → `manifest.lock`), belongs under version control with it, and is
//! carried in the bundle. As long as it fits the manifest, an export makes the same bundle, byte for byte.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The number of the lock format that this `kk` writes.
pub const FORMAT: u32 = 1;

/// A resolved manifest. All lists are sorted and free of duplicates; see [`Lock::new`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// Lock format; see [`FORMAT`].
    pub format: u32,
    pub components: Vec<LockedComponent>,
    pub files: Vec<LockedFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<LockedChart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LockedPackages>,
    pub images: Vec<LockedImage>,
    /// Every blob of every image once: indexes, manifests, configs and layers.
    pub blobs: Vec<LockedBlob>,
}

/// A component for one architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedComponent {
    pub name: String,
    /// As in the manifest.
    pub version: String,
    pub arch: String,
    /// Where it was published, whatever mirror it came from.
    pub url: String,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub checksum_source: ChecksumSource,
}

/// A file that is carried as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedFile {
    /// Name below `files/` in the bundle.
    pub name: String,
    /// Address, or path relative to the manifest.
    pub source: String,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub checksum_source: ChecksumSource,
}

/// A Helm chart, as an archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedChart {
    pub name: String,
    pub version: String,
    /// As in the manifest: the repository, or the path relative to the manifest.
    pub source: String,
    /// Address of the archive, where the repository's index named one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub checksum_source: ChecksumSource,
}

/// Packages of one operating system for one architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedPackages {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID` of os-release.
    pub version: String,
    pub arch: String,
    /// Address, or path relative to the manifest.
    pub source: String,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub checksum_source: ChecksumSource,
}

/// Who said what the digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumSource {
    /// The project's own checksum file, or the manifest.
    Upstream,
    /// Nobody: it is that of the bytes that came the first time.
    Downloaded,
}

/// An image under the name by which pods ask for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedImage {
    /// Fully qualified.
    pub reference: String,
    /// Digest of the index, or of the manifest where the registry holds no index.
    pub digest: Digest,
    pub media_type: String,
    /// The carried platforms.
    pub platforms: Vec<LockedPlatform>,
}

/// One platform of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedPlatform {
    /// `linux/amd64`, `linux/arm64/v8`.
    pub platform: String,
    /// Digest of the platform's manifest.
    pub manifest: Digest,
    /// Config and layers, in the manifest's order.
    pub blobs: Vec<Digest>,
}

/// One blob of the images.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedBlob {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    pub media_type: String,
}

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("it is not a lock file")]
    Form(#[source] serde_json::Error),
    #[error("it has format {found}, and this kk knows format {FORMAT}: it was written by a later kk")]
    Format { found: u32 },
    #[error("image {reference} names blob {digest}, which the lock does not list")]
    Blob { reference: String, digest: Digest },
}

impl LockedImage {
    /// Index, manifests, configs and layers; some may come twice.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        let platforms = self.platforms.iter().flat_map(|one| std::iter::once(&one.manifest).chain(&one.blobs));
        std::iter::once(&self.digest).chain(platforms)
    }

    /// Whether the digest is that of a document of the image (its index or a manifest) rather than of a plain blob:
    /// registries serve the two at different addresses.
    pub fn is_document(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.platforms.iter().any(|one| one.manifest == *digest)
    }
}

impl Lock {
    /// Sorts, and drops what is there twice.
    pub fn new(
        mut components: Vec<LockedComponent>,
        mut files: Vec<LockedFile>,
        mut images: Vec<LockedImage>,
        mut blobs: Vec<LockedBlob>,
    ) -> Self {
        components.sort();
        components.dedup();
        files.sort();
        files.dedup();
        for image in &mut images {
            image.platforms.sort();
        }
        images.sort();
        images.dedup();
        // Two images may call the same bytes by different media types; one of them has to do.
        blobs.sort();
        blobs.dedup_by(|one, other| one.digest == other.digest);
        let (charts, packages) = (Vec::new(), Vec::new());
        Self { format: FORMAT, components, files, charts, packages, images, blobs }
    }

    /// The same with charts and packages, sorted and each once.
    pub fn with(mut self, charts: Vec<LockedChart>, packages: Vec<LockedPackages>) -> Self {
        (self.charts, self.packages) = (charts, packages);
        self.charts.sort();
        self.charts.dedup();
        self.packages.sort();
        self.packages.dedup();
        self
    }

    /// Reads a lock file.
    pub fn parse(bytes: &[u8]) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(LockError::Form)?;
        if head.format != FORMAT {
            return Err(LockError::Format { found: head.format });
        }
        let lock: Self = serde_json::from_slice(bytes).map_err(LockError::Form)?;
        let known: BTreeSet<&Digest> = lock.blobs.iter().map(|blob| &blob.digest).collect();
        for image in &lock.images {
            if let Some(digest) = image.blobs().find(|digest| !known.contains(digest)) {
                return Err(LockError::Blob { reference: image.reference.clone(), digest: *digest });
            }
        }
        Ok(Self::new(lock.components, lock.files, lock.images, lock.blobs).with(lock.charts, lock.packages))
    }

    /// The bytes of the lock file: JSON, one value a line, so that version control shows what changed.
    pub fn to_json(&self) -> Result<Vec<u8>, LockError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(LockError::Form)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Where the lock of a manifest lies.
    pub fn path_beside(manifest: &Path) -> PathBuf {
        manifest.with_extension("lock")
    }

    pub fn component(&self, name: &str, version: &str, arch: &str) -> Option<&LockedComponent> {
        self.components.iter().find(|one| one.name == name && one.version == version && one.arch == arch)
    }

    pub fn file(&self, name: &str) -> Option<&LockedFile> {
        self.files.iter().find(|one| one.name == name)
    }

    pub fn chart(&self, name: &str, version: &str) -> Option<&LockedChart> {
        self.charts.iter().find(|one| one.name == name && one.version == version)
    }

    pub fn packages(&self, id: &str, version: &str, arch: &str) -> Option<&LockedPackages> {
        self.packages.iter().find(|one| one.id == id && one.version == version && one.arch == arch)
    }

    pub fn image(&self, reference: &str) -> Option<&LockedImage> {
        self.images.iter().find(|one| one.reference == reference)
    }

    pub fn blob(&self, digest: &Digest) -> Option<&LockedBlob> {
        self.blobs.binary_search_by(|one| one.digest.cmp(digest)).ok().and_then(|at| self.blobs.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Lock {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let component = |name: &str, arch: &str| LockedComponent {
            name: name.into(),
            version: "v1.35.4".into(),
            arch: arch.into(),
            url: format!("https://dl.k8s.io/release/v1.35.4/bin/linux/{arch}/{name}"),
            sha256: digest(name),
            size: 7,
            checksum_source: ChecksumSource::Upstream,
        };
        let blob = |text: &str, media_type: &str| LockedBlob {
            digest: digest(text),
            size: text.len() as u64,
            media_type: media_type.into(),
        };
        let image = LockedImage {
            reference: "registry.k8s.io/pause:3.10.1".into(),
            digest: digest("index"),
            media_type: "application/vnd.oci.image.index.v1+json".into(),
            platforms: vec![LockedPlatform {
                platform: "linux/amd64".into(),
                manifest: digest("manifest"),
                blobs: vec![digest("config"), digest("layer")],
            }],
        };
        let blobs = vec![
            blob("layer", "application/vnd.oci.image.layer.v1.tar+gzip"),
            blob("index", "application/vnd.oci.image.index.v1+json"),
            blob("config", "application/vnd.oci.image.config.v1+json"),
            blob("manifest", "application/vnd.oci.image.manifest.v1+json"),
            blob("layer", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ];
        let components =
            vec![component("kubelet", "amd64"), component("kubeadm", "arm64"), component("kubelet", "amd64")];
        Lock::new(components, Vec::new(), vec![image.clone(), image], blobs)
    }

    #[test]
    fn a_lock_is_sorted_and_reads_back_as_it_was_written() {
        let lock = sample();
        let names: Vec<_> = lock.components.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["kubeadm", "kubelet"]);
        assert_eq!(lock.images.len(), 1);
        assert_eq!(lock.blobs.len(), 4);
        let bytes = lock.to_json().unwrap();
        let read = Lock::parse(&bytes).unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.to_json().unwrap(), bytes);
        assert!(read.blob(&Digest::of(b"layer")).is_some());
        assert!(read.blob(&Digest::of(b"other")).is_none());
    }

    #[test]
    fn a_lock_that_cannot_be_used_says_why() {
        assert!(matches!(Lock::parse(b"kind: Manifest"), Err(LockError::Form(_))));
        assert!(matches!(Lock::parse(br#"{"format": 9, "new": 1}"#), Err(LockError::Format { found: 9 })));
        let mut lock = sample();
        lock.blobs.pop();
        assert!(matches!(Lock::parse(&lock.to_json().unwrap()), Err(LockError::Blob { .. })));
    }

    #[test]
    fn the_lock_has_the_name_of_its_manifest() {
        assert_eq!(Lock::path_beside(Path::new("a/manifest-v1.35.yaml")), Path::new("a/manifest-v1.35.lock"));
    }
}
