//! From the cache into a bundle.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::interrupt::Interrupt;
use super::network;
use super::wanted::{Source, Wanted};
use crate::bundle::inventory::{self, Blob, Component, Entry, FORMAT, Inventory};
use crate::bundle::{self, Spelling, WriteError, Written};
use crate::digest::Digest;
use crate::event::Events;
use crate::fetch::{Cache, Cached};
use crate::jobs::{JobError, Kind};
use crate::manifest::Lock;
use crate::yaml;

/// A bundle that was written.
pub(super) struct Packed {
    pub inventory: Inventory,
    pub written: Written,
}

/// Packs what was fetched.
pub(super) struct Packer<'a> {
    pub source: &'a Source,
    pub wanted: &'a Wanted,
    pub cache: Arc<Cache>,
    pub interrupt: &'a Interrupt,
    pub events: &'a Events,
}

impl Packer<'_> {
    pub async fn pack(self, output: &Path, spelling: Spelling, lock: Lock) -> Result<Packed, JobError> {
        let manifest = carried_manifest(self.source)?;
        let lock_bytes = lock.to_json().map_err(|error| JobError::internal("the lock cannot be written", error))?;
        let mut contents = Contents { cache: self.cache, by_digest: HashMap::new() };
        let manifest = contents.file("manifest.yaml", contents.cache.insert(manifest.as_bytes()).map_err(network)?);
        let locked = contents.file("manifest.lock", contents.cache.insert(&lock_bytes).map_err(network)?);
        let mut inventory = contents.inventory(&self.source.manifest.metadata.name, self.wanted, &lock)?;
        inventory.files.extend([manifest, locked]);
        inventory.sort();

        let (output, events, interrupt) = (output.to_owned(), self.events.clone(), self.interrupt.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let open = |member: &bundle::Member| contents.open(&member.sha256, &interrupt);
            match bundle::write(&output, spelling, &inventory, &open, &events) {
                Ok(written) => Ok(Packed { inventory, written }),
                Err(_) if interrupt.is_set() => Err(Interrupt::error()),
                Err(error) => {
                    contents.forget_what_changed(&inventory, &error);
                    Err(failure(&error))
                }
            }
        });
        writing.await.map_err(|error| JobError::internal("the bundle cannot be written", error))?
    }
}

fn failure(error: &WriteError) -> JobError {
    let full = matches!(error, WriteError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull);
    let hint = if full {
        "Free some space, or name another place with -o. Everything is downloaded already."
    } else {
        "Run the same command again: everything is downloaded already."
    };
    JobError::new(Kind::Internal, error.to_string()).hint(hint)
}

/// The manifest as written, unless it holds secrets: these stay on this side.
fn carried_manifest(source: &Source) -> Result<String, JobError> {
    if source.manifest.spec.registry.auths.values().all(|auth| auth.password.is_none()) {
        return Ok(source.text.clone());
    }
    yaml::to_string(&source.manifest)
        .map_err(|error| JobError::internal("the manifest cannot be written without its secrets", error))
}

/// Everything that goes into the bundle, by digest.
struct Contents {
    cache: Arc<Cache>,
    by_digest: HashMap<Digest, Cached>,
}

impl Contents {
    fn entry(&mut self, path: String, cached: Cached) -> Entry {
        let measured = cached.measured.clone();
        self.by_digest.insert(measured.sha256, cached);
        Entry { path, size: measured.size, sha256: measured.sha256, blake3: measured.blake3, absent: false }
    }

    fn file(&mut self, path: &str, cached: Cached) -> inventory::File {
        inventory::File { entry: self.entry(path.to_owned(), cached) }
    }

    fn cached(&self, digest: &Digest) -> Result<Cached, JobError> {
        self.cache.find(digest).map_err(network)?.ok_or_else(|| {
            JobError::new(Kind::Internal, format!("{digest} vanished from the cache while the bundle was made"))
                .hint("Run the same command again.")
        })
    }

    fn inventory(&mut self, name: &str, wanted: &Wanted, lock: &Lock) -> Result<Inventory, JobError> {
        let mut components = Vec::new();
        for one in &wanted.components {
            let Some(locked) = lock.component(&one.name, &one.version, &one.arch) else { continue };
            let cached = self.cached(&locked.sha256)?;
            components.push(Component {
                name: one.name.clone(),
                version: one.version.clone(),
                arch: one.arch.clone(),
                source: locked.url.clone(),
                entry: self.entry(one.path(), cached),
            });
        }
        let mut files = Vec::new();
        for locked in &lock.files {
            let cached = self.cached(&locked.sha256)?;
            files.push(self.file(&format!("files/{}", locked.name), cached));
        }
        let mut blobs = Vec::new();
        for locked in &lock.blobs {
            let cached = self.cached(&locked.digest)?;
            let (size, blake3) = (cached.measured.size, cached.measured.blake3.clone());
            self.by_digest.insert(locked.digest, cached);
            let media_type = locked.media_type.clone();
            blobs.push(Blob { digest: locked.digest, size, blake3, media_type, absent: false });
        }
        let images = lock.images.iter().map(|image| inventory::Image {
            reference: image.reference.clone(),
            digest: image.digest,
            media_type: image.media_type.clone(),
            platforms: image
                .platforms
                .iter()
                .map(|one| inventory::Platform {
                    platform: one.platform.clone(),
                    manifest: one.manifest,
                    blobs: one.blobs.clone(),
                })
                .collect(),
        });
        let images = images.collect();
        Ok(Inventory {
            format: FORMAT,
            name: name.to_owned(),
            release: None,
            base: None,
            arches: wanted.arches.clone(),
            components,
            images,
            blobs,
            charts: Vec::new(),
            packages: Vec::new(),
            files,
        })
    }

    fn open(&self, digest: &Digest, interrupt: &Interrupt) -> io::Result<Box<dyn io::Read + Send>> {
        if interrupt.is_set() {
            return Err(io::Error::other("interrupted"));
        }
        let cached = self.by_digest.get(digest).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(File::open(&cached.path)?))
    }

    /// A file of the cache that is not what it was is fetched anew by the next run.
    fn forget_what_changed(&self, inventory: &Inventory, error: &WriteError) {
        let (WriteError::Content { entry, .. } | WriteError::Size { entry, .. }) = error else { return };
        let entries = inventory.entries();
        let blobs = inventory.blobs.iter().map(|blob| (blob.path(), blob.digest));
        let mut digests = entries.map(|entry| (entry.path.clone(), entry.sha256)).chain(blobs);
        if let Some((_, digest)) = digests.find(|(path, _)| path == entry) {
            // The error to report is the other one.
            let _ = self.cache.evict(&digest);
        }
    }
}
