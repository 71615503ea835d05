//! What the manifest means today: from the lock where it says so, from the network otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use futures::StreamExt;

use super::carried::{Carried, Origin, What};
use super::charts::{self, Charts};
use super::component::WantedComponent;
use super::one_line;
use super::place::{Found, Locked, Place};
use super::registries::Registries;
use super::wanted::Wanted;
use crate::catalog::find_checksum;
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fetch::{Cache, Client, Expected};
use crate::image::platform::choose;
use crate::image::{Platform, Reference, RegistryError, ResolvedImage, resolve};
use crate::jobs::{JobError, Kind};
use crate::manifest::Lock;
use crate::manifest::lock::{ChecksumSource, LockedBlob, LockedImage, LockedPlatform};

/// No lock is longer than this many bytes.
const LONGEST_LOCK: u64 = 64 << 20;

/// What is fetched, as far as it is known beforehand.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub components: Vec<PlannedComponent>,
    pub files: Vec<PlannedFile>,
    pub images: Vec<LockedImage>,
    /// Each blob once, whatever number of images share it.
    pub blobs: Vec<PlannedBlob>,
}

#[derive(Debug)]
pub(super) struct PlannedComponent {
    pub wanted: WantedComponent,
    pub expected: Expected,
    /// Bytes, as a server announced them; for the progress alone.
    pub estimate: Option<u64>,
    pub source: ChecksumSource,
    /// The expectation is the lock's.
    pub locked: bool,
}

#[derive(Debug)]
pub(super) struct PlannedFile {
    pub carried: Carried,
    pub place: Place,
    pub expected: Expected,
    pub source: ChecksumSource,
    pub locked: bool,
}

#[derive(Clone, Debug)]
pub(super) struct PlannedBlob {
    pub blob: LockedBlob,
    /// An index or a manifest.
    pub document: bool,
    /// An image that has it.
    pub reference: Reference,
}

/// Asks upstream, and the lock.
pub(super) struct Resolver<'a> {
    pub client: &'a Client,
    pub registries: &'a Registries,
    pub cache: &'a Cache,
    pub previous: Option<&'a Lock>,
    pub lock_path: &'a Path,
    pub charts: &'a Charts,
    pub concurrency: usize,
    pub events: &'a Events,
}

