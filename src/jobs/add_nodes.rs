//! `kk add nodes`: hosts that the cluster file names, and that are not part of the cluster yet, join it.

use super::JobError;
use super::create_cluster::{Options, Outcome, Verb, install};
use crate::event::Events;

/// As an installation does, over a cluster that must stand already: those who are part of it change only where they have
/// to know of the new ones.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    install(Verb::AddNodes, options, events).await
}
