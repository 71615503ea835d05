//! What each concern wants on a host. Builds steps; runs nothing.
//!
//! Each room takes [`Inputs`] and a host and gives a [`crate::host::Step`]. The rooms know the cluster file, the
//! inventory and what was found on the hosts; versions come from the inventory alone.

pub mod certs;
pub mod clearing;
mod config;
pub mod cordon;
pub mod dns;
pub mod etcd;
pub mod kubernetes;
pub mod loadbalancer;
pub mod look_around;
pub mod members;
pub mod membership;
pub mod network;
pub mod nodes;
pub mod os;
pub mod registry;
pub mod remove;
pub mod renew;
pub mod rotate;
pub mod runtime;
pub mod sources;
mod started;
pub mod support;
pub mod templates;
pub mod upgrade_facts;

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::bundle::Inventory;
use crate::cluster::{Cluster, Host};
use certs::Keys;
use templates::Templates;

/// Everything that steps are built from.
pub struct Inputs<'a> {
    pub cluster: &'a Cluster,
    pub inventory: &'a Inventory,
    /// Host name → what was found there.
    pub hosts: &'a BTreeMap<String, Found>,
    pub keys: &'a Keys,
    pub registry: &'a RegistryLogin,
    /// Lets hosts join for an hour; made anew for each run.
    pub bootstrap_token: &'a SecretString,
    pub templates: &'a Templates,
}

/// What was found on a host, as far as steps depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `amd64`, `arm64`.
    pub arch: String,
    pub node: NodeState,
    /// Whether swap is in use though the kubelet does not allow it.
    pub swap: bool,
    pub etcd: EtcdState,
    /// Whether etcd runs there now.
    pub etcd_runs: bool,
}

/// How far a host has become a member of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtcdState {
    /// kk has not started etcd here.
    Absent,
    /// It has, and has not seen all members healthy yet.
    Started,
    /// The host is a member of an etcd that was seen whole.
    Member,
}

/// How far a host has become a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// kubeadm has not run here.
    Absent,
    /// kubeadm began and did not end.
    Partial,
    /// kubeadm has ended well here.
    Joined,
}

/// The registry's account: the name, the password, and its bcrypt hash, which is kept so that files stay the same.
#[derive(Clone, Debug)]
pub struct RegistryLogin {
    pub username: String,
    pub password: SecretString,
    /// One line of an htpasswd file.
    pub htpasswd: SecretString,
}

/// Why no steps can be built.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the bundle holds no {component} for {arch}")]
    MissingComponent { component: String, arch: String },
    #[error("the bundle holds no image {reference}")]
    MissingImage { reference: String },
    #[error("nothing is known of host {host}")]
    UnknownHost { host: String },
    #[error("no host has role {role}")]
    NoHost { role: &'static str },
    #[error("the site has no certificate {name}")]
    MissingCertificate { name: String },
    #[error("template {name} cannot be rendered")]
    Template {
        name: String,
        #[source]
        source: minijinja::Error,
    },
    #[error("cannot write {what}")]
    Encode {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Inputs<'_> {
    /// What was found on a host.
    pub fn found(&self, host: &Host) -> Result<&Found, InstallError> {
        self.hosts.get(&host.name).ok_or_else(|| InstallError::UnknownHost { host: host.name.clone() })
    }

    /// The control plane from which the cluster is worked on: the first that is a node already, whatever stands before
    /// it in the cluster file; in a new cluster the first of the file, which kubeadm initialises.
    pub fn first_control_plane(&self) -> Result<&Host, InstallError> {
        let hosts = self.cluster.control_planes();
        let joined = hosts.iter().find(|host| self.is_node(host));
        joined.or(hosts.first()).copied().ok_or(InstallError::NoHost { role: "control-plane" })
    }

    /// Whether kubeadm has ended well on this host.
    pub fn is_node(&self, host: &Host) -> bool {
        self.hosts.get(&host.name).is_some_and(|found| found.node == NodeState::Joined)
    }
}
