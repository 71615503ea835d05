//! Settings of Kube-OVN.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of Kube-OVN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubeovn {
    #[serde(rename = "enableSSL")]
    pub enable_ssl: bool,
    /// Addresses of the network between nodes and pods.
    #[serde(rename = "joinCIDR")]
    pub join_cidr: String,
    /// Label of the nodes that run OVN's databases.
    pub label: String,
    /// `geneve`, `vxlan` or `stt`.
    pub tunnel_type: String,
    pub svc_yaml_ipfamilypolicy: String,
    pub dpdk: Dpdk,
    #[serde(rename = "ovs-ovn")]
    pub ovs_ovn: OvsOvn,
    #[serde(rename = "kube-ovn-controller")]
    pub kube_ovn_controller: KubeOvnController,
    #[serde(rename = "kube-ovn-cni")]
    pub kube_ovn_cni: KubeOvnCni,
    #[serde(rename = "kube-ovn-pinger")]
    pub kube_ovn_pinger: KubeOvnPinger,
}

impl Default for Kubeovn {
    fn default() -> Self {
        Self {
            enable_ssl: false,
            join_cidr: "100.64.0.0/16".into(),
            label: String::new(),
            tunnel_type: "geneve".into(),
            svc_yaml_ipfamilypolicy: String::new(),
            dpdk: Dpdk::default(),
            ovs_ovn: OvsOvn::default(),
            kube_ovn_controller: KubeOvnController::default(),
            kube_ovn_cni: KubeOvnCni::default(),
            kube_ovn_pinger: KubeOvnPinger::default(),
        }
    }
}

/// Packet processing in user space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dpdk {
    pub dpdk_mode: bool,
    pub dpdk_tunnel_iface: String,
    pub dpdk_version: String,
}

impl Default for Dpdk {
    fn default() -> Self {
        Self { dpdk_mode: false, dpdk_tunnel_iface: "br-phy".into(), dpdk_version: "19.11".into() }
    }
}

/// The switch on each node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OvsOvn {
    pub hw_offload: bool,
}

/// The controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeOvnController {
    pub pod_gateway: String,
    pub check_gateway: bool,
    pub logical_gateway: bool,
    pub exclude_ips: String,
    /// `geneve` or `vlan`.
    pub network_type: String,
    pub vlan_interface_name: String,
    #[serde(rename = "vlanID")]
    pub vlan_id: String,
    pub pod_nic_type: String,
    #[serde(rename = "enableLB")]
    pub enable_lb: bool,
    #[serde(rename = "enableNP")]
    pub enable_np: bool,
    pub enable_eip_snat: bool,
    #[serde(rename = "enableExternalVPC")]
    pub enable_external_vpc: bool,
}

impl Default for KubeOvnController {
    fn default() -> Self {
        Self {
            pod_gateway: String::new(),
            check_gateway: true,
            logical_gateway: false,
            exclude_ips: String::new(),
            network_type: "geneve".into(),
            vlan_interface_name: String::new(),
            vlan_id: "100".into(),
            pod_nic_type: "veth-pair".into(),
            enable_lb: true,
            enable_np: true,
            enable_eip_snat: true,
            enable_external_vpc: true,
        }
    }
}

/// The CNI plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeOvnCni {
    pub enable_mirror: bool,
    pub iface: String,
    #[serde(rename = "CNIConfigPriority")]
    pub cni_config_priority: String,
    pub modules: String,
    #[serde(rename = "RPMs")]
    pub rpms: String,
}

impl Default for KubeOvnCni {
    fn default() -> Self {
        Self {
            enable_mirror: false,
            iface: String::new(),
            cni_config_priority: "01".into(),
            modules: String::new(),
            rpms: String::new(),
        }
    }
}

/// The probe that watches the network. KubeKey's default reaches for an address in the internet; kk's for none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeOvnPinger {
    pub pinger_external_address: String,
    pub pinger_external_domain: String,
}
