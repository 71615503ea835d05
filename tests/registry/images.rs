//! Tiny images, true in every byte, and the source from which they are pushed.

use std::collections::HashMap;
use std::io::{self, Cursor, Read};

use kk::bundle::inventory::{Image, Platform};
use kk::digest::Digest;
use kk::image::ImageSource;

pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Blobs in memory.
#[derive(Clone, Default)]
pub struct Blobs(pub HashMap<Digest, Vec<u8>>);

impl Blobs {
    pub fn add(&mut self, bytes: Vec<u8>) -> (Digest, usize) {
        let digest = Digest::of(&bytes);
        let size = bytes.len();
        self.0.insert(digest, bytes);
        (digest, size)
    }
}

impl ImageSource for Blobs {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.0.get(digest).cloned().ok_or_else(|| io::Error::other("it is not in the bundle"))?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A gzipped tar with one file; gives the layer and the digest of the tar itself.
fn layer(name: &str, content: &[u8]) -> (Vec<u8>, Digest) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, content).unwrap();
    let plain = archive.into_inner().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut packed, &plain).unwrap();
    (packed.finish().unwrap(), Digest::of(&plain))
}

/// A manifest with its config and two layers, of which the first is the same in every image.
pub fn add_platform(blobs: &mut Blobs, seed: u64, arch: &str, bytes: usize) -> (Digest, usize, Vec<Digest>) {
    let (base, base_tar) = layer("base", b"shared by every image");
    let (own, own_tar) = layer(&format!("{arch}-{seed}"), &noise(seed, bytes));
    let config = format!(
        r#"{{"architecture":"{arch}","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{base_tar}","{own_tar}"]}}}}"#
    );
    let (config, config_size) = blobs.add(config.into_bytes());
    let (base, base_size) = blobs.add(base);
    let (own, own_size) = blobs.add(own);
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    // Odd spacing and an unknown field: bytes that no writer would give again.
    let manifest = format!(
        r#"{{ "schemaVersion": 2,  "mediaType": "{OCI_MANIFEST}", "x-unknown": [1, 2],
"config": {{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},
"layers": [{{"mediaType":"{kind}","digest":"{base}","size":{base_size}}},{{"mediaType":"{kind}","digest":"{own}","size":{own_size}}}] }}
"#
    );
    let (manifest, size) = blobs.add(manifest.into_bytes());
    (manifest, size, vec![config, base, own])
}

/// An image with an index over these architectures, each in memory, and an attestation that is nowhere.
pub fn indexed(blobs: &mut Blobs, reference: &str, seed: u64, arches: &[&str], bytes: usize) -> Image {
    let mut entries = Vec::new();
    let mut platforms = Vec::new();
    for (position, arch) in arches.iter().enumerate() {
        let (manifest, size, parts) = add_platform(blobs, seed * 100 + position as u64, arch, bytes);
        entries.push(format!(
            r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{manifest}","size":{size},"platform":{{"os":"linux","architecture":"{arch}"}}}}"#
        ));
        platforms.push(Platform { platform: format!("linux/{arch}"), manifest, blobs: parts });
    }
    let index = format!(r#"{{"schemaVersion":2, "mediaType":"{OCI_INDEX}", "manifests":[{}]}}"#, entries.join(",\n"));
    let (digest, _) = blobs.add(index.into_bytes());
    Image { reference: reference.into(), digest, media_type: OCI_INDEX.into(), platforms }
}

/// Leaves only these architectures of an image, as a bundle does that was made for them; the index stays as it is.
pub fn only(image: &Image, arches: &[&str]) -> Image {
    let mut image = image.clone();
    image.platforms.retain(|platform| arches.iter().any(|arch| platform.platform == format!("linux/{arch}")));
    image
}
