//! Which entries a bundle has, and in which order: a pure function of its inventory.
//!
//! `bundle.json`, `bundle.sha256` (which stock `sha256sum -c` checks), `bundle.sig` where the bundle is signed,
//! `oci-layout`, `index.json`, `blobs/sha256/…` by digest, components by path, charts, packages of operating systems, other
//! files by path. What a delta bundle marks as absent is left out. The first three are
//! always stored, so that a bundle opens without decompression and the place of every other entry can be known before
//! its content is.

use serde_json::json;

use super::frame;
use super::header::{self, BLOCK, Header, PathTooLong};
use super::inventory::{Entry, Inventory};
use super::spelling::Spelling;
use crate::digest::{Blake3, Digest, Hasher};

/// Path of the inventory, the first entry.
pub const INVENTORY: &str = "bundle.json";
/// Path of the checksums of the inventory and of its signature, the second entry.
pub const CHECKSUMS: &str = "bundle.sha256";
/// Path of the signature over the inventory's bytes, the third entry of a signed bundle.
pub const SIGNATURE: &str = "bundle.sig";

/// One entry of a bundle, as the tar has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Relative, with forward slashes.
    pub path: String,
    /// Bytes, uncompressed.
    pub size: u64,
    pub sha256: Digest,
    pub blake3: Blake3,
    pub kind: Kind,
}

/// What an entry is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Follows from the inventory: these are its bytes.
    Derived(Vec<u8>),
    /// A blob of the OCI layout.
    Blob { media_type: String },
    /// Installed on hosts.
    Component { name: String, version: String, arch: String },
    /// A Helm chart.
    Chart { name: String, version: String },
    /// Packages of an operating system.
    Packages { system: String, arch: String },
    /// Carried as it is.
    File,
}

impl Member {
    fn derived(path: &str, bytes: Vec<u8>) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        let measured = hasher.finish();
        Self {
            path: path.into(),
            size: measured.size,
            sha256: measured.sha256,
            blake3: measured.blake3,
            kind: Kind::Derived(bytes),
        }
    }

    fn of(entry: &Entry, kind: Kind) -> Self {
        Self { path: entry.path.clone(), size: entry.size, sha256: entry.sha256, blake3: entry.blake3.clone(), kind }
    }

    /// Its tar header.
    pub(super) fn header(&self) -> Result<Header, PathTooLong> {
        let mode = if matches!(self.kind, Kind::Component { .. }) && is_program(&self.path) { 0o755 } else { 0o644 };
        header::header(&self.path, self.size, mode)
    }

    /// Bytes of zeros after its content.
    pub(super) fn padding(&self) -> u64 {
        (BLOCK - self.size % BLOCK) % BLOCK
    }

    /// Of blobs.
    pub fn media_type(&self) -> Option<&str> {
        match &self.kind {
            Kind::Blob { media_type } => Some(media_type),
            _ => None,
        }
    }

    /// Bytes of header, content and padding.
    pub fn length(&self) -> u64 {
        BLOCK.saturating_add(self.size).saturating_add(self.padding())
    }

    /// Whether it is stored as it is in this spelling: what is compressed already, and what a reader needs first.
    pub(super) fn is_stored(&self, spelling: Spelling) -> bool {
        match &self.kind {
            Kind::Derived(_) => {
                spelling == Spelling::Tar || [INVENTORY, CHECKSUMS, SIGNATURE].contains(&self.path.as_str())
            }
            Kind::Blob { media_type } => is_stored(spelling, &self.path, Some(media_type)),
            Kind::Component { .. } | Kind::Chart { .. } | Kind::Packages { .. } | Kind::File => {
                is_stored(spelling, &self.path, None)
            }
        }
    }
}

/// Whether an entry with this path, or a blob of this media type, is stored as it is in this spelling.
pub fn is_stored(spelling: Spelling, path: &str, media_type: Option<&str>) -> bool {
    spelling == Spelling::Tar || media_type.map_or_else(|| is_compressed_name(path), is_compressed_media)
}

/// Bytes that an entry of `size` bytes will take in a bundle: exact where it is stored; where it is compressed, two fifths
/// of its size, which is what programs have been seen to leave.
pub fn estimate(spelling: Spelling, path: &str, media_type: Option<&str>, size: u64) -> u64 {
    let length = BLOCK.saturating_add(size).div_ceil(BLOCK).saturating_mul(BLOCK);
    match is_stored(spelling, path, media_type) {
        true => frame::stored_length(spelling, length),
        false => length / 5 * 2,
    }
}

/// Layers and charts name their compression at the end of their media type (OCI image specification, layer.md; Docker
/// image manifest version 2 schema 2; Helm's charts).
fn is_compressed_media(media_type: &str) -> bool {
    ["+gzip", "+zstd", ".gzip", ".zstd"].iter().any(|ending| media_type.ends_with(ending))
}

