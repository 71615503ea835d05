//! `kk artifact export`: from a manifest to a bundle.

mod assemble;
mod base;
mod carried;
mod charts;
mod fetch;
mod finish;
mod interrupt;
mod kk;
mod materials;
mod pack;
mod registries;
mod resolve;
mod setup;
mod wanted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::sign::{Signer, Signing};
use super::{JobError, Kind, check};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fetch::mirror::MirrorRules;
use crate::fetch::{Client, Retry, exports};
use crate::manifest::Lock;
use crate::sbom::Depth;
use assemble::Assembled;
use interrupt::Interrupt;
pub(super) use kk::own_arch;
use registries::Registries;
use wanted::Wanted;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub manifest: PathBuf,
    pub output: PathBuf,
    /// Replace an output that exists.
    pub overwrite: bool,
    /// What the receiving site has: a bundle or its parts, an inventory, or a receipt. Only what that lacks is carried.
    pub base: Vec<PathBuf>,
    /// Downloads at once.
    pub concurrency: usize,
    /// Texts of mirror rules; see [`MirrorRules`].
    pub mirrors: Vec<String>,
    /// Resolve everything anew, whatever the lock says.
    pub update_lock: bool,
    /// In place of the built-in catalog.
    pub catalog: Option<PathBuf>,
    /// The bundle must suffice for this cluster file.
    pub cluster_file: Option<PathBuf>,
    /// Executables of `kk` to carry, by architecture.
    pub executables: BTreeMap<String, PathBuf>,
    /// In place of the user's cache folder.
    pub cache: Option<PathBuf>,
    /// The key that signs the bundle.
    pub signing: Option<Signing>,
    /// How much the carried bill of materials tells; none is carried where this is `None`.
    pub sbom: Option<Depth>,
}

/// What was exported.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    pub components: usize,
    pub images: usize,
    pub blobs: usize,
    /// Bytes that came over the network this time.
    pub fetched: u64,
    pub seconds: f64,
}

/// The steps that every run goes through; an interrupted run is continued by the next one, from the cache.
pub async fn run(options: &Options, events: &Events) -> Result<Summary, JobError> {
    let started = Instant::now();
    let interrupt = Interrupt::watch();
    let spelling = setup::output_spelling(options)?;
    let signer = options.signing.as_ref().map(Signer::read).transpose()?;
    let source = wanted::read_manifest(&options.manifest)?;
    let catalog = setup::read_catalog(options)?;
    let wanted = Wanted::of(&source, &catalog, &options.executables, events)?;
    let mirrors = MirrorRules::parse(options.mirrors.iter().map(String::as_str))
        .map_err(|error| JobError::new(Kind::Usage, error.to_string()))?;
    let registries = Registries::new(&source.manifest, &source.folder, mirrors.clone())?;
    let client = Client::new(mirrors, Retry::default()).map_err(network)?;
    let cache = setup::open_cache(options, &interrupt, events).await?;
    let base = base::read(&options.base, cache.root())?;

    let lock_path = Lock::path_beside(&options.manifest);
    let previous = if options.update_lock { None } else { resolve::read_lock(&lock_path)? };
    let charts = charts::Charts::default();
    let resolving = resolve::Resolver {
        client: &client,
        registries: &registries,
        cache: &cache,
        previous: previous.as_ref(),
        lock_path: &lock_path,
        charts: &charts,
        concurrency: options.concurrency,
        events,
    };
    let plan = interrupt.race(phase("Resolve versions and tags", events, resolving.resolve(&wanted))).await?;
    // Indexes of chart repositories are long.
    drop(charts);

    let fetching = fetch::Fetcher {
        client: &client,
        registries: &registries,
        cache: &cache,
        lock_path: &lock_path,
        folder: &source.folder,
        base: base.as_ref(),
        concurrency: options.concurrency,
        events,
    };
    let fetched = interrupt.race(phase("Download components and images", events, fetching.fetch(plan))).await?;
    resolve::write_lock(&lock_path, previous.as_ref(), &fetched.lock, events)?;

    let mut assembled = Assembled::of(&source.manifest, &wanted, &fetched.lock, cache, base.as_ref())?;
    finish::manifest_and_lock(&mut assembled, &source, &fetched.lock)?;
    assembled.sort();
    if let Some(cluster_file) = &options.cluster_file {
        let open = |path: &str| assembled.open(path);
        let checking = check::before_packing(cluster_file, &assembled.inventory, &open, events);
        phase("Check that the bundle suffices", events, checking).await?;
    }
    let adding = materials::add(assembled, options.sbom, &interrupt, events);
    let assembled = phase("Write the bill of materials", events, adding).await?;

    let mut assembled = assembled;
    if let Some(base) = &base {
        base.leave_out(&mut assembled.inventory, events);
    }
    let signature = signer.map(|signer| finish::signature(&assembled, &signer)).transpose()?;
    let packing = pack::pack(assembled, &options.output, spelling, signature, &interrupt, events);
    let (assembled, written) = phase("Write the bundle", events, packing).await?;
    exports::record(assembled.cache.root(), &assembled.inventory).map_err(network)?;
    Ok(Summary {
        path: options.output.clone(),
        size: written.size,
        digest: written.digest,
        components: assembled.inventory.components.len(),
        images: assembled.inventory.images.len(),
        blobs: assembled.inventory.blobs.len(),
        fetched: fetched.bytes,
        seconds: started.elapsed().as_secs_f64(),
    })
}

async fn phase<T>(
    title: &str,
    events: &Events,
    work: impl Future<Output = Result<T, JobError>>,
) -> Result<T, JobError> {
    let started = Instant::now();
    events.emit(Event::PhaseStarted { title: title.to_owned() });
    let result = work.await?;
    events.emit(Event::PhaseDone { title: title.to_owned(), seconds: started.elapsed().as_secs_f64() });
    Ok(result)
}

fn network(error: crate::fetch::FetchError) -> JobError {
    let kind = if matches!(error, crate::fetch::FetchError::Disk { .. }) { Kind::Internal } else { Kind::Network };
    JobError::new(kind, "the export cannot go on").because(error)
}

/// An error and its causes as one line, for lists of findings.
fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !line.ends_with(&text) {
            line += &format!(": {text}");
        }
        cause = source.source();
    }
    line
}
