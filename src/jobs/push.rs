//! Pushing a bundle's images into the private registry.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use super::hold;
use super::site::Hosts;
use crate::bundle::{Bundle, Content, EntryError, Verified};
use crate::digest::Digest;
use crate::event::{self, Event, Events};
use crate::host::relay::{Relay, RelayError};
use crate::image::client::Client;
use crate::image::push::{ImageSource, Pusher, Wanted};
use crate::image::reference::Reference;
use crate::image::registry::RegistryAccess;
use crate::plan::{OperatorWork, Plan, PushImages, Task};
use crate::run::PushFunction;

/// Questions to a registry at once.
const SEARCHES_AT_ONCE: usize = 16;

/// Images at once; their blobs are what runs in parallel.
const IMAGES_AT_ONCE: usize = 4;

pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// The function that the executor calls for a plan's images.
pub fn function(bundle: Option<Arc<Bundle<Verified>>>, hosts: Hosts, concurrency: usize) -> PushFunction {
    Box::new(move |mut work, events| {
        let (bundle, hosts) = (bundle.clone(), hosts.clone());
        let pushed: BoxFuture<'static, Result<usize, Failure>> = Box::pin(async move {
            let Some(bundle) = bundle else { return Err("this run has no bundle to push from".into()) };
            let _relay = lead(&mut work.registry, work.runs_on.as_ref(), &hosts).await?;
            let push = Push::new(&bundle, &work, concurrency, events).await?;
            let missing = push.missing().await?;
            push.push(&missing).await?;
            Ok(missing.len())
        });
        pushed
    })
}

/// Leads to a registry on this host and port, where that is behind a jump host, for as long as what this gives is kept.
pub(super) async fn lead(
    registry: &mut RegistryAccess,
    runs_on: Option<&(String, u16)>,
    hosts: &Hosts,
) -> Result<Option<Relay>, RelayError> {
    let Some((host, port)) = runs_on else { return Ok(None) };
    let Some(machine) = hosts.get(host) else { return Ok(None) };
    let relay = Relay::open(machine.clone(), *port).await?;
    registry.socket = relay.as_ref().map(|relay| relay.socket().to_owned());
    Ok(relay)
}

/// Images of a bundle on their way to one registry, which has been logged in to.
pub(super) struct Push<'a> {
    bundle: &'a Bundle<Verified>,
    wanted: Vec<Wanted<'a>>,
    pusher: Pusher,
    events: Events,
}

impl<'a> Push<'a> {
    /// Logs in. `concurrency` blobs are sent at a time.
    pub async fn new(
        bundle: &'a Bundle<Verified>,
        work: &PushImages,
        concurrency: usize,
        events: Events,
    ) -> Result<Self, Failure> {
        let client = Client::new(&work.registry)?;
        client.login().await?;
        let wanted = wanted(bundle, work)?;
        let pusher = Pusher::new(client, concurrency, events.clone());
        let absent: HashSet<Digest> = bundle.inventory().absent().into_iter().map(|content| content.sha256).collect();
        if !absent.is_empty() {
            pusher.find_blobs(&repositories(&wanted, &absent)).await?;
        }
        Ok(Self { bundle, wanted, pusher, events })
    }

    /// Positions of the images that the registry lacks, in the work's order.
    pub async fn missing(&self) -> Result<Vec<usize>, Failure> {
        Ok(self.pusher.missing(&BundleImages(self.bundle), &self.wanted).await?)
    }

    /// Pushes these; gives the bytes of blobs that were sent.
    pub async fn push(&self, missing: &[usize]) -> Result<u64, Failure> {
        let wanted: Vec<&Wanted<'_>> = missing.iter().filter_map(|position| self.wanted.get(*position)).collect();
        self.events.emit(Event::BytesTotal { total: bytes(self.bundle, wanted.iter().copied()) });
        let source = BundleImages(self.bundle);
        let source = &source;
        let pushes: Vec<BoxFuture<'_, Result<u64, Failure>>> = wanted
            .into_iter()
            .map(|wanted| {
                let one: BoxFuture<'_, Result<u64, Failure>> = Box::pin(async move {
                    let pushed = self.pusher.push_image(source, wanted).await?;
                    let detail = format!("{} bytes sent", pushed.bytes);
                    self.events.emit(Event::ItemDone { title: wanted.image.reference.clone(), detail });
                    Ok(pushed.bytes)
                });
                one
            })
            .collect();
        let sent = futures::stream::iter(pushes).buffer_unordered(IMAGES_AT_ONCE).try_collect::<Vec<u64>>().await?;
        Ok(sent.into_iter().sum())
    }
}

