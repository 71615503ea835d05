//! `bundle.json`: the first entry of a bundle and the only authority on what is inside it.

use serde::{Deserialize, Serialize};

use crate::digest::{Blake3, Digest};

/// The number of the bundle format that this `kk` writes.
pub const FORMAT: u32 = 1;

/// The inventory: everything in the bundle, by digest.
///
/// All lists are sorted, so that the same lock gives the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// Bundle format; see [`FORMAT`].
    pub format: u32,
    /// `metadata.name` of the manifest.
    pub name: String,
    /// Architectures as the Go toolchain names them: `amd64`, `arm64`.
    pub arches: Vec<String>,
    /// Sorted by name, version, arch.
    pub components: Vec<Component>,
    /// Sorted by reference.
    pub images: Vec<Image>,
    /// Every blob of every image once, sorted by digest: indexes, manifests, configs and layers.
    pub blobs: Vec<Blob>,
    /// The manifest, the lock, and whatever else is carried as a plain file; sorted by path.
    pub files: Vec<File>,
}

/// Something with a version that is installed on hosts, for one architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// `kubeadm`, `containerd`, `etcd`, …
    pub name: String,
    /// With its `v`, as in the manifest.
    pub version: String,
    pub arch: String,
    /// Where it came from, on the connected side.
    pub source: String,
    #[serde(flatten)]
    pub entry: Entry,
}

/// A plain file that is carried along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    #[serde(flatten)]
    pub entry: Entry,
}

/// One member of the tar: its path and what its bytes must be (uncompressed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Relative, with forward slashes.
    pub path: String,
    /// Bytes, uncompressed.
    pub size: u64,
    pub sha256: Digest,
    pub blake3: Blake3,
}

/// An image under the name by which pods ask for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// Fully qualified, with tag or digest: `registry.k8s.io/pause:3.10.1`.
    pub reference: String,
    /// Digest of the index, or of the manifest where the registry holds no index.
    pub digest: Digest,
    pub media_type: String,
    /// The carried platforms, sorted.
    pub platforms: Vec<Platform>,
}

/// One platform of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// `linux/amd64`, `linux/arm64/v8`.
    pub platform: String,
    /// Digest of the platform's manifest.
    pub manifest: Digest,
    /// Config and layers, in the manifest's order.
    pub blobs: Vec<Digest>,
}

/// One blob of the OCI layout, at `blobs/sha256/<hex>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Blob {
    pub digest: Digest,
    pub size: u64,
    pub blake3: Blake3,
    pub media_type: String,
}

impl Blob {
    /// Where the blob lies in the bundle (OCI image layout, "Blobs").
    pub fn path(&self) -> String {
        blob_path(&self.digest)
    }
}

/// Where a blob with this digest lies in a bundle.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl Inventory {
    /// The component of this name for this architecture. Where there are several versions, the highest in list order.
    pub fn component(&self, name: &str, arch: &str) -> Option<&Component> {
        self.components.iter().rev().find(|component| component.name == name && component.arch == arch)
    }

    /// The component of exactly this version.
    pub fn component_at(&self, name: &str, version: &str, arch: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name && component.version == version && component.arch == arch)
    }

    /// The image of this fully qualified reference.
    pub fn image(&self, reference: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.reference == reference)
    }

    /// The blob of this digest.
    pub fn blob(&self, digest: &Digest) -> Option<&Blob> {
        self.blobs.iter().find(|blob| blob.digest == *digest)
    }
}
