//! A host that leaves its cluster: whether it may, and the plan of `kk delete node`.

mod guard;
mod steps;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::cluster::Cluster;
use crate::install::membership::Member;
use crate::install::nodes::Pod;
use crate::install::templates::Templates;

pub use guard::{Refusal, may_leave, may_leave_now, warnings};
pub use steps::leave;

/// Everything that is known of a host that is to leave.
pub struct Leaving<'a> {
    /// The cluster as the file has it: with the host.
    pub cluster: &'a Cluster,
    pub name: &'a str,
    /// The host is gone for good: nothing is done on it.
    pub gone: bool,
    /// Pods that nothing will start again elsewhere are deleted too.
    pub force: bool,
    /// How long emptying the node may take.
    pub drain: Duration,
    /// The control plane from which the cluster is worked on: one that stays.
    pub lead: &'a str,
    /// What etcd says of its members.
    pub etcd: Option<&'a EtcdView>,
    /// The pods on the node.
    pub pods: &'a [Pod],
    pub templates: &'a Templates,
    /// The operator's access to what is left.
    pub kubeconfig: Option<(PathBuf, SecretString)>,
}

/// etcd as one of its members sees it.
#[derive(Clone, Debug)]
pub struct EtcdView {
    /// The host that was asked: one that stays.
    pub via: String,
    pub members: Vec<Member>,
}
