//! From one release of Kubernetes to another: the way, what stands in it, and the plans of each hop.

mod guard;
mod hops;
mod release;
mod stages;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::install::Inputs;

pub use guard::{Finding, Scene, Soft, findings, sleepy};
pub use hops::{NoWay, Standing, hops};
pub use release::Release;
pub use stages::{hop, place, put_back};

/// One hop of an upgrade: `inputs.cluster` names its release.
pub struct Hop<'a> {
    pub inputs: &'a Inputs<'a>,
    /// Releases of etcd that all members take one after the other before the bundle's; see [`crate::install::etcd::path`].
    pub etcd_through: &'a [String],
    /// Push the bundle's images to the registry.
    pub push_images: bool,
    /// Workers that are emptied at a time; at least one.
    pub max_unavailable: usize,
    /// How long emptying a node may take.
    pub drain: Duration,
    /// Pods that nothing will start again elsewhere are deleted too.
    pub force: bool,
}
