//! Will this bundle suffice for this cluster file? What it needs, what of that is there, and what is there for nothing.
//! Pure: charts are rendered elsewhere, and what they name is added to the needs.

mod needs;
mod report;

pub use needs::{Asked, NeededChart, NeededComponent, NeededImage, NeededPackages, Needs};
pub use report::{Missing, Possible, Report, Settled, Unused, report};

use super::Extent;
use crate::bundle::Inventory;
use crate::cluster::Cluster;

/// Everything that is missing for an installation that goes so far, sorted; empty when the bundle suffices. Charts are
/// not looked into.
///
/// `arch_of` gives a host's architecture, declared or found.
pub fn missing(
    extent: Extent,
    cluster: &Cluster,
    inventory: &Inventory,
    arch_of: impl Fn(&str) -> String,
) -> Vec<Missing> {
    report(&Needs::within(extent, cluster, arch_of), inventory).missing
}
