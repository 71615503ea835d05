//! Machines, roles, and how the API server is reached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::expose;

/// A machine over SSH.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Host {
    /// Name of the node; the host's name is set to it.
    pub name: String,
    /// Address for SSH. Default: `internalAddress`.
    pub address: String,
    /// Address inside the cluster; `"IPv4,IPv6"` for dual stack. Default: `address`.
    pub internal_address: String,
    /// Whether `address` is not in the file: only then does `~/.ssh/config` give another one to a host that it calls by
    /// its name.
    #[serde(skip)]
    pub address_left_out: bool,
    /// SSH port. Default: `Port` of `~/.ssh/config` for the host, else `22`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// SSH user. Anyone but root needs sudo. Default: `User` of `~/.ssh/config` for the host, else `root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Jump hosts on the way, as OpenSSH's `ProxyJump` has them: `[user@]host[:port]`, several with commas between, or
    /// `none`. One of this file's hosts may be named. Default: `ProxyJump` of `~/.ssh/config` for the host. (kk)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_jump: Option<String>,
    /// SSH and sudo password.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose::hidden")]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<SecretString>,
    /// A private key, inline.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose::hidden")]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub private_key: Option<SecretString>,
    /// Path of a private key; `~/` is the home of the user who runs kk. Default: `IdentityFile` of `~/.ssh/config` for the
    /// host; where the host has neither a key nor a password, those of `id_ed25519`, `id_ecdsa` and `id_rsa` in `~/.ssh`
    /// that exist. The SSH agent's keys come last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_path: Option<String>,
    /// Passphrase of the private key. (kk)
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose::hidden")]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub private_key_passphrase: Option<SecretString>,
    /// `amd64` or `arm64`. Default: what the host says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Seconds that connecting over SSH may take.
    pub timeout: u64,
    /// Labels of the node.
    pub labels: BTreeMap<String, String>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            name: String::new(),
            address: String::new(),
            internal_address: String::new(),
            address_left_out: false,
            port: None,
            user: None,
            proxy_jump: None,
            password: None,
            private_key: None,
            private_key_path: None,
            private_key_passphrase: None,
            arch: None,
            timeout: 30,
            labels: BTreeMap::new(),
        }
    }
}

impl Host {
    /// The IPv4 part of the address inside the cluster.
    pub fn internal_ipv4(&self) -> &str {
        self.internal_address.split(',').next().unwrap_or_default().trim()
    }
}

/// Role name → host names. KubeKey allows further roles of any name; they are kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RoleGroups(pub BTreeMap<String, Vec<String>>);

/// How all hosts reach the API server.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlaneEndpoint {
    /// `haproxy`, `kube-vip`, or empty for none of kk's.
    pub internal_loadbalancer: String,
    /// Name of the endpoint; written to the hosts' `/etc/hosts`.
    pub domain: String,
    /// Whether the site's DNS resolves `domain`.
    #[serde(rename = "externalDNS")]
    pub external_dns: bool,
    /// Address of a load balancer or a virtual address. Default: the first control plane.
    pub address: String,
    /// Port of the endpoint.
    pub port: u16,
    /// Settings of kube-vip.
    pub kubevip: Kubevip,
}

impl Default for ControlPlaneEndpoint {
    fn default() -> Self {
        Self {
            internal_loadbalancer: String::new(),
            domain: "lb.kubesphere.local".into(),
            external_dns: false,
            address: String::new(),
            port: 6443,
            kubevip: Kubevip::default(),
        }
    }
}

/// Settings of kube-vip.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubevip {
    /// `ARP` or `BGP`.
    pub mode: String,
}

impl Default for Kubevip {
    fn default() -> Self {
        Self { mode: "ARP".into() }
    }
}
