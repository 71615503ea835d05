//! Settings of Hybridnet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of Hybridnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hybridnet {
    pub default_network_type: String,
    pub enable_network_policy: bool,
    /// Whether `networks` are made.
    pub init: bool,
    pub prefer_vxlan_interfaces: String,
    pub prefer_vlan_interfaces: String,
    #[serde(rename = "preferBGPInterfaces")]
    pub prefer_bgp_interfaces: String,
    pub networks: Vec<HybridnetNetwork>,
}

impl Default for Hybridnet {
    fn default() -> Self {
        Self {
            default_network_type: "Overlay".into(),
            enable_network_policy: true,
            init: true,
            prefer_vxlan_interfaces: String::new(),
            prefer_vlan_interfaces: String::new(),
            prefer_bgp_interfaces: String::new(),
            networks: Vec::new(),
        }
    }
}

/// A network of Hybridnet's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HybridnetNetwork {
    pub name: String,
    #[serde(rename = "netID", skip_serializing_if = "Option::is_none")]
    pub net_id: Option<i64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub mode: String,
    pub node_selector: BTreeMap<String, String>,
    pub subnets: Vec<HybridnetSubnet>,
}

/// A range of addresses in a network of Hybridnet's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HybridnetSubnet {
    pub name: String,
    #[serde(rename = "netID", skip_serializing_if = "Option::is_none")]
    pub net_id: Option<i64>,
    pub cidr: String,
    pub gateway: String,
    pub start: String,
    pub end: String,
    #[serde(rename = "reservedIPs")]
    pub reserved_ips: Vec<String>,
    #[serde(rename = "excludeIPs")]
    pub exclude_ips: Vec<String>,
}
