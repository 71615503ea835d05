//! A tiny bundle for this room's tests: one image for two architectures, components and files.

use std::collections::HashMap;
use std::io::{self, Read};

use super::inventory::{Blob, Component, Entry, File, Image, Inventory, Platform};
use super::layout::Member;
use crate::digest::{Digest, Hasher, Measured};

pub(super) struct Sample {
    pub(super) inventory: Inventory,
    /// Content by sha256.
    pub(super) content: HashMap<Digest, Vec<u8>>,
}

impl Sample {
    pub(super) fn open(&self, member: &Member) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.content.get(&member.sha256).cloned();
        let bytes = bytes.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such content"))?;
        Ok(Box::new(io::Cursor::new(bytes)))
    }

    fn keep(&mut self, bytes: Vec<u8>) -> Measured {
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        let measured = hasher.finish();
        self.content.insert(measured.sha256, bytes);
        measured
    }

    pub(super) fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Digest {
        let Measured { sha256, blake3, size } = self.keep(bytes);
        self.inventory.blobs.push(Blob { digest: sha256, size, blake3, media_type: media_type.into(), absent: false });
        sha256
    }

    fn entry(&mut self, path: &str, bytes: Vec<u8>) -> Entry {
        let Measured { sha256, blake3, size } = self.keep(bytes);
        Entry { path: path.into(), size, sha256, blake3, absent: false }
    }

    pub(super) fn component(&mut self, name: &str, version: &str, file: &str, bytes: Vec<u8>) {
        let entry = self.entry(&format!("files/{name}/{version}/amd64/{file}"), bytes);
        let source = format!("https://example.org/{file}");
        let (name, version, arch) = (name.into(), version.into(), "amd64".into());
        self.inventory.components.push(Component { name, version, arch, source, entry });
    }

    pub(super) fn file(&mut self, path: &str, bytes: Vec<u8>) {
        let entry = self.entry(path, bytes);
        self.inventory.files.push(File { entry });
    }

    pub(super) fn image(&mut self, reference: &str, layer: &[u8]) {
        const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
        const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
        const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
        let layer = self.blob(LAYER, layer.to_vec());
        let config =
            format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#);
        let config_size = config.len();
        let config = self.blob(CONFIG, config.into_bytes());
        let layer_size = self.content[&layer].len();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"{CONFIG}","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"{LAYER}","digest":"{layer}","size":{layer_size}}}]}}"#
        );
        let manifest = self.blob(MANIFEST, manifest.into_bytes());
        let platform = Platform { platform: "linux/amd64".into(), manifest, blobs: vec![config, layer] };
        let (reference, media_type) = (reference.into(), MANIFEST.into());
        self.inventory.images.push(Image { reference, digest: manifest, media_type, platforms: vec![platform] });
    }
}

pub(super) fn empty() -> Sample {
    let inventory = Inventory {
        format: super::inventory::FORMAT,
        name: "sample".into(),
        release: None,
        base: None,
        arches: vec!["amd64".into()],
        components: Vec::new(),
        images: Vec::new(),
        blobs: Vec::new(),
        charts: Vec::new(),
        packages: Vec::new(),
        files: Vec::new(),
    };
    Sample { inventory, content: HashMap::new() }
}

pub(super) fn sample() -> Sample {
    let mut sample = empty();
    sample.image("registry.k8s.io/pause:3.10.1", b"\x1f\x8b not really a layer");
    sample.component("kubeadm", "v1.34.2", "kubeadm", b"a program, a program, a program".repeat(20));
    sample.component("etcd", "v3.6.5", "etcd-v3.6.5-linux-amd64.tar.gz", b"\x1f\x8b".to_vec());
    sample.file("manifest.yaml", b"kind: Manifest\n".to_vec());
    sample.file("charts/empty", Vec::new());
    sample.inventory.sort();
    sample
}