/// File names whose content is compressed. An ISO of OS packages is full of compressed packages.
fn is_compressed_name(path: &str) -> bool {
    let name = path.to_ascii_lowercase();
    [".gz", ".tgz", ".zst", ".xz", ".bz2", ".zip", ".iso", ".rpm", ".deb", ".apk"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// A component that is not an archive or a text is a program, and unpacks executable.
fn is_program(path: &str) -> bool {
    let name = path.to_ascii_lowercase();
    let is_text = [".tar", ".yaml", ".yml", ".json", ".txt"].iter().any(|ending| name.ends_with(ending));
    !is_text && !is_compressed_name(path)
}

/// The entries that a reader needs before all others.
pub(super) fn front(inventory: &[u8], signature: Option<&[u8]>) -> Vec<Member> {
    let mut members = vec![Member::derived(INVENTORY, inventory.to_vec())];
    members.push(Member::derived(CHECKSUMS, checksums(inventory, signature)));
    members.extend(signature.map(|bytes| Member::derived(SIGNATURE, bytes.to_vec())));
    members
}

/// The content of `bundle.sha256`.
pub(super) fn checksums(inventory: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let line = |bytes: &[u8], path: &str| format!("{}  {path}\n", Digest::of(bytes).hex());
    let mut out = line(inventory, INVENTORY);
    if let Some(bytes) = signature {
        out += &line(bytes, SIGNATURE);
    }
    out.into_bytes()
}

/// The entries after the front, in order.
pub(super) fn body(inventory: &Inventory) -> Vec<Member> {
    let mut members = vec![
        Member::derived("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        Member::derived("index.json", index(inventory)),
    ];
    let blobs = inventory.blobs.iter().filter(|blob| !blob.absent);
    members.extend(blobs.map(|blob| Member {
        path: blob.path(),
        size: blob.size,
        sha256: blob.digest,
        blake3: blob.blake3.clone(),
        kind: Kind::Blob { media_type: blob.media_type.clone() },
    }));
    let mut components: Vec<Member> = inventory
        .components
        .iter()
        .filter(|component| !component.entry.absent)
        .map(|component| {
            let (name, version, arch) = (component.name.clone(), component.version.clone(), component.arch.clone());
            Member::of(&component.entry, Kind::Component { name, version, arch })
        })
        .collect();
    components.sort_by(|one, other| one.path.cmp(&other.path));
    members.extend(components);
    let charts = inventory.charts.iter().filter(|chart| !chart.entry.absent).map(|chart| {
        let (name, version) = (chart.name.clone(), chart.version.clone());
        Member::of(&chart.entry, Kind::Chart { name, version })
    });
    members.extend(charts);
    let packages = inventory.packages.iter().filter(|one| !one.entry.absent).map(|one| {
        let system = format!("{} {}", one.id, one.version);
        Member::of(&one.entry, Kind::Packages { system, arch: one.arch.clone() })
    });
    members.extend(packages);
    let files = inventory.files.iter().filter(|file| !file.entry.absent);
    members.extend(files.map(|file| Member::of(&file.entry, Kind::File)));
    members
}

/// `index.json` (OCI image specification, image-index.md): a descriptor for each image, under the annotations by which
/// skopeo and containerd name it.
pub fn index(inventory: &Inventory) -> Vec<u8> {
    let manifests: Vec<_> = inventory
        .images
        .iter()
        .map(|image| {
            json!({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": inventory.blob(&image.digest).map_or(0, |blob| blob.size),
                "annotations": {
                    "io.containerd.image.name": image.reference,
                    "org.opencontainers.image.ref.name": image.reference,
                },
            })
        })
        .collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    index.to_string().into_bytes()
}

impl Inventory {
    /// The bytes of `bundle.json`.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_order_is_fixed() {
        let sample = sample::sample();
        let json = sample.inventory.to_json().unwrap();
        let mut members = front(&json, Some(b"signature"));
        members.extend(body(&sample.inventory));
        let list: Vec<String> = members
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one.path,
                    one.size,
                    if one.is_stored(Spelling::TarGz) { "stored" } else { "packed" }
                )
            })
            .map(|line| line.replace("blobs/sha256/", "blobs/"))
            .map(|line| if line.starts_with("blobs/") { format!("blobs/…{}", &line[70..]) } else { line })
            .collect();
        insta::assert_snapshot!(list.join("\n"), @r"
        bundle.json 2833 stored
        bundle.sha256 155 stored
        bundle.sig 9 stored
        oci-layout 30 packed
        index.json 381 packed
        blobs/… 151 packed
        blobs/… 21 stored
        blobs/… 400 packed
        files/etcd/v3.6.5/amd64/etcd-v3.6.5-linux-amd64.tar.gz 2 stored
        files/kubeadm/v1.34.2/amd64/kubeadm 620 packed
        charts/empty 0 packed
        manifest.yaml 15 packed
        ");
    }

    #[test]
    fn the_index_names_images_for_containerd_and_skopeo() {
        let index = String::from_utf8(index(&sample::sample().inventory)).unwrap();
        insta::assert_snapshot!(index, @r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:c53aaad75d0ec4e2a64f2d78f251d7225ae2a763d41622843f5c738eafc70d19","size":400,"annotations":{"io.containerd.image.name":"registry.k8s.io/pause:3.10.1","org.opencontainers.image.ref.name":"registry.k8s.io/pause:3.10.1"}}]}"#);
    }

    #[test]
    fn compressed_things_are_known_by_type_and_name() {
        for media in [
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        ] {
            assert!(is_compressed_media(media), "{media}");
        }
        assert!(!is_compressed_media("application/vnd.oci.image.layer.v1.tar"));
        assert!(!is_compressed_media("application/vnd.oci.image.manifest.v1+json"));
        assert!(is_compressed_name("packages/Ubuntu-22.04.ISO"));
        assert!(!is_compressed_name("files/kubeadm/v1.34.2/amd64/kubeadm"));
        assert!(is_program("files/kk/v0.1.0/amd64/kk-linux-amd64"));
        assert!(is_program("files/runc/v1.3.0/amd64/runc.amd64"));
        assert!(!is_program("files/calico/v3.30.0/amd64/calico.yaml"));
    }
}
