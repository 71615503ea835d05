//! The tar that `docker load` reads (Docker's image specification v1.2, "Combined Image JSON + Filesystem Changeset
//! Format"): `manifest.json`, then configurations and layers under their digests, each once.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use serde::Serialize;
use serde_json::json;

use crate::digest::Digest;

/// One image of the tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadImage {
    /// Names with tags; none for an image that is named by digest alone.
    pub tags: Vec<String>,
    pub config: Digest,
    /// From the bottom up, as they are: Docker and containerd read compressed ones too.
    pub layers: Vec<Digest>,
}

/// A blob: its size and its content.
pub type OpenBlob<'a> = dyn Fn(&Digest) -> io::Result<(u64, Box<dyn Read + Send>)> + 'a;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    config: String,
    repo_tags: &'a [String],
    layers: Vec<String>,
}

/// Where blobs lie, as Docker itself writes them since version 25.
fn place(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Writes the tar; the same images give the same bytes.
pub fn write(out: impl Write, images: &[LoadImage], open: &OpenBlob<'_>) -> io::Result<()> {
    let items = images.iter().map(|image| Item {
        config: place(&image.config),
        repo_tags: &image.tags,
        layers: image.layers.iter().map(place).collect(),
    });
    let manifest = json!(items.collect::<Vec<_>>()).to_string().into_bytes();
    let mut tar = tar::Builder::new(out);
    append(&mut tar, "manifest.json", manifest.len() as u64, manifest.as_slice())?;
    let blobs: BTreeSet<&Digest> =
        images.iter().flat_map(|one| std::iter::once(&one.config).chain(&one.layers)).collect();
    for digest in blobs {
        let (size, content) = open(digest)?;
        append(&mut tar, &place(digest), size, content)?;
    }
    tar.into_inner()?.flush()
}

fn append(tar: &mut tar::Builder<impl Write>, path: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, path, content)
}
