//! A bundle of tiny images in a folder.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::process::{Command, Output};

use kk::bundle::inventory::{Blob, FORMAT, File, Image, Inventory, Platform};
use kk::bundle::{Spelling, write};
use kk::digest::{Digest, Hasher};
use kk::event::silent;
use serde_json::Value;
use tempfile::TempDir;

use crate::images::{self, Blobs, OCI_INDEX, OCI_MANIFEST};

/// The layers' size: several pieces, frames and blocks.
pub const LAYER: usize = 2_500_000;

pub struct World {
    pub folder: TempDir,
    pub blobs: Blobs,
    pub images: Vec<Image>,
}

impl World {
    /// Two repositories, one of them with two tags; two architectures and one; layers of all images share one.
    pub fn new() -> Self {
        let mut blobs = Blobs::default();
        let images = vec![
            images::indexed(&mut blobs, "docker.io/library/nginx:1.29", 1, &["amd64", "arm64"], LAYER),
            images::indexed(&mut blobs, "registry.k8s.io/pause:3.10", 2, &["amd64"], 1000),
            images::indexed(&mut blobs, "registry.k8s.io/pause:3.9", 3, &["amd64"], 1000),
        ];
        Self { folder: tempfile::tempdir().unwrap(), blobs, images }
    }

    /// Adds something that names the first image as its subject, under a tag of the same repository; gives its digest.
    pub fn attach(&mut self) -> Digest {
        let subject = self.images[0].digest;
        let size = self.blobs.0[&subject].len();
        let (empty, _) = self.blobs.add(b"{}".to_vec());
        let (bill, bill_size) = self.blobs.add(b"a bill of materials".to_vec());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"application/spdx+json",
            "config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{empty}","size":2}},
            "layers":[{{"mediaType":"application/spdx+json","digest":"{bill}","size":{bill_size}}}],
            "subject":{{"mediaType":"{OCI_INDEX}","digest":"{subject}","size":{size}}}}}"#
        );
        let (manifest, _) = self.blobs.add(manifest.into_bytes());
        let platform = Platform { platform: "linux/amd64".into(), manifest, blobs: vec![empty, bill] };
        self.images.push(Image {
            reference: "docker.io/library/nginx:bill".into(),
            digest: manifest,
            media_type: OCI_MANIFEST.into(),
            platforms: vec![platform],
        });
        manifest
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a bundle of all images. Manifests and configurations are packed, layers are stored but for the shared one.
    pub fn bundle(&self, spelling: Spelling) -> PathBuf {
        let path = self.path(&format!("images{}", spelling.ending()));
        let open = |member: &kk::bundle::Member| -> io::Result<Box<dyn Read + Send>> {
            let bytes = self.blobs.0.get(&member.sha256).cloned();
            Ok(Box::new(Cursor::new(bytes.ok_or_else(|| io::Error::other("no such blob"))?)))
        };
        write(&path, spelling, &self.inventory(), &open, &silent()).unwrap();
        path
    }

    fn inventory(&self) -> Inventory {
        let mut blobs: Vec<Blob> = self.blobs.0.iter().map(|(digest, bytes)| self.blob(digest, bytes)).collect();
        blobs.sort_by_key(|blob| blob.digest);
        let mut images = self.images.clone();
        images.sort_by(|one, other| one.reference.cmp(&other.reference));
        Inventory {
            format: FORMAT,
            name: "images".into(),
            release: None,
            base: None,
            arches: vec!["amd64".into(), "arm64".into()],
            components: Vec::new(),
            images,
            blobs,
            charts: Vec::new(),
            packages: Vec::new(),
            files: Vec::<File>::new(),
        }
    }

    fn blob(&self, digest: &Digest, bytes: &[u8]) -> Blob {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        let measured = hasher.finish();
        let is_index = self.images.iter().any(|image| image.digest == *digest);
        let is_manifest = self.images.iter().flat_map(|image| &image.platforms).any(|one| one.manifest == *digest);
        let media_type = match (is_index, is_manifest) {
            (true, _) => OCI_INDEX,
            (_, true) => OCI_MANIFEST,
            // The shared layer is said not to be compressed, so that one is packed.
            _ if bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() > 500 => "application/vnd.oci.image.layer.v1.tar+gzip",
            _ => "application/octet-stream",
        };
        let (digest, media_type) = (*digest, media_type.to_owned());
        Blob { digest, size: measured.size, blake3: measured.blake3, media_type, absent: false }
    }

    /// `kk artifact images …` with these arguments, in the folder.
    pub fn images(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kk"))
            .args(["artifact", "images"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("DOCKER_CONFIG", self.path("docker"))
            .output()
            .unwrap()
    }

    /// The result of such a command, the last line of its JSON.
    pub fn result(&self, arguments: &[&str]) -> Value {
        let output = self.images(&[arguments, &["--output", "json"]].concat());
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }

    /// The largest layer of the first image.
    pub fn layer(&self) -> Digest {
        self.images[0].platforms[0].blobs[2]
    }
}
