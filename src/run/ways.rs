//! What the steps of a run share when they bring bytes to hosts.

use std::sync::Arc;

use super::peers::Peers;
use super::progress::Progress;
use crate::host::part::script::Places;

/// Where a run's bytes come from besides the operator, and where they are counted.
#[derive(Clone, Copy)]
pub(super) struct Ways<'a> {
    pub progress: &'a Arc<Progress>,
    pub peers: Option<&'a Peers>,
    /// Where records lie on the host, and which hosts the run does without.
    pub places: &'a Places,
}
