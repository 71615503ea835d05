//! Everything into the cache, side by side, each thing once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;

use super::base::Base;
use super::carried::{Carried, Origin, What};
use super::place::Place;
use super::registries::Registries;
use super::resolve::{Plan, PlannedBlob, PlannedComponent, PlannedFile};
use super::{charts, one_line};
use crate::bundle::inventory::blob_path;
use crate::bundle::{Spelling, layout};
use crate::chart::folder;
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fetch::{BlobError, Cache, Cached, Client, Expected, FetchError, Form};
use crate::jobs::{JobError, Kind};
use crate::manifest::Lock;
use crate::manifest::lock::{LockedChart, LockedComponent, LockedFile, LockedPackages};
use crate::quantity::bytes;

const NO_ROOM: &str = "Free some space there, or set KK_CACHE to a folder on another disk.";

/// Fetches what a plan names.
pub(super) struct Fetcher<'a> {
    pub client: &'a Client,
    pub registries: &'a Registries,
    pub cache: &'a Arc<Cache>,
    pub lock_path: &'a Path,
    /// Paths in the manifest are relative to this.
    pub folder: &'a Path,
    /// What it holds is not fetched, except the documents of images.
    pub base: Option<&'a Base>,
    pub concurrency: usize,
    /// What is fetched takes the form that it has in a bundle of this spelling.
    pub staged: Option<Spelling>,
    pub events: &'a Events,
}

/// All is in the cache.
pub(super) struct Fetched {
    pub lock: Lock,
    /// Bytes that were not there before.
    pub bytes: u64,
}

/// One thing to fetch.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Component(&'a PlannedComponent),
    File(&'a PlannedFile),
    Blob(&'a PlannedBlob),
}

impl Item<'_> {
    pub fn expected(&self) -> Expected {
        match self {
            Self::Component(one) => one.expected.clone(),
            Self::File(one) => one.expected.clone(),
            Self::Blob(one) => Expected { sha256: Some(one.blob.digest), size: Some(one.blob.size) },
        }
    }

    /// Where it lies in the bundle.
    pub fn path(&self) -> String {
        match self {
            Self::Component(one) => one.wanted.path(),
            Self::File(one) => one.carried.what.path(),
            Self::Blob(one) => blob_path(&one.blob.digest),
        }
    }

    /// Of blobs.
    pub fn media_type(&self) -> Option<&str> {
        match self {
            Self::Blob(one) => Some(&one.blob.media_type),
            _ => None,
        }
    }

    /// Bytes, as far as anybody said.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Component(one) => one.expected.size.or(one.estimate),
            Self::File(one) => one.expected.size,
            Self::Blob(one) => Some(one.blob.size),
        }
    }

    fn locked(&self) -> bool {
        match self {
            Self::Component(one) => one.locked,
            Self::File(one) => one.locked,
            Self::Blob(_) => false,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Component(one) => format!("{} {} for {}", one.wanted.name, one.wanted.version, one.wanted.arch),
            Self::File(one) => one.carried.what.title(),
            Self::Blob(one) => {
                format!("{} of {}", one.blob.digest.hex().get(..12).unwrap_or_default(), one.reference)
            }
        }
    }
}

/// Why one thing could not be fetched.
struct Failure {
    message: String,
    /// The disk's fault rather than the network's.
    disk: bool,
    /// Upstream has other bytes than the lock says.
    changed: bool,
}

/// Everything that a plan names: components, then files, then blobs.
pub(super) fn items(plan: &Plan) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = plan.components.iter().map(Item::Component).collect();
    items.extend(plan.files.iter().map(Item::File));
    items.extend(plan.blobs.iter().map(Item::Blob));
    items
}

