//! `kk artifact export`: from a manifest to a bundle.

mod assemble;
mod base;
mod carried;
mod charts;
mod component;
mod fetch;
mod finish;
mod forecast;
mod interrupt;
mod kk;
pub mod lock;
mod materials;
mod pack;
mod place;
mod prepare;
mod registries;
mod resolve;
mod setup;
mod source;
mod wanted;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::sign::{Signer, Signing};
use super::{JobError, Kind, check};
use crate::bundle::{Spelling, Written};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fetch::staging;
use crate::manifest::Lock;
use crate::sbom::Depth;
use assemble::Assembled;
pub use forecast::{Forecast, State};
use interrupt::Interrupt;
use pack::Failed;
pub use prepare::Inputs;
use prepare::Prepared;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub inputs: Inputs,
    pub output: PathBuf,
    /// Replace an output that exists.
    pub overwrite: bool,
    /// What the receiving site has: a bundle or its parts, an inventory, or a receipt. Only what that lacks is carried.
    pub base: Vec<PathBuf>,
    /// The bundle must suffice for this cluster file.
    pub cluster_file: Option<PathBuf>,
    /// Keep nothing but the bundle, and take no more room than it.
    pub no_cache: bool,
    /// Wait until the bundle is on its medium.
    pub sync: bool,
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
    let beside = options.no_cache.then_some((options.output.as_path(), spelling));
    let prepared = Prepared::of(&options.inputs, &options.base, beside, &interrupt, events).await?;
    let plan = prepared.resolve(prepared.previous.as_ref(), &interrupt, events).await?;
    let mut fetched = prepared.fetch(plan, &interrupt, events).await?;
    resolve::write_lock(&prepared.lock_path, prepared.previous.as_ref(), &fetched.lock, events)?;

    let mut made = make(options, spelling, &prepared, &fetched.lock, signer.as_ref(), &interrupt, events).await;
    if let Err(Failed::Changed(what)) = &made {
        events.emit(Event::Warning { message: format!("{what} It is fetched again.") });
        let plan = prepared.resolve(Some(&fetched.lock), &interrupt, events).await?;
        fetched.bytes += prepared.fetch(plan, &interrupt, events).await?.bytes;
        made = make(options, spelling, &prepared, &fetched.lock, signer.as_ref(), &interrupt, events).await;
    }
    let (assembled, written) = made?;
    finish::record(&assembled, options, events)?;
    if options.sync {
        phase("Flush the bundle to its medium", events, pack::flush(&options.output)).await?;
    }
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

/// What [`run`] would do, without fetching anything but what references mean.
pub async fn dry_run(options: &Options, events: &Events) -> Result<Forecast, JobError> {
    let interrupt = Interrupt::watch();
    let spelling = setup::output_spelling(options)?;
    let beside = options.no_cache.then_some((options.output.as_path(), spelling));
    let begun = staging::folder(&options.output).exists();
    let prepared = Prepared::of(&options.inputs, &options.base, beside, &interrupt, events).await?;
    let plan = prepared.resolve(prepared.previous.as_ref(), &interrupt, events).await?;
    let forecast = forecast::forecast(&prepared, &plan, &options.output, spelling, options.no_cache)?;
    if !begun {
        staging::remove(&options.output).map_err(network)?;
    }
    Ok(forecast)
}

/// From what was fetched to the file.
async fn make(
    options: &Options,
    spelling: Spelling,
    prepared: &Prepared,
    lock: &Lock,
    signer: Option<&Signer>,
    interrupt: &Interrupt,
    events: &Events,
) -> Result<(Assembled, Written), Failed> {
    let Prepared { source, wanted, cache, base, .. } = prepared;
    let mut assembled = Assembled::of(&source.manifest, wanted, lock, cache.clone(), base.as_ref())?;
    finish::manifest_and_lock(&mut assembled, source, lock)?;
    assembled.sort();
    if let Some(cluster_file) = &options.cluster_file {
        let open = |path: &str| assembled.open(path);
        let checking = check::before_packing(cluster_file, &assembled.inventory, &open, events);
        phase("Check that the bundle suffices", events, checking).await?;
    }
    let adding = materials::add(assembled, options.sbom, interrupt, events);
    let mut assembled = phase("Write the bill of materials", events, adding).await?;
    if let Some(base) = base {
        base.leave_out(&mut assembled.inventory, events);
    }
    let signature = signer.map(|signer| finish::signature(&assembled, signer)).transpose()?;
    let packing = pack::pack(assembled, &options.output, spelling, signature, options.no_cache, interrupt, events);
    phase("Write the bundle", events, packing).await
}

async fn phase<T, E>(title: &str, events: &Events, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
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