/// Of what a delta bundle leaves out and nobody here holds, that which the registry has not got either. Only blobs of
/// images can be there, in a repository to which the plan pushes an image that needs them. A registry that does not
/// answer has nothing, which is told.
pub async fn not_in_registry(
    plan: &Plan,
    bundle: &Bundle<Verified>,
    mut lacking: Vec<Content>,
    hosts: &Hosts,
    events: &Events,
) -> Vec<Content> {
    let works = plan.stages.iter().flat_map(|stage| &stage.tasks).filter_map(|task| match task {
        Task::Operator(OperatorWork::PushImages(work)) => Some(work),
        _ => None,
    });
    for work in works {
        if lacking.is_empty() {
            break;
        }
        match in_registry(work, bundle, &lacking, hosts).await {
            Ok(found) => lacking.retain(|content| !found.contains(&content.sha256)),
            Err(error) => {
                let message = format!("What the delta leaves out cannot be looked for in the registry: {error}");
                events.emit(Event::Warning { message });
            }
        }
    }
    lacking
}

async fn in_registry(
    work: &PushImages,
    bundle: &Bundle<Verified>,
    lacking: &[Content],
    hosts: &Hosts,
) -> Result<HashSet<Digest>, Failure> {
    let mut work = work.clone();
    let _relay = lead(&mut work.registry, work.runs_on.as_ref(), hosts).await?;
    let client = Client::new(&work.registry)?;
    client.login().await?;
    let wanted = wanted(bundle, &work)?;
    let blobs = hold::blobs(bundle.inventory(), lacking);
    let pusher = Pusher::new(client, SEARCHES_AT_ONCE, event::silent());
    Ok(pusher.find_blobs(&repositories(&wanted, &blobs)).await?)
}

/// The repositories that are to have each of these blobs, and so may have it already.
fn repositories(wanted: &[Wanted<'_>], blobs: &HashSet<Digest>) -> Vec<(Digest, Vec<String>)> {
    let mut repositories: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for one in wanted {
        for digest in one.image.platforms.iter().flat_map(|platform| &platform.blobs) {
            if blobs.contains(digest) {
                let of_blob = repositories.entry(*digest).or_default();
                if of_blob.last() != Some(&one.repository) {
                    of_blob.push(one.repository.clone());
                }
            }
        }
    }
    repositories.into_iter().collect()
}

fn wanted<'a>(bundle: &'a Bundle<Verified>, work: &PushImages) -> Result<Vec<Wanted<'a>>, Failure> {
    let one = |(reference, target): &(String, String)| {
        let image = bundle.inventory().image(reference).ok_or_else(|| format!("the bundle holds no {reference}"))?;
        to_wanted(image, target)
    };
    work.images.iter().map(one).collect()
}

fn to_wanted<'a>(image: &'a crate::bundle::inventory::Image, target: &str) -> Result<Wanted<'a>, Failure> {
    // The target is a repository with a tag or a digest; a registry's name before it makes it a reference.
    let parsed: Reference = format!("registry.invalid/{target}").parse()?;
    Ok(Wanted { image, repository: parsed.repository().to_owned(), tag: parsed.tag().map(str::to_owned) })
}

/// Bytes of these images, each blob counted once.
fn bytes<'a>(bundle: &Bundle<Verified>, images: impl Iterator<Item = &'a Wanted<'a>>) -> u64 {
    let mut seen = std::collections::BTreeSet::new();
    images
        .flat_map(|wanted| &wanted.image.platforms)
        .flat_map(|platform| &platform.blobs)
        .filter(|digest| seen.insert(**digest))
        .filter_map(|digest| bundle.inventory().blob(digest))
        .map(|blob| blob.size)
        .sum()
}

/// A bundle as the source of blobs.
struct BundleImages<'a>(&'a Bundle<Verified>);

impl ImageSource for BundleImages<'_> {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.0.open_blob(digest).map_err(|error| match error {
            EntryError::Bad { .. } => io::Error::new(io::ErrorKind::InvalidData, error),
            error => io::Error::other(error),
        })?;
        Ok(Box::new(reader))
    }
}
