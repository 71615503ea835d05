//! The operating system, name resolution, and the checks before an installation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done to the operating system of every host.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct System {
    /// NTP servers; a host's name makes that host the server of the others.
    pub ntp_servers: Vec<String>,
    /// Time zone such as `Asia/Shanghai`.
    pub timezone: String,
    /// Further RPM packages, from the bundle's ISO.
    pub rpms: Vec<String>,
    /// Further Debian packages, from the bundle's ISO.
    pub debs: Vec<String>,
    /// Scripts before the checks.
    pub pre_install: Vec<CustomScript>,
    /// Scripts after the cluster stands, before addons.
    pub post_cluster_install: Vec<CustomScript>,
    /// Scripts at the very end.
    pub post_install: Vec<CustomScript>,
    /// Leave the operating system's settings alone.
    #[serde(rename = "skipConfigureOS")]
    pub skip_configure_os: bool,
}

/// A script of the user's.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CustomScript {
    pub name: String,
    /// Bash text.
    pub bash: String,
    /// Role whose hosts run it; all hosts when empty.
    pub role: String,
    /// Files that are copied beside it.
    pub materials: Vec<String>,
}

/// Name resolution in the cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dns {
    /// Lines for CoreDNS's hosts plugin.
    pub dns_etc_hosts: String,
    /// Lines for the hosts' `/etc/hosts`.
    pub node_etc_hosts: String,
    pub coredns: Coredns,
    pub nodelocaldns: NodeLocalDns,
}

/// Settings of CoreDNS.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Coredns {
    /// Lines for the Corefile.
    pub additional_configs: String,
    /// Zones that other name servers answer for.
    pub external_zones: Vec<ExternalZone>,
    /// Rules of the rewrite plugin.
    pub rewrite_block: String,
    /// Name servers for what is outside. Default: those of the host.
    #[serde(rename = "upstreamDNSServers")]
    pub upstream_dns_servers: Vec<String>,
}

/// Settings of the DNS cache on each node.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NodeLocalDns {
    pub external_zones: Vec<ExternalZone>,
}

/// Zones that other name servers answer for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExternalZone {
    pub zones: Vec<String>,
    pub nameservers: Vec<String>,
    /// Seconds.
    pub cache: u32,
    pub rewrite: Vec<String>,
}

/// The checks before an installation. (kk)
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Preflight {
    /// Names of checks whose failure is a warning only, such as `memory`.
    pub ignore: Vec<String>,
}