impl Fetcher<'_> {
    pub async fn fetch(&self, plan: Plan) -> Result<Fetched, JobError> {
        let items = items(&plan);
        let (cached, bytes) = self.fetch_all(&items).await?;
        let found: Vec<(Digest, u64)> = cached.iter().map(|one| (one.measured.sha256, one.measured.size)).collect();
        let lock = lock(plan, &found);
        Ok(Fetched { lock, bytes })
    }

    /// The lock of a plan. Only what nobody tells the digest and size of is fetched.
    pub async fn lock(&self, plan: Plan) -> Result<Lock, JobError> {
        let items = items(&plan);
        let told = |item: &Item<'_>| Some((item.expected().sha256?, item.size()?));
        let untold: Vec<Item<'_>> = items.iter().filter(|item| told(item).is_none()).copied().collect();
        for item in &untold {
            let message = format!("{}: nobody tells its digest and size, so it is downloaded.", item.title());
            self.events.emit(Event::Note { message });
        }
        let (cached, _) = self.fetch_all(&untold).await?;
        let mut cached = cached.into_iter();
        let found = items
            .iter()
            .map(|item| told(item).or_else(|| cached.next().map(|one| (one.measured.sha256, one.measured.size))));
        let found: Vec<(Digest, u64)> = found.flatten().collect();
        Ok(lock(plan, &found))
    }

    /// Fetches side by side; gives what is in the cache then, in the items' order, and the bytes that were not there.
    async fn fetch_all(&self, items: &[Item<'_>]) -> Result<(Vec<Cached>, u64), JobError> {
        let missing = self.missing(items)?;
        let total = missing.iter().fold(0u64, |sum, size| sum.saturating_add(*size));
        self.events.emit(Event::BytesTotal { total });
        self.room_for(total)?;

        // The largest first, so that no long download is left over at the end.
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(items[*at].size().unwrap_or(u64::MAX)));
        let failed = AtomicBool::new(false);
        let work = order.into_iter().map(|at| {
            let (item, failed) = (items[at], &failed);
            async move {
                if failed.load(Ordering::Relaxed) {
                    return (at, None);
                }
                let outcome = self.item(item).await;
                failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                (at, Some(outcome))
            }
        });
        let mut done: Vec<_> = futures::stream::iter(work).buffer_unordered(self.concurrency.max(1)).collect().await;
        done.sort_by_key(|(at, _)| *at);

        let mut failures = Vec::new();
        let mut cached = Vec::new();
        for (_, outcome) in done {
            match outcome {
                Some(Ok(one)) => cached.push(one),
                Some(Err(failure)) => failures.push(failure),
                None => {}
            }
        }
        if !failures.is_empty() {
            return Err(self.error(failures));
        }
        Ok((cached, total))
    }

    /// The sizes of what is not in the cache, each digest once.
    fn missing(&self, items: &[Item<'_>]) -> Result<Vec<u64>, JobError> {
        let mut sizes = Vec::new();
        let mut seen: BTreeSet<Digest> = BTreeSet::new();
        for item in items {
            let here = match &item.expected().sha256 {
                Some(digest) => {
                    !seen.insert(*digest)
                        || self.in_base(item).is_some()
                        || self.cache.find(digest).map_err(super::network)?.is_some()
                }
                None => false,
            };
            sizes.extend(item.size().filter(|_| !here));
        }
        Ok(sizes)
    }

    /// Says so before the download rather than in the middle of it.
    fn room_for(&self, total: u64) -> Result<(), JobError> {
        // Where it cannot be told, the disk tells itself.
        let Ok(free) = fs4::available_space(self.cache.root()) else { return Ok(()) };
        if free >= total {
            return Ok(());
        }
        let folder = self.cache.root().display();
        let message = format!("{} are to be downloaded, and {folder} has {} left", bytes(total), bytes(free));
        Err(JobError::new(Kind::Internal, message).hint(NO_ROOM))
    }

    /// What the base says of an item that need not be fetched.
    pub fn in_base(&self, item: &Item<'_>) -> Option<Cached> {
        if matches!(item, Item::Blob(blob) if blob.document) {
            return None;
        }
        self.base?.find(&item.expected().sha256?)
    }

    /// The cache in the form that an item is taken in.
    fn cache_for(&self, item: Item<'_>) -> Arc<Cache> {
        match self.staged {
            Some(spelling) if !layout::is_stored(spelling, &item.path(), item.media_type()) => {
                self.cache.in_form(Form::Squeezed(spelling))
            }
            _ => self.cache.clone(),
        }
    }

    async fn item(&self, item: Item<'_>) -> Result<Cached, Failure> {
        if let Some(cached) = self.in_base(&item) {
            return Ok(cached);
        }
        let cache = &self.cache_for(item);
        let outcome = match item {
            Item::Component(one) => match &one.wanted.local {
                Some(path) => self.local(cache, path, &one.expected).await,
                None => self.download(cache, &one.wanted.location.url, &one.expected).await,
            },
            Item::File(one) => self.file(cache, one).await,
            Item::Blob(one) => self.blob(cache, one).await,
        };
        match outcome {
            Ok(cached) => {
                if let Item::File(PlannedFile { carried: Carried { what: What::Chart { name, version }, .. }, .. }) =
                    item
                    && let Err(error) = charts::check(&cached, name, version)
                {
                    let message = format!("{}: what was fetched is no such chart: {}", item.title(), one_line(&error));
                    return Err(Failure { message, disk: false, changed: false });
                }
                if !matches!(item, Item::Blob(_)) {
                    let detail = bytes(cached.measured.size);
                    self.events.emit(Event::ItemDone { title: item.title(), detail });
                }
                Ok(cached)
            }
            Err(error) => {
                let cause = match &error {
                    BlobError::Cache(cause) => Some(cause),
                    _ => None,
                };
                let other_bytes = matches!(
                    cause,
                    Some(FetchError::Digest { .. } | FetchError::Size { .. } | FetchError::TooLong { .. })
                );
                let disk = matches!(cause, Some(FetchError::Disk { .. } | FetchError::Task(_)));
                let message = format!("{}: {}", item.title(), one_line(&error));
                Err(Failure { message, disk, changed: item.locked() && other_bytes })
            }
        }
    }

    async fn download(&self, cache: &Arc<Cache>, url: &str, expected: &Expected) -> Result<Cached, BlobError> {
        Ok(self.client.download(cache, url, expected, self.events).await?)
    }

    async fn file(&self, cache: &Arc<Cache>, planned: &PlannedFile) -> Result<Cached, BlobError> {
        match &planned.place {
            Place::Url(url) => self.download(cache, url, &planned.expected).await,
            Place::Path(path) => self.local(cache, &self.folder.join(path), &planned.expected).await,
            Place::Blob { reference, digest, size } => {
                let (client, repository) = self.registries.client(reference)?;
                cache.blob_from(&client, &repository, digest, *size, self.events).await
            }
        }
    }

    /// A file of this machine, or a chart's folder.
    async fn local(&self, cache: &Arc<Cache>, path: &Path, expected: &Expected) -> Result<Cached, BlobError> {
        let cached = match path.is_dir() {
            true => self.cache.insert(&pack_folder(path).await?)?,
            false => cache.copy_in(path).await?,
        };
        match expected.sha256 {
            Some(expected) if expected != cached.measured.sha256 => {
                let (url, actual) = (path.display().to_string(), cached.measured.sha256);
                Err(FetchError::Digest { url, expected, actual, html: false }.into())
            }
            _ => Ok(cached),
        }
    }

    async fn blob(&self, cache: &Arc<Cache>, planned: &PlannedBlob) -> Result<Cached, BlobError> {
        let (client, repository) = self.registries.client(&planned.reference)?;
        let digest = &planned.blob.digest;
        if planned.document {
            return self.cache.document(&client, &repository, digest).await;
        }
        cache.blob_from(&client, &repository, digest, planned.blob.size, self.events).await
    }

    fn error(&self, mut failures: Vec<Failure>) -> JobError {
        if let Some(at) = failures.iter().position(|failure| failure.disk) {
            // The disk fails all that is under way in the same way.
            return JobError::new(Kind::Internal, "not everything could be downloaded")
                .details([failures.swap_remove(at).message])
                .hint(NO_ROOM);
        }
        let changed = failures.iter().any(|failure| failure.changed);
        let error = JobError::new(Kind::Network, "not everything could be downloaded")
            .details(failures.into_iter().map(|failure| failure.message))
            .hint("Run the same command again: it continues with what has been downloaded.");
        if !changed {
            return error;
        }
        error.hint(format!(
            "Upstream has other bytes than {} recorded. Find out why before you accept them with --update-lock.",
            self.lock_path.display()
        ))
    }
}

