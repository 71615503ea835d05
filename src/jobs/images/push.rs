//! `kk artifact images push`: from the bundle into any registry, what is not there yet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::choose::choose;
pub use super::destination::{Destination, Registry};
use crate::bundle::{Bundle, Verified};
use crate::event::{Event, Events};
use crate::image::RegistryError;
use crate::jobs::demand::Demand;
use crate::jobs::push::{Failure, Push};
use crate::jobs::{JobError, Kind, files, gather};
use crate::plan::PushImages;

/// What the command was asked to do.
pub struct Options {
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub destination: Destination,
    /// Patterns of references; all images where there is none.
    pub images: Vec<String>,
    /// Leave out the source registry in the images' names.
    pub flat: bool,
    /// Blobs at once.
    pub concurrency: usize,
    /// Only say what is missing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub registry: String,
    /// Images that were asked for.
    pub images: usize,
    /// Places of those that were not there: pushed, or to be pushed after a dry run.
    pub missing: Vec<String>,
    /// Bytes of blobs that were sent.
    pub sent: u64,
    pub dry_run: bool,
    pub seconds: f64,
}

/// Asks the registry what it lacks, and sends that. Every blob is proven while it is sent: a registry never completes one
/// that ends with an error, and so the rest of the bundle need not be read.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let started = Instant::now();
    let bundle = bundle(&options, &events).await?;
    let chosen = choose(bundle.inventory(), &options.images)?;
    let (access, naming) = options.destination.resolve(bundle.inventory(), options.flat)?;
    let work = PushImages { registry: access, runs_on: None, images: naming.pairs(&chosen)? };
    let failed = |error| failed(&work.registry.host, error);
    let push = Push::new(&bundle, &work, options.concurrency, events.clone()).await.map_err(failed)?;
    let missing = push.missing().await.map_err(failed)?;
    let places = missing.iter().filter_map(|position| work.images.get(*position)).map(|(_, place)| place.clone());
    let mut outcome = Outcome {
        registry: work.registry.host.clone(),
        images: work.images.len(),
        missing: places.collect(),
        sent: 0,
        dry_run: options.dry_run,
        seconds: 0.0,
    };
    if !options.dry_run && !missing.is_empty() {
        let title = "Push images".to_owned();
        events.emit(Event::PhaseStarted { title: title.clone() });
        let begun = Instant::now();
        outcome.sent = push.push(&missing).await.map_err(failed)?;
        events.emit(Event::PhaseDone { title, seconds: begun.elapsed().as_secs_f64() });
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The bundle, its entries proven as they are read; for a cluster as its site demands it, with what the site's store holds.
async fn bundle(options: &Options, events: &Events) -> Result<Arc<Bundle<Verified>>, JobError> {
    let Destination::Cluster(path) = &options.destination else {
        return gather::proven_bundle(&options.bundle, gather::Proof::WhileRead, events).await;
    };
    let cluster = files::cluster(path)?;
    let demand = Demand::of_site(&cluster, false, events)?;
    gather::bundle_for(&cluster, &options.bundle, demand, gather::Proof::WhileRead, events).await
}

fn failed(registry: &str, error: Failure) -> JobError {
    if let Some(RegistryError::Source { source, .. }) = error.downcast_ref::<RegistryError>()
        && source.kind() == std::io::ErrorKind::InvalidData
    {
        let mut failed = JobError::new(Kind::Bundle, "the bundle is damaged; no damaged image is in the registry")
            .hint("kk artifact verify names all that is damaged. Copy the bundle again; if it stays damaged, export it again.");
        failed.source = Some(error);
        return failed;
    }
    let hint = match error.downcast_ref::<RegistryError>() {
        Some(RegistryError::Certificate { .. }) => {
            "--ca-cert names the authority of the registry's certificate; --plain-http speaks HTTP"
        }
        Some(RegistryError::Unauthorized { .. } | RegistryError::Forbidden { .. }) => {
            "--username and --password-file log in; so does docker login"
        }
        _ => "Run the same command again: what has arrived is not sent again.",
    };
    let mut failed = JobError::new(Kind::Network, format!("the images could not be pushed to {registry}")).hint(hint);
    failed.source = Some(error);
    failed
}
