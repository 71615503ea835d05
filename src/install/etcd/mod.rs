//! etcd as a systemd service with TLS, one member on each host of role `etcd`; its snapshots, and putting one back.

mod backup;
pub mod path;
mod restore;
mod schedule;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::certs::Keys;
use super::members::{self, CONFIG};
use super::sources::source_of;
use super::templates::Templates;
use super::{Inputs, InstallError, started};
use crate::bundle::inventory::Component;
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

/// What a member has read when it began: its own pair, which it looks at again at every handshake, and whom it trusts.
pub const CERTIFICATES: &[&str] =
    &["/etc/ssl/etcd/ssl/member.pem", "/etc/ssl/etcd/ssl/member-key.pem", "/etc/ssl/etcd/ssl/ca.pem"];

/// How a member finds the others when its data folder is empty. Once it has data, it reads none of this.
pub enum Beginning<'a> {
    /// All members begin together.
    New,
    /// The others run, and have been told of it; these are all of them and itself.
    Existing(&'a [&'a Host]),
}

/// etcdctl with this member's own certificate, for scripts on the host.
pub fn etcdctl(cluster: &Cluster) -> String {
    format!(
        "etcdctl --endpoints https://127.0.0.1:{} --cacert {SSL}/ca.pem --cert {SSL}/member.pem --key {SSL}/member-key.pem",
        cluster.spec.etcd.port
    )
}

/// Members as etcd wants to be told of them: `name=peer URL`, separated by commas.
fn initial_cluster(cluster: &Cluster, members: &[&Host]) -> String {
    let members: Vec<String> =
        members.iter().map(|host| format!("{}={}", host.name, peer_url(cluster, host))).collect();
    members.join(",")
}

/// Where other members find the one on this host.
pub fn peer_url(cluster: &Cluster, host: &Host) -> String {
    format!("https://{}:{}", host.internal_ipv4(), cluster.spec.etcd.peer_port)
}

/// Where API servers find etcd.
pub fn endpoints(cluster: &Cluster) -> Vec<String> {
    let members = cluster.etcd_hosts();
    members.iter().map(|host| format!("https://{}:{}", host.internal_ipv4(), cluster.spec.etcd.port)).collect()
}

/// Everything of a member but its start: members of a new etcd wait for each other, so all are started side by side.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    install_release(inputs, host, inputs.component("etcd", host)?)
}

/// A member takes a release that lies on the way to the bundle's; see [`path::through`].
pub fn go_through(inputs: &Inputs, host: &Host, version: &str) -> Result<Vec<Step>, InstallError> {
    let arch = &inputs.found(host)?.arch;
    let release = inputs
        .inventory
        .component_at("etcd", version, arch)
        .ok_or_else(|| InstallError::MissingComponent { component: format!("etcd {version}"), arch: arch.clone() })?;
    Ok(vec![install_release(inputs, host, release)?, start_release(inputs, host, release)?])
}

