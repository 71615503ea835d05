//! The Cluster kind: where a platform goes. KubeKey's `kubekey.kubesphere.io/v1alpha2`, with every field of its 3.x
//! line, so that a team's files load as they are; what `kk` adds are further fields.

mod addons;
mod artifact;
mod calico;
mod etcd;
pub mod expose;
mod file;
mod hosts;
mod hybridnet;
mod kubeovn;
mod kubernetes;
mod leave;
pub mod names;
mod network;
pub mod proxy_jump;
pub mod ranges;
mod registry;
mod resolve;
mod resolved;
mod sample;
mod system;
mod unsupported;
pub mod validate;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use addons::*;
pub use artifact::*;
pub use calico::*;
pub use etcd::*;
pub use file::{load, read};
pub use hosts::*;
pub use hybridnet::*;
pub use kubeovn::*;
pub use kubernetes::*;
pub use leave::lines_to_take_out;
pub use network::*;
pub use registry::*;
pub use resolve::{filled, resolve};
pub use resolved::*;
pub use sample::sample;
pub use system::*;
pub use unsupported::{Unsupported, unsupported};

/// A whole cluster file, as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterFile {
    /// `kubekey.kubesphere.io/v1alpha2`.
    pub api_version: String,
    /// `Cluster`.
    pub kind: String,
    pub metadata: Metadata,
    pub spec: ClusterSpec,
}

/// The name of an object.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the cluster or the manifest; the folder with the site's keys and journal is named like it.
    pub name: String,
    /// Kept; nothing depends on it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("x-omit-from-sample" = true))]
    pub namespace: String,
    /// Kept; nothing depends on them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-omit-from-sample" = true))]
    pub labels: BTreeMap<String, String>,
    /// Kept; nothing depends on them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-omit-from-sample" = true))]
    pub annotations: BTreeMap<String, String>,
}

/// What a cluster consists of.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterSpec {
    /// The machines, reached over SSH.
    pub hosts: Vec<Host>,
    /// Which hosts do what.
    pub role_groups: RoleGroups,
    /// How the API server is reached by all hosts.
    pub control_plane_endpoint: ControlPlaneEndpoint,
    /// What is done to the operating system.
    pub system: System,
    /// Version and settings of Kubernetes.
    pub kubernetes: Kubernetes,
    /// Version-independent settings of etcd.
    pub etcd: Etcd,
    /// Name resolution in the cluster.
    pub dns: Dns,
    /// The network plugin and the address ranges.
    pub network: Network,
    /// Storage classes.
    pub storage: Storage,
    /// The private registry.
    pub registry: Registry,
    /// Charts and manifests that are installed after the cluster stands.
    pub addons: Vec<Addon>,
    /// KubeSphere, which KubeKey installs; loaded and shown only.
    pub kubesphere: Kubesphere,
    /// The checks before an installation. (kk)
    pub preflight: Preflight,
    /// What is demanded of bundles before they are read. (kk)
    pub artifact: Artifact,
}
