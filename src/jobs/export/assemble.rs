//! From the lock and the cache to an inventory whose every entry has a source.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::base::Base;
use super::carried::What;
use super::network;
use super::wanted::Wanted;
use crate::bundle::inventory::{self, Blob, Chart, Component, Entry, FORMAT, Inventory, Packages};
use crate::digest::Digest;
use crate::fetch::{Cache, Cached};
use crate::jobs::{JobError, Kind};
use crate::manifest::{Lock, ManifestFile};

/// All that goes into a bundle: what it will say that it holds, and where the bytes are.
pub(super) struct Assembled {
    /// Complete, and not sorted before [`Assembled::sort`].
    pub inventory: Inventory,
    pub cache: Arc<Cache>,
    by_digest: HashMap<Digest, Cached>,
    /// What the base holds: known, and perhaps nowhere here.
    held: HashMap<Digest, Cached>,
}

impl Assembled {
    /// All that the lock names, from the cache, or by name alone where the base has it.
    pub fn of(
        manifest: &ManifestFile,
        wanted: &Wanted,
        lock: &Lock,
        cache: Arc<Cache>,
        base: Option<&Base>,
    ) -> Result<Self, JobError> {
        let inventory = Inventory {
            format: FORMAT,
            name: manifest.metadata.name.clone(),
            release: manifest.spec.release,
            base: None,
            arches: wanted.arches.clone(),
            components: Vec::new(),
            images: images(lock),
            blobs: Vec::new(),
            charts: Vec::new(),
            packages: Vec::new(),
            files: Vec::new(),
        };
        let held = base.map(Base::contents).unwrap_or_default();
        let mut assembled = Self { inventory, cache, by_digest: HashMap::new(), held };
        assembled.components(wanted, lock)?;
        assembled.files(lock)?;
        assembled.charts(lock)?;
        assembled.packages(lock)?;
        assembled.blobs(lock)?;
        Ok(assembled)
    }

    /// Adds a file whose bytes are in memory.
    pub fn add_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), JobError> {
        let cached = self.cache.insert(bytes).map_err(network)?;
        let entry = self.entry(path.to_owned(), cached);
        self.inventory.files.push(inventory::File { entry });
        Ok(())
    }

    /// Whether some of it may be nowhere here.
    pub fn has_base(&self) -> bool {
        !self.held.is_empty()
    }

    /// Puts the lists into the inventory's order.
    pub fn sort(&mut self) {
        self.inventory.sort();
    }

    /// Where the bytes of this digest are.
    pub fn source(&self, digest: &Digest) -> Option<&Cached> {
        self.by_digest.get(digest)
    }

    /// Opens an entry by its path.
    pub fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        let entry = self.inventory.entries().find(|entry| entry.path == path);
        let cached = entry.and_then(|entry| self.source(&entry.sha256));
        let cached = cached.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        cached.open()
    }

    /// How many entries have these bytes.
    pub fn uses(&self, digest: &Digest) -> usize {
        let entries = self.inventory.entries().filter(|entry| entry.sha256 == *digest).count();
        entries + usize::from(self.inventory.blob(digest).is_some())
    }

    /// Forgets the files of the cache whose bytes are no longer what they were: a disk rots, or lost power before it had
    /// them. Says how many there were.
    pub fn forget_what_changed(&self) -> usize {
        let changed = self.by_digest.values().filter(|cached| cached.is_here() && !is_intact(cached));
        // What cannot be removed stays bad, and fails the next attempt too.
        changed.map(|cached| self.cache.evict(&cached.measured.sha256)).filter(Result::is_ok).count()
    }

    fn entry(&mut self, path: String, cached: Cached) -> Entry {
        let measured = cached.measured.clone();
        self.by_digest.insert(measured.sha256, cached);
        Entry { path, size: measured.size, sha256: measured.sha256, blake3: measured.blake3, absent: false }
    }

    fn cached(&self, digest: &Digest) -> Result<Cached, JobError> {
        let found = self.cache.find(digest).map_err(network)?.or_else(|| self.held.get(digest).cloned());
        let cached = found.ok_or_else(|| {
            JobError::new(Kind::Internal, format!("{digest} vanished from the cache while the bundle was made"))
                .hint("Run the same command again.")
        })?;
        self.cache.touch(digest);
        Ok(cached)
    }

    fn components(&mut self, wanted: &Wanted, lock: &Lock) -> Result<(), JobError> {
        for one in &wanted.components {
            let Some(locked) = lock.component(&one.name, &one.version, &one.arch) else { continue };
            let cached = self.cached(&locked.sha256)?;
            let component = Component {
                name: one.name.clone(),
                version: one.version.clone(),
                arch: one.arch.clone(),
                source: locked.url.clone(),
                entry: self.entry(one.path(), cached),
            };
            self.inventory.components.push(component);
        }
        Ok(())
    }

    fn files(&mut self, lock: &Lock) -> Result<(), JobError> {
        for locked in &lock.files {
            let cached = self.cached(&locked.sha256)?;
            let entry = self.entry(format!("files/{}", locked.name), cached);
            self.inventory.files.push(inventory::File { entry });
        }
        Ok(())
    }

    fn charts(&mut self, lock: &Lock) -> Result<(), JobError> {
        for locked in &lock.charts {
            let (name, version) = (locked.name.clone(), locked.version.clone());
            let what = What::Chart { name: name.clone(), version: version.clone() };
            let cached = self.cached(&locked.sha256)?;
            let entry = self.entry(what.path(), cached);
            self.inventory.charts.push(Chart { name, version, source: locked.source.clone(), entry });
        }
        Ok(())
    }

    fn packages(&mut self, lock: &Lock) -> Result<(), JobError> {
        for locked in &lock.packages {
            let (id, version, arch) = (locked.id.clone(), locked.version.clone(), locked.arch.clone());
            let what = What::Packages { id: id.clone(), version: version.clone(), arch: arch.clone() };
            let cached = self.cached(&locked.sha256)?;
            let entry = self.entry(what.path(), cached);
            self.inventory.packages.push(Packages { id, version, arch, source: locked.source.clone(), entry });
        }
        Ok(())
    }

    fn blobs(&mut self, lock: &Lock) -> Result<(), JobError> {
        for locked in &lock.blobs {
            let cached = self.cached(&locked.digest)?;
            let (size, blake3) = (cached.measured.size, cached.measured.blake3.clone());
            self.by_digest.insert(locked.digest, cached);
            let media_type = locked.media_type.clone();
            self.inventory.blobs.push(Blob { digest: locked.digest, size, blake3, media_type, absent: false });
        }
        Ok(())
    }
}

fn is_intact(cached: &Cached) -> bool {
    let mut hasher = blake3::Hasher::new();
    let hashed = cached.open().and_then(|content| hasher.update_reader(content).map(|_| ()));
    hashed.is_ok() && hasher.finalize().to_hex().as_str() == cached.measured.blake3.0
}

fn images(lock: &Lock) -> Vec<inventory::Image> {
    let image = |image: &crate::manifest::lock::LockedImage| inventory::Image {
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
    };
    lock.images.iter().map(image).collect()
}