fn install_release(inputs: &Inputs, host: &Host, component: &Component) -> Result<Step, InstallError> {
    let folder = format!("etcd-{}-linux-{}", component.version, inputs.found(host)?.arch);
    let private = |path: &str| Part::Directory(Directory { path: path.into(), mode: 0o700, owner: "root".into() });
    let mut parts = vec![
        Part::Archive(Archive {
            name: "etcd".into(),
            source: source_of(component),
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
    match members::of(inputs) {
        // The others run: the member gets its settings when they have been told of it.
        Some(members) if !members.is_known(host) => {}
        Some(_) => parts.extend(settings(inputs, host, &Beginning::Existing(&inputs.cluster.etcd_hosts()))?),
        None => parts.extend(settings(inputs, host, &Beginning::New)?),
    }
    Ok(Step::new("etcd/install", format!("Install etcd {}", component.version), parts))
}

/// What a running member has read. They stand in the step that starts it too, so that it is restarted when one of them
/// had to be put right.
fn files(inputs: &Inputs, host: &Host) -> Result<Vec<Part>, InstallError> {
    let mut parts = vec![Part::file(format!("{SSL}/ca.pem"), inputs.keys.etcd_ca.certificate.clone())];
    parts.extend(pair(inputs.keys, host)?);
    parts.push(Part::file("/etc/systemd/system/etcd.service", inputs.templates.render("etcd.service", json!({}))?));
    Ok(parts)
}

/// The member's certificate and its key.
pub fn pair(keys: &Keys, host: &Host) -> Result<Vec<Part>, InstallError> {
    let member = keys.etcd_member(&host.name)?;
    Ok(vec![
        Part::file(format!("{SSL}/member.pem"), member.certificate.clone()),
        Part::secret_file(format!("{SSL}/member-key.pem"), member.key.clone()),
    ])
}

/// The member's settings as they stand beside a step that starts nothing: who the members are changes with every host
/// that joins or leaves, and is no reason to restart a member, which has read it once and for all. All other settings
/// are; where they differ, the last start is forgotten, and the step that starts the member does so anew.
fn settings(inputs: &Inputs, host: &Host, beginning: &Beginning) -> Result<[Part; 2], InstallError> {
    let config = config(inputs.cluster, inputs.templates, host, beginning)?;
    let read = Digest::of(what_runs(&config).as_bytes()).hex();
    let stamp = "/var/lib/kk/units/etcd.service";
    let noticed = Part::command(
        "Notice settings that etcd has yet to read",
        format!(
            "[ ! -e {stamp} ] || [ \"$(grep -v '^initial-cluster' {CONFIG} | sha256sum | cut -d' ' -f1)\" = {read} ]"
        ),
        format!("rm -f {stamp}"),
    );
    Ok([noticed, Part::file(CONFIG, config)])
}

/// The settings without the lines that count only before a member has data.
fn what_runs(config: &str) -> String {
    let lines = config.lines().filter(|line| !line.starts_with("initial-cluster"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The member runs with what kk has given it. Its certificate may have been renewed by a run that had no bundle, so that
/// one counts by the time at which it was written.
fn running(inputs: &Inputs, host: &Host, component: &Component) -> Result<[Part; 2], InstallError> {
    let text = format!(
        "{}{}{}",
        inputs.templates.render("etcd.service", json!({}))?,
        what_runs(&config(inputs.cluster, inputs.templates, host, &Beginning::New)?),
        component.entry.sha256,
    );
    let service = Part::service("etcd.service", Digest::of(text.as_bytes()).hex());
    Ok([service, started::restart_unit("etcd.service", CERTIFICATES)])
}

/// The member runs, and the whole cluster answers.
pub fn start(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    start_release(inputs, host, inputs.component("etcd", host)?)
}

fn start_release(inputs: &Inputs, host: &Host, component: &Component) -> Result<Step, InstallError> {
    let mut parts = files(inputs, host)?;
    parts.extend(running(inputs, host, component)?);
    parts.extend([healthy(inputs.cluster), members::recorded()]);
    Ok(Step::new("etcd/start", "Start etcd", parts))
}

/// The member runs and has found the others, which have been told of it; it has no vote yet.
pub fn start_learner(inputs: &Inputs, host: &Host, members: &[&Host]) -> Result<Step, InstallError> {
    let answers = Part::wait(
        "Wait until the member answers",
        format!("{} endpoint status >/dev/null 2>&1", etcdctl(inputs.cluster)),
        Duration::from_secs(120),
    );
    let mut parts = files(inputs, host)?;
    let config = config(inputs.cluster, inputs.templates, host, &Beginning::Existing(members))?;
    parts.push(Part::file(CONFIG, config));
    parts.extend(running(inputs, host, inputs.component("etcd", host)?)?);
    parts.push(answers);
    Ok(Step::new("etcd/start-learner", "Start etcd as a learner", parts))
}

/// A command that succeeds where every member that has a vote answers, and they agree; it says who does not.
///
/// A learner is passed over: it answers no such question, so `--cluster` would find an etcd sick of which one has yet to
/// be promoted, such as after a run that was killed.
pub fn health(cluster: &Cluster) -> String {
    let ctl = etcdctl(cluster);
    format!(
        "{{ voters=$({ctl} member list | awk -F', ' '$6 == \"false\" {{ if ($5 == \"\") {{ none = 1 }}; printf \"%s%s\", gap, $5; gap = \",\" }} END {{ exit (none || gap == \"\") }}') \
         && {ctl} --endpoints \"$voters\" endpoint health; }}"
    )
}

/// Every member answers, and they agree.
pub fn healthy(cluster: &Cluster) -> Part {
    Part::wait(
        "Wait until every member of etcd is healthy",
        format!("{} >/dev/null 2>&1", health(cluster)),
        Duration::from_secs(120),
    )
}

/// A majority of the members agrees, whoever else is down.
pub fn decides(cluster: &Cluster) -> Part {
    Part::wait(
        "Wait until etcd has a majority",
        format!("{} endpoint health >/dev/null 2>&1", etcdctl(cluster)),
        Duration::from_secs(120),
    )
}

/// `etcd.yaml` of a member.
pub fn config(
    cluster: &Cluster,
    templates: &Templates,
    host: &Host,
    beginning: &Beginning,
) -> Result<String, InstallError> {
    let etcd = &cluster.spec.etcd;
    let all = cluster.etcd_hosts();
    let (members, state) = match beginning {
        Beginning::New => (all.as_slice(), "new"),
        Beginning::Existing(members) => (*members, "existing"),
    };
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
    templates.render(
        "etcd.yaml",
        json!({
            "name": host.name,
            "address": host.internal_ipv4(),
            "port": etcd.port,
            "peer_port": etcd.peer_port,
            "data_dir": etcd.data_dir,
            "initial_cluster": initial_cluster(cluster, members),
            "state": state,
            "token": cluster.name,
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
