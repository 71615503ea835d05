//! etcd as a systemd service with TLS, one member on each host of role `etcd`; its snapshots, and putting one back.

mod backup;
mod restore;
mod schedule;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Inputs, InstallError};
use crate::cluster::{Cluster, Host};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Archive, Directory, Part};

pub use backup::{SnapshotName, Taken, path as snapshot_path, read_taken, snapshot, taken_script};
pub(crate) use backup::{pattern as snapshots_pattern, stamp};
pub use restore::{
    Restore, forget_old_data, put_back, reported, start_api, start_members, stop_api, stop_members, upload,
    wake_kubelet,
};
pub use schedule::schedule;
pub(crate) use schedule::script_path;
pub use status::{Backup, Member, Report, Situation, read_member, report, status_script};

/// Where KubeKey's users look for etcd's certificates.
pub const SSL: &str = "/etc/ssl/etcd/ssl";

/// etcdctl with this member's own certificate, for scripts on the host.
pub fn etcdctl(cluster: &Cluster) -> String {
    format!(
        "etcdctl --endpoints https://127.0.0.1:{} --cacert {SSL}/ca.pem --cert {SSL}/member.pem --key {SSL}/member-key.pem",
        cluster.spec.etcd.port
    )
}

/// All members as etcd wants to be told of them: `name=peer URL`, separated by commas.
fn initial_cluster(cluster: &Cluster) -> String {
    let members: Vec<String> =
        cluster.hosts_of("etcd").iter().map(|host| format!("{}={}", host.name, peer_url(cluster, host))).collect();
    members.join(",")
}

fn peer_url(cluster: &Cluster, host: &Host) -> String {
    format!("https://{}:{}", host.internal_ipv4(), cluster.spec.etcd.peer_port)
}

/// Everything of a member but its start: members wait for each other, so all are started side by side.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let component = inputs.component("etcd", host)?;
    let folder = format!("etcd-{}-linux-{}", component.version, inputs.found(host)?.arch);
    let private = |path: &str| Part::Directory(Directory { path: path.into(), mode: 0o700, owner: "root".into() });
    let mut parts = vec![
        Part::Archive(Archive {
            name: "etcd".into(),
            source: inputs.source("etcd", host)?,
            directory: "/usr/local/bin".into(),
            strip: 1,
            members: ["etcd", "etcdctl", "etcdutl"].iter().map(|name| format!("{folder}/{name}")).collect(),
        }),
        private("/etc/ssl/etcd"),
        private(SSL),
        private("/etc/etcd"),
        private(&inputs.cluster.spec.etcd.data_dir),
    ];
    parts.extend(files(inputs, host)?);
    Ok(Step::new("etcd/install", format!("Install etcd {}", component.version), parts))
}

/// What a running member has read. They stand in the step that starts it too, so that it is restarted when one of them
/// had to be put right.
fn files(inputs: &Inputs, host: &Host) -> Result<Vec<Part>, InstallError> {
    let member = inputs.keys.etcd_member(&host.name)?;
    Ok(vec![
        Part::file(format!("{SSL}/ca.pem"), inputs.keys.etcd_ca.certificate.clone()),
        Part::file(format!("{SSL}/member.pem"), member.certificate.clone()),
        Part::secret_file(format!("{SSL}/member-key.pem"), member.key.clone()),
        Part::file("/etc/etcd/etcd.yaml", member_config(inputs, host)?),
        Part::file("/etc/systemd/system/etcd.service", inputs.templates.render("etcd.service", json!({}))?),
    ])
}

/// The member runs, and the whole cluster answers.
pub fn start(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let version = Digest::of(
        format!(
            "{}{}{}{}",
            inputs.templates.render("etcd.service", json!({}))?,
            member_config(inputs, host)?,
            inputs.source("etcd", host)?.sha256,
            inputs.keys.etcd_member(&host.name)?.certificate,
        )
        .as_bytes(),
    );
    let mut parts = files(inputs, host)?;
    parts.extend([Part::service("etcd.service", version.hex()), healthy(inputs.cluster)]);
    Ok(Step::new("etcd/start", "Start etcd", parts))
}

/// Every member answers, and they agree.
fn healthy(cluster: &Cluster) -> Part {
    let mut healthy = Part::command(
        "Wait until every member of etcd is healthy",
        format!("{} endpoint health --cluster >/dev/null 2>&1", etcdctl(cluster)),
        ":",
    );
    if let Part::Command(command) = &mut healthy {
        command.settle = Duration::from_secs(120);
    }
    healthy
}

fn member_config(inputs: &Inputs, host: &Host) -> Result<String, InstallError> {
    let etcd = &inputs.cluster.spec.etcd;
    let mut optional: BTreeMap<String, Value> = BTreeMap::new();
    let mut set = |key: &str, value: Option<u64>| {
        if let Some(value) = value {
            optional.insert(key.to_owned(), value.into());
        }
    };
    set("quota-backend-bytes", etcd.quota_backend_bytes);
    set("max-request-bytes", etcd.max_request_bytes);
    set("max-snapshots", etcd.max_snapshots.map(u64::from));
    set("max-wals", etcd.max_wals.map(u64::from));
    for arg in &etcd.extra_args {
        let (key, value) = arg.trim_start_matches("--").split_once('=').unwrap_or((arg, "true"));
        // Numbers and switches are written as such: etcd reads this file strictly.
        let value =
            serde_json::from_str(value).ok().filter(|value: &Value| !value.is_object()).unwrap_or_else(|| value.into());
        optional.insert(key.to_owned(), value);
    }
    inputs.templates.render(
        "etcd.yaml",
        json!({
            "name": host.name,
            "address": host.internal_ipv4(),
            "port": etcd.port,
            "peer_port": etcd.peer_port,
            "data_dir": etcd.data_dir,
            "initial_cluster": initial_cluster(inputs.cluster),
            "token": inputs.cluster.name,
            "optional": optional,
            "etcd": {
                "heartbeatInterval": etcd.heartbeat_interval,
                "electionTimeout": etcd.election_timeout,
                "snapshotCount": etcd.snapshot_count,
                "autoCompactionRetention": etcd.auto_compaction_retention.to_string(),
                "metrics": etcd.metrics,
                "logLevel": etcd.log_level,
            },
        }),
    )
}
