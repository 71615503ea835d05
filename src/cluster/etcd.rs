//! Settings of etcd.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of etcd. `kubekey` is etcd as a systemd service on the hosts of role `etcd`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Etcd {
    /// `kubekey`, `kubeadm` or `external`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where etcd is, with type `external`.
    pub external: ExternalEtcd,
    /// Port for clients.
    pub port: u16,
    /// Port for the other members.
    pub peer_port: u16,
    /// `flag=value`, without the dashes.
    pub extra_args: Vec<String>,
    /// Folder on the members for snapshots.
    pub backup_dir: String,
    /// Minutes between two snapshots by a timer; 1440 is every night at two, 0 is never.
    pub backup_period: u32,
    /// How many snapshots the timer leaves on a member.
    pub keep_backup_number: u32,
    /// Folder of the script that the timer runs.
    pub backup_script: String,
    /// Where etcd keeps its data.
    pub data_dir: String,
    /// Milliseconds.
    pub heartbeat_interval: u32,
    /// Milliseconds.
    pub election_timeout: u32,
    /// Changes between two snapshots.
    pub snapshot_count: u64,
    /// Hours.
    pub auto_compaction_retention: u32,
    /// `basic` or `extensive`.
    pub metrics: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_backend_bytes: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_snapshots: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wals: Option<u32>,
    /// `debug`, `info`, `warn`, `error`, `panic` or `fatal`.
    pub log_level: String,
}

impl Default for Etcd {
    fn default() -> Self {
        Self {
            kind: "kubekey".into(),
            external: ExternalEtcd::default(),
            port: 2379,
            peer_port: 2380,
            extra_args: Vec::new(),
            backup_dir: "/var/backups/kube_etcd".into(),
            backup_period: 1440,
            keep_backup_number: 5,
            backup_script: "/usr/local/bin/kube-scripts".into(),
            data_dir: "/var/lib/etcd".into(),
            heartbeat_interval: 250,
            election_timeout: 5000,
            snapshot_count: 10_000,
            auto_compaction_retention: 8,
            metrics: "basic".into(),
            quota_backend_bytes: None,
            max_request_bytes: None,
            max_snapshots: None,
            max_wals: None,
            log_level: "info".into(),
        }
    }
}

/// An etcd that somebody else runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExternalEtcd {
    pub endpoints: Vec<String>,
    pub ca_file: String,
    pub cert_file: String,
    pub key_file: String,
}