impl Resolver<'_> {
    /// Finds everything, or names everything that cannot be found.
    pub async fn resolve(&self, wanted: &Wanted) -> Result<Plan, JobError> {
        let components = self.all(wanted.components.iter().map(|one| self.component(one))).await;
        let images = self.all(wanted.images.iter().map(|one| self.image(one, &wanted.platforms))).await;
        let files = self.all(wanted.carried.iter().map(|one| self.file(one))).await;
        let mut findings = Vec::new();
        let mut plan = Plan { components: sift(components, &mut findings), ..Plan::default() };
        plan.files = sift(files, &mut findings);
        let mut blobs = BTreeMap::new();
        for (image, its_blobs) in sift(images, &mut findings) {
            plan.images.push(image);
            for blob in its_blobs {
                blobs.entry(blob.blob.digest).or_insert(blob);
            }
        }
        plan.blobs = blobs.into_values().collect();
        if findings.is_empty() {
            return Ok(plan);
        }
        let all = wanted.components.len() + wanted.images.len() + wanted.carried.len();
        let message = format!("{} of {all} components, images and files cannot be had", findings.len());
        Err(JobError::new(Kind::Network, message)
            .details(findings)
            .hint("Check the names and versions in the manifest, and the mirrors and proxies that are in force."))
    }

    /// Side by side, in order.
    async fn all<T>(&self, work: impl Iterator<Item = impl Future<Output = Found<T>>>) -> Vec<Found<T>> {
        futures::stream::iter(work).buffered(self.concurrency.max(1)).collect().await
    }

    async fn component(&self, wanted: &WantedComponent) -> Found<PlannedComponent> {
        let locked = self.previous.and_then(|lock| lock.component(&wanted.name, &wanted.version, &wanted.arch));
        if let Some(locked) = locked.filter(|locked| locked.url == wanted.location.url) {
            let expected = Expected { sha256: Some(locked.sha256), size: Some(locked.size) };
            return Ok(PlannedComponent {
                wanted: wanted.clone(),
                expected,
                estimate: None,
                source: locked.checksum_source,
                locked: true,
            });
        }
        if wanted.local.is_some() {
            let (expected, source) = (Expected::default(), ChecksumSource::Downloaded);
            return Ok(PlannedComponent { wanted: wanted.clone(), expected, estimate: None, source, locked: false });
        }
        let named = |error: crate::fetch::FetchError| {
            format!("{} {} for {}: {}", wanted.name, wanted.version, wanted.arch, one_line(&error))
        };
        let (probe, checksum) = tokio::join!(self.client.probe(&wanted.location.url), self.checksum(wanted));
        let (probe, sha256) = (probe.map_err(named)?, checksum?);
        if let (None, Some(url)) = (sha256, &wanted.location.checksum_url) {
            let message = format!(
                "{} {} for {} has no checksum file at {url}: the digest of the download is taken.",
                wanted.name, wanted.version, wanted.arch
            );
            self.events.emit(Event::Warning { message });
        }
        let source = if sha256.is_some() { ChecksumSource::Upstream } else { ChecksumSource::Downloaded };
        let expected = Expected { sha256, size: None };
        Ok(PlannedComponent { wanted: wanted.clone(), expected, estimate: probe.size, source, locked: false })
    }

    /// The published digest. `None` where the catalog names no checksum file, or the project published none.
    async fn checksum(&self, wanted: &WantedComponent) -> Found<Option<Digest>> {
        let Some(url) = &wanted.location.checksum_url else { return Ok(None) };
        let named = format!("{} {} for {}", wanted.name, wanted.version, wanted.arch);
        match self.client.text(url).await {
            Ok(text) => match find_checksum(&text, &wanted.location.file_name) {
                Some(digest) => Ok(Some(digest)),
                None => Err(format!("{named}: {url} is a checksum file without one for {}", wanted.location.file_name)),
            },
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(format!("{named}: {}", one_line(&error))),
        }
    }

    async fn file(&self, carried: &Carried) -> Found<PlannedFile> {
        // A file of this machine is the user's own to change.
        let locked = self.locked(carried).filter(|_| !matches!(carried.origin, Origin::Path(_)));
        let (place, published) = match (&carried.origin, &carried.what, &locked) {
            (Origin::Url(url), ..) => (Place::Url(url.clone()), None),
            (Origin::Path(path), ..) => (Place::Path(path.clone()), None),
            (_, _, Some(Locked { url, .. })) if !url.is_empty() => (Place::Url(url.clone()), None),
            (Origin::Repository(address), What::Chart { name, version }, _) => {
                self.charts.in_repository(self.client, address, name, version).await?
            }
            (Origin::Registry(address), What::Chart { name, version }, _) => {
                charts::in_registry(self.registries, address, name, version, locked.as_ref()).await?
            }
            (origin, ..) => {
                return Err(format!("{}: nothing but charts comes from {}", carried.what.title(), origin.text()));
            }
        };
        let (sha256, size, source, is_locked) = match (carried.checksum, &locked, published) {
            (Some(digest), ..) => (Some(digest), None, ChecksumSource::Upstream, false),
            (None, Some(locked), _) => (Some(locked.sha256), Some(locked.size), locked.source, true),
            (None, None, Some(digest)) => (Some(digest), None, ChecksumSource::Upstream, false),
            (None, None, None) => (None, None, ChecksumSource::Downloaded, false),
        };
        let expected = Expected { sha256, size };
        Ok(PlannedFile { carried: carried.clone(), place, expected, source, locked: is_locked })
    }

    /// What the lock says of a file, if it is of the same source.
    fn locked(&self, carried: &Carried) -> Option<Locked> {
        let lock = self.previous?;
        let (source, locked) = match &carried.what {
            What::File { name } => lock.file(name).map(|one| {
                (
                    &one.source,
                    Locked { url: String::new(), sha256: one.sha256, size: one.size, source: one.checksum_source },
                )
            }),
            What::Packages { id, version, arch } => lock.packages(id, version, arch).map(|one| {
                (
                    &one.source,
                    Locked { url: String::new(), sha256: one.sha256, size: one.size, source: one.checksum_source },
                )
            }),
            What::Chart { name, version } => lock.chart(name, version).map(|one| {
                (
                    &one.source,
                    Locked { url: one.url.clone(), sha256: one.sha256, size: one.size, source: one.checksum_source },
                )
            }),
        }?;
        (source == carried.origin.text()).then_some(locked)
    }

    async fn image(&self, reference: &Reference, asked: &[Platform]) -> Found<(LockedImage, Vec<PlannedBlob>)> {
        let name = reference.to_string();
        let locked = self.previous.and_then(|lock| lock.image(&name).map(|image| (lock, image)));
        if let Some((lock, image)) = locked.filter(|(_, image)| covers(image, asked)) {
            let blobs = image.blobs().filter_map(|digest| lock.blob(digest)).map(|blob| PlannedBlob {
                blob: blob.clone(),
                document: image.is_document(&blob.digest),
                reference: reference.clone(),
            });
            return Ok((image.clone(), blobs.collect()));
        }
        // Other platforms of the same image, unless the lock is to be made anew.
        let pinned =
            locked.map(|(_, image)| format!("{}/{}@{}", reference.host(), reference.repository(), image.digest));
        let asked_for = pinned.as_ref().and_then(|text| text.parse().ok()).unwrap_or_else(|| reference.clone());
        match self.ask(&asked_for, asked).await {
            Ok(resolved) => self.keep(reference, resolved).map_err(|error| format!("{name}: {}", one_line(&error))),
            Err(error) if pinned.is_some() && error.is_not_found() => Err(format!(
                "{name}: the registry no longer has {} of {}; --update-lock takes what it has now",
                asked_for.target(),
                self.lock_path.display()
            )),
            // Says itself which image it is.
            Err(error @ RegistryError::MissingPlatform { .. }) => Err(error.to_string()),
            Err(error) => Err(format!("{name}: {}", one_line(&error))),
        }
    }

    async fn ask(&self, reference: &Reference, asked: &[Platform]) -> Result<ResolvedImage, RegistryError> {
        let (client, repository) = self.registries.client(reference)?;
        resolve(&client, &repository, reference, asked).await
    }

    /// Documents are here already, so they go into the cache at once.
    fn keep(
        &self,
        reference: &Reference,
        resolved: ResolvedImage,
    ) -> Result<(LockedImage, Vec<PlannedBlob>), crate::fetch::FetchError> {
        let planned = |blob, document| PlannedBlob { blob, document, reference: reference.clone() };
        let mut blobs = Vec::new();
        for document in resolved.documents {
            let size = document.bytes.len() as u64;
            self.cache.insert(&document.bytes)?;
            blobs.push(planned(LockedBlob { digest: document.digest, size, media_type: document.media_type }, true));
        }
        for blob in resolved.blobs {
            let blob = LockedBlob { digest: blob.digest, size: blob.size, media_type: blob.media_type };
            blobs.push(planned(blob, false));
        }
        let platforms = resolved.platforms.into_iter().map(|one| LockedPlatform {
            platform: one.platform.to_string(),
            manifest: one.manifest,
            blobs: one.blobs,
        });
        let image = LockedImage {
            reference: reference.to_string(),
            digest: resolved.digest,
            media_type: resolved.media_type,
            platforms: platforms.collect(),
        };
        Ok((image, blobs))
    }
}

