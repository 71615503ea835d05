//! Writing images into a registry, straight from where they lie, and never twice.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::Semaphore;

use crate::bundle::inventory;
use crate::digest::Digest;
use crate::event::{Event, Events};

pub use super::parts::ImageSource;

use super::auth::Scope;
use super::client::Client;
use super::error::{RegistryError, Said};
use super::manifest::{Content, Descriptor, ManifestError};
use super::parts::{Part, read_parts, reduce, unique_blobs};
use super::pull::{announced_digest, head_manifest};
use super::room::Room;
use super::transport::{Body, Call};
use super::upload::{self, UploadError, Watch};

/// What a push has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Whether anything was not there yet.
    pub changed: bool,
    /// Bytes of blobs that were sent.
    pub bytes: u64,
    /// The registry does not take an index of which some platforms are absent, so it has only the carried ones, and
    /// the tag has another digest than at its source.
    pub reduced: bool,
}

/// An image and where it is to be.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub image: &'a inventory::Image,
    /// The repository's name in the registry.
    pub repository: String,
    /// `None` for an image that is named by digest alone.
    pub tag: Option<String>,
}

impl Wanted<'_> {
    fn target(&self) -> String {
        self.tag.clone().unwrap_or_else(|| self.image.digest.to_string())
    }

    /// Whether pods ask for exactly this digest, so that no other will do.
    fn is_pinned(&self) -> bool {
        self.tag.is_none() || self.image.reference.contains('@')
    }
}

/// Pushes many images into one registry, several at a time: what they share is sent once.
pub struct Pusher {
    client: Client,
    concurrency: usize,
    permits: Semaphore,
    room: Arc<Room>,
    flights: Mutex<HashMap<Digest, Arc<Flight>>>,
    events: Events,
    told_of_reduction: AtomicBool,
}

/// Repositories that are asked for a blob before it is sent; there are more for what nearly all images share.
const MOST_ASKED: usize = 3;

/// What is known of one blob. The lock is held while something is done about it, so that it is done once.
#[derive(Default)]
struct Flight {
    /// A repository that has the blob.
    home: tokio::sync::Mutex<Option<String>>,
    /// Repositories that are to have the blob, and may have it from an earlier run.
    candidates: Mutex<Vec<String>>,
    /// Bytes that were reported as moved, whether sent or found there.
    reported: AtomicU64,
}

impl Pusher {
    /// `concurrency` blobs are looked for or sent at a time, over all images together.
    pub fn new(client: Client, concurrency: usize, events: Events) -> Self {
        let concurrency = concurrency.clamp(1, 64);
        let permits = Semaphore::new(concurrency);
        let room = Arc::default();
        let told_of_reduction = AtomicBool::new(false);
        Self { client, concurrency, permits, room, flights: Mutex::default(), events, told_of_reduction }
    }

