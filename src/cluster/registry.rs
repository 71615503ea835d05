//! The private registry.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::expose;

/// The private registry: which kind is installed on the hosts of role `registry`, and how hosts use it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Registry {
    /// `registry` (the distribution registry) or `harbor`. Default: `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Host name of the registry, with a port where it is not 443.
    pub private_registry: String,
    /// One namespace for all images.
    pub namespace_override: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_rewrite: Option<NamespaceRewrite>,
    /// Mirrors of Docker Hub, as URLs.
    pub registry_mirrors: Vec<String>,
    /// Registries without TLS, or with a certificate that nobody checks.
    pub insecure_registries: Vec<String>,
    /// Registry host → where its images are pulled from instead.
    pub remote_mirrors: BTreeMap<String, RemoteMirror>,
    /// Address of Docker's bridge.
    #[serde(rename = "bridgeIP")]
    pub bridge_ip: String,
    /// Where containerd keeps images and containers. Default: its own, /var/lib/containerd.
    pub containerd_data_dir: String,
    /// Where Docker keeps images and containers.
    pub docker_data_dir: String,
    /// What `dockerDataDir` and `containerdDataDir` were in KubeKey 3.0.
    pub data_root: String,
    /// Where the registry keeps its blobs.
    pub registry_data_dir: String,
    /// Registry host → credentials.
    pub auths: BTreeMap<String, RegistryAuth>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            kind: String::new(),
            private_registry: String::new(),
            namespace_override: String::new(),
            namespace_rewrite: None,
            registry_mirrors: Vec::new(),
            insecure_registries: Vec::new(),
            remote_mirrors: BTreeMap::new(),
            bridge_ip: String::new(),
            containerd_data_dir: String::new(),
            docker_data_dir: String::new(),
            data_root: String::new(),
            registry_data_dir: "/mnt/registry".into(),
            auths: BTreeMap::new(),
        }
    }
}

/// Replaces the namespace of images.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NamespaceRewrite {
    /// `changePrefix`.
    pub policy: String,
    pub src: Vec<String>,
    pub dest: String,
}

impl Default for NamespaceRewrite {
    fn default() -> Self {
        Self { policy: "changePrefix".into(), src: Vec::new(), dest: String::new() }
    }
}

/// Another address for a registry.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RemoteMirror {
    pub endpoint: Vec<String>,
}

/// Credentials and TLS settings for one registry host.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RegistryAuth {
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose::hidden")]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<SecretString>,
    /// Do not check the registry's certificate.
    #[serde(rename = "skipTLSVerify")]
    pub skip_tls_verify: bool,
    /// Speak HTTP without TLS.
    #[serde(rename = "plainHTTP")]
    pub plain_http: bool,
    /// Folder with the files below, under the names that Docker gives them.
    pub certs_path: String,
    /// PEM file of the CA that signed the registry's certificate.
    pub ca_file: String,
    /// PEM file of the certificate.
    pub cert_file: String,
    /// PEM file of its key.
    pub key_file: String,
}
