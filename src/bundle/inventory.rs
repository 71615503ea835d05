//! `bundle.json`: the first entry of a bundle and the only authority on what is inside it.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Number of the delivery, rising, where the manifest counts them: a site that requires signatures refuses a lower
    /// one than it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Of a delta bundle: what it builds upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Architectures as the Go toolchain names them: `amd64`, `arm64`.
    #[serde(deserialize_with = "few")]
    pub arches: Vec<String>,
    /// Sorted by name, version, arch.
    pub components: Vec<Component>,
    /// Sorted by reference.
    pub images: Vec<Image>,
    /// Every blob of every image once, sorted by digest: indexes, manifests, configs and layers.
    pub blobs: Vec<Blob>,
    /// Helm charts; sorted by name, then version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Packages of operating systems; sorted by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Packages>,
    /// The manifest, the lock, and whatever else is carried as a plain file; sorted by path.
    pub files: Vec<File>,
}

/// More architectures than there are.
const MOST_ARCHES: usize = 64;

/// Reads a list that is never long. Its items may be as short as two bytes, and each takes a dozen times that in memory:
/// of all the lists this one alone could make much of a small inventory.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of at most {MOST_ARCHES} texts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut out = Vec::new();
            while let Some(item) = list.next_element()? {
                if out.len() == MOST_ARCHES {
                    return Err(serde::de::Error::invalid_length(out.len() + 1, &self));
                }
                out.push(item);
            }
            Ok(out)
        }
    }
    deserializer.deserialize_seq(Few)
}

/// The bundle that a delta builds upon: what is marked absent is in that one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Base {
    /// Name in the base's inventory.
    pub name: String,
    /// Digest of the base's inventory, made whole: see [`Inventory::whole`].
    pub digest: Digest,
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

/// A Helm chart, as the archive that `helm package` makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chart {
    /// As in its Chart.yaml.
    pub name: String,
    /// As in its Chart.yaml.
    pub version: String,
    /// Where it came from, on the connected side.
    pub source: String,
    #[serde(flatten)]
    pub entry: Entry,
}

/// Packages of one operating system for one architecture, as an ISO image with a package repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Packages {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID` of os-release.
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
    /// Not in this delta bundle: the base has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
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
    /// Not in this delta bundle: the base has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
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
    /// Every entry that is found by its path: components, charts, packages and files.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let components = self.components.iter().map(|one| &one.entry);
        let charts = self.charts.iter().map(|one| &one.entry);
        let packages = self.packages.iter().map(|one| &one.entry);
        components.chain(charts).chain(packages).chain(self.files.iter().map(|one| &one.entry))
    }

    /// The same, to be changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        let components = self.components.iter_mut().map(|one| &mut one.entry);
        let charts = self.charts.iter_mut().map(|one| &mut one.entry);
        let packages = self.packages.iter_mut().map(|one| &mut one.entry);
        components.chain(charts).chain(packages).chain(self.files.iter_mut().map(|one| &mut one.entry))
    }

    /// The inventory of the bundle that holds everything: of a delta, without the base and the marks of absence. Two
    /// bundles with the same whole inventory bring a site into the same state.
    pub fn whole(&self) -> Self {
        let mut whole = self.clone();
        whole.base = None;
        whole.blobs.iter_mut().for_each(|blob| blob.absent = false);
        whole.entries_mut().for_each(|entry| entry.absent = false);
        whole
    }

    /// The component of this name for this architecture. Where there are several versions, the highest in list order.
    pub fn component(&self, name: &str, arch: &str) -> Option<&Component> {
        self.components.iter().rev().find(|component| component.name == name && component.arch == arch)
    }

    /// The versions of a component, lowest first: hosts get the last, unless they ask for one by its version.
    pub fn versions(&self, name: &str) -> Vec<&str> {
        let named = self.components.iter().filter(|component| component.name == name);
        let mut versions: Vec<&str> = named.map(|component| component.version.as_str()).collect();
        versions.dedup();
        versions
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
