//! Version and settings of Kubernetes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version and settings of Kubernetes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubernetes {
    /// `kubernetes`, `k3s` or `k8e`.
    #[serde(rename = "type")]
    pub distribution: String,
    /// With its `v`. Default: the one version that the bundle holds.
    pub version: String,
    /// Domain of the cluster; also that of services, unless `dnsDomain` says otherwise.
    pub cluster_name: String,
    /// DNS domain of services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_domain: Option<String>,
    /// Leave kube-proxy out: the network plugin does its work.
    pub disable_kube_proxy: bool,
    /// Hide the addresses of clients from all services.
    pub masquerade_all: bool,
    /// Pods on a node at most.
    pub max_pods: u32,
    /// Processes in a pod at most; -1 for no limit.
    pub pod_pids_limit: i64,
    /// Length of the prefix of each node's part of the range for pods.
    pub node_cidr_mask_size: u8,
    /// The same for IPv6.
    #[serde(rename = "nodeCidrMaskSizeIPv6")]
    pub node_cidr_mask_size_ipv6: u8,
    /// Further names of the API server's certificate.
    pub apiserver_cert_extra_sans: Vec<String>,
    /// `ipvs`, `iptables` or `nftables`.
    pub proxy_mode: String,
    /// Renew kubeadm's certificates in their last month, by a timer on the control planes.
    pub auto_renew_certs: bool,
    /// A DNS cache on each node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodelocaldns: Option<bool>,
    /// `containerd`, `docker`, `crio` or `isula`.
    pub container_manager: String,
    /// Socket of the container runtime. Default: that of `containerManager`.
    pub container_runtime_endpoint: String,
    /// Labels nodes by what their hardware can do.
    pub node_feature_discovery: Switch,
    /// Kata Containers: pods in small virtual machines.
    pub kata: Switch,
    /// `flag=value`, without the dashes.
    pub apiserver_args: Vec<String>,
    /// As `apiserverArgs`.
    pub controller_manager_args: Vec<String>,
    /// As `apiserverArgs`.
    pub scheduler_args: Vec<String>,
    /// As `apiserverArgs`.
    pub kubelet_args: Vec<String>,
    /// As `apiserverArgs`.
    pub kube_proxy_args: Vec<String>,
    /// Feature gate → whether it is open, for all of Kubernetes' programs.
    pub feature_gates: BTreeMap<String, bool>,
    /// Merged over the rendered KubeletConfiguration.
    pub kubelet_configuration: Map<String, Value>,
    /// Merged over the rendered KubeProxyConfiguration.
    pub kube_proxy_configuration: Map<String, Value>,
    /// Audit logs of the API server.
    pub audit: Switch,
    /// NVIDIA's container runtime.
    pub nvidia_runtime: bool,
    /// Checks of kubeadm to pass over, such as `SystemVerification`. (kk)
    pub ignore_preflight_errors: Vec<String>,
    /// Settings of containerd. (kk)
    pub containerd: ContainerdSettings,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            distribution: "kubernetes".into(),
            version: String::new(),
            cluster_name: "cluster.local".into(),
            dns_domain: None,
            disable_kube_proxy: false,
            masquerade_all: false,
            max_pods: 110,
            pod_pids_limit: 10_000,
            node_cidr_mask_size: 24,
            node_cidr_mask_size_ipv6: 120,
            apiserver_cert_extra_sans: Vec::new(),
            proxy_mode: "iptables".into(),
            auto_renew_certs: false,
            nodelocaldns: None,
            container_manager: "containerd".into(),
            container_runtime_endpoint: String::new(),
            node_feature_discovery: Switch::default(),
            kata: Switch::default(),
            apiserver_args: Vec::new(),
            controller_manager_args: Vec::new(),
            scheduler_args: Vec::new(),
            kubelet_args: Vec::new(),
            kube_proxy_args: Vec::new(),
            feature_gates: BTreeMap::new(),
            kubelet_configuration: Map::new(),
            kube_proxy_configuration: Map::new(),
            audit: Switch::default(),
            nvidia_runtime: false,
            ignore_preflight_errors: Vec::new(),
            containerd: ContainerdSettings::default(),
        }
    }
}

/// Settings of containerd. (kk)
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContainerdSettings {
    /// Merged over the rendered `config.toml` (configuration version 3), table by table.
    pub config: Map<String, Value>,
}

/// Something that is on or off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Switch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
