//! How far an installation goes.

use crate::cluster::{Cluster, Host};

/// How far an installation goes, from bare hosts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The operating systems of all hosts; nothing of a bundle is brought to them.
    Os,
    /// The hosts of role registry, as far as a registry that answers.
    Registry,
    /// A cluster that is ready.
    Cluster,
}

impl Extent {
    /// The hosts that are worked on.
    pub fn hosts(self, cluster: &Cluster) -> Vec<&Host> {
        match self {
            Self::Os | Self::Cluster => cluster.spec.hosts.iter().collect(),
            Self::Registry => cluster.registry_hosts(),
        }
    }
}