/// The lock of a plan; `found` has digests and sizes in the order of the items.
fn lock(plan: Plan, found: &[(Digest, u64)]) -> Lock {
    let (components, rest) = found.split_at(plan.components.len().min(found.len()));
    let components = plan.components.iter().zip(components).map(|(planned, (sha256, size))| LockedComponent {
        name: planned.wanted.name.clone(),
        version: planned.wanted.version.clone(),
        arch: planned.wanted.arch.clone(),
        url: planned.wanted.location.url.clone(),
        sha256: *sha256,
        size: *size,
        checksum_source: planned.source,
    });
    let (mut files, mut charts, mut packages) = (Vec::new(), Vec::new(), Vec::new());
    for (planned, (sha256, size)) in plan.files.iter().zip(rest) {
        let (source, checksum_source) = (planned.carried.origin.text().to_owned(), planned.source);
        let (sha256, size) = (*sha256, *size);
        match planned.carried.what.clone() {
            What::File { name } => files.push(LockedFile { name, source, sha256, size, checksum_source }),
            What::Packages { id, version, arch } => {
                packages.push(LockedPackages { id, version, arch, source, sha256, size, checksum_source });
            }
            What::Chart { name, version } => {
                let url = match (&planned.carried.origin, &planned.place) {
                    (Origin::Repository(_), Place::Url(url)) => url.clone(),
                    _ => String::new(),
                };
                charts.push(LockedChart { name, version, source, url, sha256, size, checksum_source });
            }
        }
    }
    let blobs = plan.blobs.iter().map(|planned| planned.blob.clone());
    Lock::new(components.collect(), files, plan.images, blobs.collect()).with(charts, packages)
}

async fn pack_folder(path: &Path) -> Result<Vec<u8>, BlobError> {
    let folder = path.to_owned();
    let packing = tokio::task::spawn_blocking(move || folder::pack(&folder)).await.map_err(FetchError::Task)?;
    Ok(packing.map_err(FetchError::local(path))?)
}
