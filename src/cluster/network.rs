//! The network plugin and the address ranges.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Calico, Hybridnet, Kubeovn, Switch};

/// The network plugin and the address ranges.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// `calico`, `flannel`, `cilium`, `kubeovn`, `hybridnet` or `none`. kk installs flannel, or none, so far.
    pub plugin: String,
    /// Range of the addresses of pods.
    #[serde(rename = "kubePodsCIDR")]
    pub kube_pods_cidr: String,
    /// Range of the addresses of services.
    #[serde(rename = "kubeServiceCIDR")]
    pub kube_service_cidr: String,
    /// Several networks for a pod, by Multus.
    #[serde(rename = "multusCNI")]
    pub multus_cni: Switch,
    pub flannel: Flannel,
    pub calico: Calico,
    pub kubeovn: Kubeovn,
    pub hybridnet: Hybridnet,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            plugin: "calico".into(),
            kube_pods_cidr: "10.233.64.0/18".into(),
            kube_service_cidr: "10.233.0.0/18".into(),
            multus_cni: Switch::default(),
            flannel: Flannel::default(),
            calico: Calico::default(),
            kubeovn: Kubeovn::default(),
            hybridnet: Hybridnet::default(),
        }
    }
}

/// Settings of flannel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Flannel {
    /// `vxlan`, `host-gw` or another backend of flannel's.
    pub backend_mode: String,
    /// Send packets directly to nodes on the same network.
    pub direct_routing: bool,
}

impl Default for Flannel {
    fn default() -> Self {
        Self { backend_mode: "vxlan".into(), direct_routing: false }
    }
}
