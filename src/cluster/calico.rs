//! Settings of Calico.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of Calico.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Calico {
    /// `Always`, `CrossSubnet` or `Never`.
    pub ipip_mode: String,
    /// `Always`, `CrossSubnet` or `Never`.
    pub vxlan_mode: String,
    /// Bytes; 0 lets Calico find out.
    #[serde(rename = "vethMTU")]
    pub veth_mtu: u32,
    /// How Calico finds a host's address, such as `interface=eth0`.
    pub ip_auto_detection_method: String,
    pub ipv4_nat_outgoing: bool,
    pub ipv6_nat_outgoing: bool,
    /// Whether Calico makes an address pool of the range for pods.
    #[serde(rename = "defaultIPPOOL")]
    pub default_ip_pool: bool,
    pub typha: Typha,
    pub controller: CalicoController,
}

impl Default for Calico {
    fn default() -> Self {
        Self {
            ipip_mode: "Always".into(),
            vxlan_mode: "Never".into(),
            veth_mtu: 0,
            ip_auto_detection_method: String::new(),
            ipv4_nat_outgoing: true,
            ipv6_nat_outgoing: false,
            default_ip_pool: true,
            typha: Typha::default(),
            controller: CalicoController::default(),
        }
    }
}

/// Calico's cache in front of the API server, for many nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Typha {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    pub node_selector: BTreeMap<String, String>,
}

/// Calico's controllers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CalicoController {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    pub node_selector: BTreeMap<String, String>,
}