    /// Positions of the images that the registry does not have as they are wanted. Asks only.
    pub async fn missing(&self, source: &dyn ImageSource, wanted: &[Wanted<'_>]) -> Result<Vec<usize>, RegistryError> {
        // Collected first: futures of a closure that borrows are not known to be sendable inside a stream.
        let checks: Vec<_> =
            wanted.iter().enumerate().map(|(position, wanted)| self.find(source, position, wanted)).collect();
        let found: Vec<(usize, bool)> =
            futures::stream::iter(checks).buffer_unordered(self.concurrency).try_collect().await?;
        let mut missing: Vec<usize> =
            found.into_iter().filter(|(_, there)| !there).map(|(position, _)| position).collect();
        missing.sort_unstable();
        Ok(missing)
    }

    /// Makes the registry have this image: blobs first, then the manifests of its platforms, the index last, so that
    /// whoever pulls meanwhile gets the old image or the new one.
    pub async fn push_image(&self, source: &dyn ImageSource, wanted: &Wanted<'_>) -> Result<Pushed, RegistryError> {
        let parts = read_parts(source, wanted.image)?;
        if self.is_there(wanted, &parts).await? {
            self.report_found(&parts);
            return Ok(Pushed::default());
        }
        let blobs = unique_blobs(&parts);
        let sends: Vec<_> = blobs.iter().map(|blob| self.push_blob(source, wanted, blob)).collect();
        let sent: Vec<u64> = futures::stream::iter(sends).buffer_unordered(self.concurrency).try_collect().await?;
        let sent = sent.iter().sum();
        let reduced = self.push_parts(wanted, &parts).await?;
        Ok(Pushed { changed: true, bytes: sent, reduced })
    }

    /// Which of these blobs one of the named repositories has. From there they are mounted where they are needed, so what a
    /// delta bundle leaves out need not be sent. Asks only.
    pub async fn find_blobs(&self, candidates: &[(Digest, Vec<String>)]) -> Result<HashSet<Digest>, RegistryError> {
        let searches: Vec<_> =
            candidates.iter().map(|(digest, repositories)| self.find_blob(digest, repositories)).collect();
        let found: Vec<Option<Digest>> =
            futures::stream::iter(searches).buffer_unordered(self.concurrency).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn find_blob(&self, digest: &Digest, repositories: &[String]) -> Result<Option<Digest>, RegistryError> {
        for repository in repositories {
            if upload::has_blob(&self.client, repository, digest).await? {
                *self.flight(digest).home.lock().await = Some(repository.clone());
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }

    async fn find(
        &self,
        source: &dyn ImageSource,
        position: usize,
        wanted: &Wanted<'_>,
    ) -> Result<(usize, bool), RegistryError> {
        let parts = read_parts(source, wanted.image)?;
        let there = self.is_there(wanted, &parts).await?;
        for blob in unique_blobs(&parts) {
            let flight = self.flight(&blob.digest);
            let mut candidates = flight.candidates.lock().unwrap_or_else(PoisonError::into_inner);
            if there {
                // It is there for certain, so it is asked first.
                candidates.insert(0, wanted.repository.clone());
            } else {
                candidates.push(wanted.repository.clone());
            }
        }
        Ok((position, there))
    }

    /// Whether the registry has the image: its tag with a right digest, and every carried platform.
    async fn is_there(&self, wanted: &Wanted<'_>, parts: &[Part]) -> Result<bool, RegistryError> {
        let scope = Scope::push(&wanted.repository);
        let Some(found) = head_manifest(&self.client, &wanted.repository, &wanted.target(), &scope).await? else {
            return Ok(false);
        };
        let reduced = if wanted.is_pinned() { None } else { reduce(parts).map(|reduced| reduced.digest) };
        if found != wanted.image.digest && Some(found) != reduced {
            return Ok(false);
        }
        // An index may be there from an earlier bundle that carried fewer of its platforms.
        for part in parts.iter().filter(|part| part.digest != found && matches!(part.content, Content::Image(_))) {
            let target = part.digest.to_string();
            if head_manifest(&self.client, &wanted.repository, &target, &scope).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes a repository have a blob; gives the bytes that had to be sent.
    async fn push_blob(
        &self,
        source: &dyn ImageSource,
        wanted: &Wanted<'_>,
        blob: &Descriptor,
    ) -> Result<u64, RegistryError> {
        let flight = self.flight(&blob.digest);
        let mut home = flight.home.lock().await;
        let Ok(_permit) = self.permits.acquire().await else { return Ok(0) };
        let (client, repository, digest) = (&self.client, wanted.repository.as_str(), &blob.digest);
        let there = home.as_deref() == Some(repository) || upload::has_blob(client, repository, digest).await?;
        if !there && home.is_none() {
            *home = self.find_home(&flight, repository, digest).await?;
        }
        let mounted = match home.as_deref() {
            Some(from) if !there => upload::mount(client, repository, digest, from).await,
            _ => false,
        };
        let sent = if there || mounted {
            0
        } else {
            let passage = Arc::new(self.room.enter(blob.size).await);
            let watch: Watch = {
                let (flight, events) = (flight.clone(), self.events.clone());
                Arc::new(move |bytes| {
                    let (passage, flight, events) = (passage.clone(), flight.clone(), events.clone());
                    Box::pin(async move {
                        passage.send(bytes).await;
                        flight.report(bytes, &events);
                    })
                })
            };
            let open = || source.open(digest);
            upload::upload(client, repository, digest, blob.size, &open, &watch).await.map_err(
                |error| match error {
                    UploadError::Registry(error) => error,
                    UploadError::Source(source) => {
                        RegistryError::Source { image: wanted.image.reference.clone(), digest: *digest, source }
                    }
                },
            )?;
            blob.size
        };
        flight.report(blob.size, &self.events);
        *home = Some(repository.to_string());
        Ok(sent)
    }

    /// Another repository that has this blob from an earlier run, so that it can be mounted.
    async fn find_home(
        &self,
        flight: &Flight,
        repository: &str,
        digest: &Digest,
    ) -> Result<Option<String>, RegistryError> {
        let mut candidates = flight.candidates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        candidates.retain(|candidate| candidate != repository);
        candidates.dedup();
        for candidate in candidates.into_iter().take(MOST_ASKED) {
            if upload::has_blob(&self.client, &candidate, digest).await? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn flight(&self, digest: &Digest) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.entry(*digest).or_default().clone()
    }

    fn report_found(&self, parts: &[Part]) {
        for blob in unique_blobs(parts) {
            self.flight(&blob.digest).report(blob.size, &self.events);
        }
    }

    /// Puts the manifests, the platforms' own by digest and the last one under its name. Says whether it was reduced.
    async fn push_parts(&self, wanted: &Wanted<'_>, parts: &[Part]) -> Result<bool, RegistryError> {
        let Some((top, rest)) = parts.split_first() else { return Ok(false) };
        for part in rest {
            self.put_manifest(wanted, &part.digest.to_string(), &part.media_type, &part.bytes, &part.digest).await?;
        }
        let target = wanted.target();
        let refused = match self.put_manifest(wanted, &target, &top.media_type, &top.bytes, &top.digest).await {
            Ok(()) => return Ok(false),
            Err(error) => error,
        };
        let Some(said) = refusal_of_index(&refused) else { return Err(refused) };
        let Some(reduced) = reduce(parts) else { return Err(refused) };
        if wanted.is_pinned() {
            let (host, image) = (self.client.host().to_string(), wanted.image.reference.clone());
            return Err(RegistryError::SparseIndex { host, image, said });
        }
        self.put_manifest(wanted, &target, &reduced.media_type, &reduced.bytes, &reduced.digest).await?;
        if !self.told_of_reduction.swap(true, Ordering::Relaxed) {
            let message = format!(
                "Registry {} does not take an index of which some platforms are absent. Its images get only the \
                 platforms that the bundle carries, and so another digest than at their source.",
                self.client.host()
            );
            self.events.emit(Event::Note { message });
        }
        Ok(true)
    }

    async fn put_manifest(
        &self,
        wanted: &Wanted<'_>,
        target: &str,
        media_type: &str,
        bytes: &Bytes,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let repository = &wanted.repository;
        let subject = self.client.subject(repository, format!("writing manifest {target}"));
        let url = self.client.transport().url(&format!("{repository}/manifests/{target}"))?;
        let media_type = HeaderValue::from_str(media_type).map_err(|_| RegistryError::Manifest {
            image: wanted.image.reference.clone(),
            source: ManifestError::MediaType { media_type: media_type.chars().take(200).collect() },
        })?;
        let mut call = Call::new(Method::PUT, url, subject.clone()).header(CONTENT_TYPE, media_type);
        call.body = Body::Bytes(bytes.clone());
        let response = self.client.call(&call, &Scope::push(repository)).await?;
        match announced_digest(&response) {
            Some(found) if found != *digest => {
                Err(RegistryError::Digest { subject: Box::new(subject), expected: *digest, found })
            }
            _ => Ok(()),
        }
    }
}

impl Flight {
    /// Reports what has not been reported before: a blob counts once, however often it is sent or found.
    fn report(&self, bytes: u64, events: &Events) {
        let before = self.reported.fetch_max(bytes, Ordering::Relaxed);
        if bytes > before {
            events.emit(Event::BytesMoved { bytes: bytes - before });
        }
    }
}

/// What the registry said when it refused an index for its absent platforms; `None` for every other error.
fn refusal_of_index(error: &RegistryError) -> Option<Box<Said>> {
    match error {
        RegistryError::Refused { said, .. } | RegistryError::NotFound { said, .. } => Some(said.clone()),
        _ => None,
    }
}
