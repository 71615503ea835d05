//! What every job on the connected side starts from: the manifest, what it asks for, and whom to ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::base::Base;
use super::charts::Charts;
use super::fetch::{Fetched, Fetcher};
use super::interrupt::Interrupt;
use super::registries::Registries;
use super::resolve::{self, Plan, Resolver};
use super::source::Source;
use super::wanted::Wanted;
use super::{network, phase, setup};
use crate::bundle::Spelling;
use crate::event::Events;
use crate::fetch::mirror::MirrorRules;
use crate::fetch::{Cache, Client, Retry};
use crate::jobs::{JobError, Kind};
use crate::manifest::Lock;

/// What a job on the connected side is told.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub manifest: PathBuf,
    /// Downloads at once.
    pub concurrency: usize,
    /// Texts of mirror rules; see [`MirrorRules`].
    pub mirrors: Vec<String>,
    /// Resolve everything anew, whatever the lock says.
    pub update_lock: bool,
    /// In place of the built-in catalog.
    pub catalog: Option<PathBuf>,
    /// Executables of `kk` to carry, by architecture.
    pub executables: BTreeMap<String, PathBuf>,
    /// In place of the user's cache folder.
    pub cache: Option<PathBuf>,
}

/// Everything that is needed to ask and to fetch.
pub(super) struct Prepared {
    pub source: Source,
    pub wanted: Wanted,
    pub cache: Arc<Cache>,
    pub lock_path: PathBuf,
    /// The lock beside the manifest, unless it is to be made anew.
    pub previous: Option<Lock>,
    /// What the receiving site has.
    pub base: Option<Base>,
    registries: Registries,
    client: Client,
    concurrency: usize,
    /// What is fetched takes the form that it has in a bundle of this spelling.
    staged: Option<Spelling>,
}

impl Prepared {
    /// Without a cache, what is fetched lies `beside` an output, in the forms of its spelling, until it is packed.
    pub async fn of(
        inputs: &Inputs,
        base: &[PathBuf],
        beside: Option<(&Path, Spelling)>,
        interrupt: &Interrupt,
        events: &Events,
    ) -> Result<Self, JobError> {
        let source = Source::read(&inputs.manifest)?;
        let catalog = setup::read_catalog(inputs)?;
        let wanted = Wanted::of(&source, &catalog, &inputs.executables, events)?;
        let mirrors = MirrorRules::parse(inputs.mirrors.iter().map(String::as_str))
            .map_err(|error| JobError::new(Kind::Usage, error.to_string()))?;
        let registries = Registries::new(&source.manifest, &source.folder, mirrors.clone())?;
        let client = Client::new(mirrors, Retry::default()).map_err(network)?;
        let cache = setup::open_cache(inputs, beside, interrupt, events).await?;
        let base = match base {
            [] => None,
            paths => super::base::read(paths, &setup::cache_root(inputs)?)?,
        };
        let lock_path = Lock::path_beside(&inputs.manifest);
        let previous = if inputs.update_lock { None } else { resolve::read_lock(&lock_path)? };
        let concurrency = inputs.concurrency;
        let staged = beside.map(|(_, spelling)| spelling);
        Ok(Self { source, wanted, cache, lock_path, previous, registries, client, base, concurrency, staged })
    }

    /// What is to be fetched, as far as this lock says, and upstream for the rest.
    pub async fn resolve(&self, lock: Option<&Lock>, interrupt: &Interrupt, events: &Events) -> Result<Plan, JobError> {
        // Indexes of chart repositories are long, and let go when all is resolved.
        let charts = Charts::default();
        let resolver = Resolver {
            client: &self.client,
            registries: &self.registries,
            cache: &self.cache,
            previous: lock,
            lock_path: &self.lock_path,
            charts: &charts,
            concurrency: self.concurrency,
            events,
        };
        interrupt.race(phase("Resolve versions and tags", events, resolver.resolve(&self.wanted))).await
    }

    /// All of a plan into the cache.
    pub async fn fetch(&self, plan: Plan, interrupt: &Interrupt, events: &Events) -> Result<Fetched, JobError> {
        interrupt.race(phase("Download components and images", events, self.fetcher(events).fetch(plan))).await
    }

    /// The lock of a plan; of its bytes, only those come that nothing else tells the digest and size of.
    pub async fn lock(&self, plan: Plan, interrupt: &Interrupt, events: &Events) -> Result<Lock, JobError> {
        interrupt.race(phase("Find out digests and sizes", events, self.fetcher(events).lock(plan))).await
    }

    /// Fetches what plans name.
    pub fn fetcher<'a>(&'a self, events: &'a Events) -> Fetcher<'a> {
        Fetcher {
            client: &self.client,
            registries: &self.registries,
            cache: &self.cache,
            lock_path: &self.lock_path,
            folder: &self.source.folder,
            base: self.base.as_ref(),
            concurrency: self.concurrency,
            staged: self.staged,
            events,
        }
    }
}