/// Whether the lock has exactly what is asked of an image.
fn covers(image: &LockedImage, asked: &[Platform]) -> bool {
    let offers: Vec<Option<Platform>> = image.platforms.iter().map(|one| one.platform.parse().ok()).collect();
    choose(asked, &offers).is_ok_and(|chosen| chosen.len() == image.platforms.len())
}

fn sift<T>(found: Vec<Found<T>>, findings: &mut Vec<String>) -> Vec<T> {
    found.into_iter().filter_map(|one| one.map_err(|finding| findings.push(finding)).ok()).collect()
}

/// The lock beside the manifest, where there is one.
pub(super) fn read_lock(path: &Path) -> Result<Option<Lock>, JobError> {
    let unreadable = |error: io::Error| {
        JobError::new(Kind::File, format!("the lock {} cannot be read", path.display())).because(error)
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if metadata.len() > LONGEST_LOCK => {
            return Err(JobError::new(Kind::File, format!("{} is too long for a lock", path.display())));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    Lock::parse(&bytes).map(Some).map_err(|error| {
        JobError::new(Kind::File, format!("the lock {} cannot be used", path.display()))
            .because(error)
            .hint("--update-lock makes it anew from what upstream has today.")
    })
}

/// Writes the lock beside the manifest if it says something new. It is in the bundle too, so that a folder which
/// cannot be written to is no reason to fail.
pub(super) fn write_lock(path: &Path, previous: Option<&Lock>, lock: &Lock, events: &Events) -> Result<(), JobError> {
    if previous == Some(lock) {
        return Ok(());
    }
    let bytes = lock.to_json().map_err(|error| JobError::internal("the lock cannot be written", error))?;
    let write = || {
        let temporary = path.with_extension("lock.new");
        fs::write(&temporary, &bytes)?;
        fs::rename(&temporary, path)
    };
    if let Err(error) = write() {
        let message = format!("The lock {} cannot be written ({error}); it is in the bundle alone.", path.display());
        events.emit(Event::Warning { message });
    }
    Ok(())
}
