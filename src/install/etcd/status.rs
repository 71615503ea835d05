//! How members of etcd are: what a host is asked, and what its answers mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::backup::pattern;
use super::etcdctl;
use crate::cluster::Cluster;
use crate::host::quote;
use crate::quantity;

/// How etcd is, member by member in the order of the cluster file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub cluster: String,
    /// Every member is well, and there is no alarm.
    pub healthy: bool,
    pub members: Vec<Member>,
}

/// One member, as far as it could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub host: String,
    /// The name that etcd knows it by.
    pub name: String,
    pub healthy: bool,
    /// Why it is not healthy, in a sentence without a full stop.
    pub trouble: Option<String>,
    /// Hex digits.
    pub id: Option<String>,
    pub version: Option<String>,
    pub leader: bool,
    pub learner: bool,
    /// Bytes of the database file, and how many of them hold something.
    pub db_size: Option<u64>,
    pub db_size_in_use: Option<u64>,
    pub revision: Option<u64>,
    pub raft_index: Option<u64>,
    pub raft_term: Option<u64>,
    /// `NOSPACE`, `CORRUPT`.
    pub alarms: Vec<String>,
    /// The newest snapshot in the host's own folder.
    pub last_backup: Option<Backup>,
}

/// A snapshot on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    pub file: String,
    /// `2026-11-24 03:07:43 UTC`: when it was written.
    pub time: String,
    /// Bytes.
    pub size: u64,
}

/// What one host said: of its own member, and of what all members know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    pub member: Member,
    /// Member id → alarms.
    alarms: BTreeMap<u64, Vec<String>>,
    /// Member id → name.
    names: BTreeMap<u64, String>,
    id: Option<u64>,
    leader: Option<u64>,
    cluster_id: Option<u64>,
}

/// A script that changes nothing and asks the host's own member. Lines of a word, a space and what was found.
pub fn status_script(cluster: &Cluster) -> String {
    let etcdctl = format!("{} --dial-timeout 3s --command-timeout 6s", etcdctl(cluster));
    let folder = quote(cluster.spec.etcd.backup_dir.trim_end_matches('/'));
    format!(
        "say() {{ printf '%s %s\\n' \"$1\" \"$2\"; }}\n\
         say unit \"$(systemctl show --property ActiveState --value etcd.service 2>/dev/null)\"\n\
         say enabled \"$(systemctl is-enabled etcd.service 2>/dev/null)\"\n\
         command -v etcdctl >/dev/null && say installed yes\n\
         for file in {folder}/{}; do\nnewest=$file\ndone\n\
         [ ! -f \"$newest\" ] || say backup \"$(stat -c '%Y %s' -- \"$newest\") $newest\"\n\
         say status \"$({etcdctl} endpoint status -w json 2>/dev/null)\"\n\
         say health \"$({etcdctl} endpoint health -w json 2>/dev/null)\"\n\
         say members \"$({etcdctl} member list -w json 2>/dev/null)\"\n\
         say alarms \"$({etcdctl} alarm list -w json 2>/dev/null)\"\n",
        pattern(cluster)
    )
}

// What etcdctl prints: its own Go structs and those of etcd's API (etcdctl/ctlv3/command/ep_command.go,
// api/etcdserverpb/rpc.proto), with every field that may be missing.

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Status")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    header: Header,
    version: String,
    db_size: Option<u64>,
    db_size_in_use: Option<u64>,
    leader: u64,
    raft_index: Option<u64>,
    raft_term: Option<u64>,
    errors: Vec<String>,
    is_learner: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    cluster_id: u64,
    member_id: u64,
    revision: Option<u64>,
}

#[derive(Deserialize)]
struct Health {
    health: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct MemberList {
    #[serde(default)]
    members: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "ID")]
    id: u64,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct AlarmList {
    #[serde(default)]
    alarms: Vec<Alarm>,
}

#[derive(Deserialize)]
struct Alarm {
    #[serde(default, rename = "memberID")]
    member: u64,
    #[serde(default)]
    alarm: u64,
}

/// What [`status_script`] printed on this host.
pub fn read_member(host: &str, stdout: &str) -> Situation {
    let value = |key: &str| {
        stdout.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).unwrap_or_default().trim()
    };
    let mut member = Member {
        host: host.to_owned(),
        name: host.to_owned(),
        last_backup: read_backup(value("backup")),
        ..Member::default()
    };
    let mut situation = Situation::default();
    let status = serde_json::from_str::<Vec<Endpoint>>(value("status")).ok().and_then(|list| list.into_iter().next());
    let health = serde_json::from_str::<Vec<Health>>(value("health")).ok().and_then(|list| list.into_iter().next());
    let errors = match &status {
        Some(Endpoint { status }) => {
            let id = status.header.member_id;
            situation.id = Some(id);
            situation.leader = Some(status.leader);
            situation.cluster_id = Some(status.header.cluster_id);
            member.id = Some(format!("{id:x}"));
            member.version = Some(status.version.clone());
            member.leader = status.leader == id && id != 0;
            member.learner = status.is_learner;
            member.db_size = status.db_size;
            member.db_size_in_use = status.db_size_in_use;
            member.revision = status.header.revision;
            member.raft_index = status.raft_index;
            member.raft_term = status.raft_term;
            status.errors.join("; ")
        }
        None => String::new(),
    };
    member.trouble = match (value("installed"), value("unit"), &status, health) {
        ("", ..) => Some("etcd is not installed here".to_owned()),
        (_, unit, None, _) if unit != "active" && value("enabled") != "enabled" => {
            Some(format!("etcd.service is {} and not enabled", or(unit, "not there")))
        }
        (_, unit, None, _) if unit != "active" => Some(format!("etcd.service is {}", or(unit, "not there"))),
        (_, _, None, _) => Some("etcd runs and does not answer".to_owned()),
        (_, _, Some(endpoint), _) if endpoint.status.leader == 0 => Some("it knows no leader".to_owned()),
        (.., Some(Health { health: true, .. })) if errors.is_empty() => None,
        (.., Some(Health { health: true, .. })) => Some(errors),
        (.., Some(Health { error, .. })) => Some(or(&error, "it does not commit").to_owned()),
        (.., None) => Some("its health cannot be asked for".to_owned()),
    };
    member.healthy = member.trouble.is_none();
    if let Ok(list) = serde_json::from_str::<MemberList>(value("members")) {
        situation.names = list.members.into_iter().map(|named| (named.id, named.name)).collect();
    }
    if let Ok(list) = serde_json::from_str::<AlarmList>(value("alarms")) {
        for alarm in list.alarms {
            situation.alarms.entry(alarm.member).or_default().push(alarm_name(alarm.alarm));
        }
    }
    situation.member = member;
    situation
}

/// `rpc.proto`, `AlarmType`.
fn alarm_name(alarm: u64) -> String {
    match alarm {
        1 => "NOSPACE".into(),
        2 => "CORRUPT".into(),
        other => format!("alarm {other}"),
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// Seconds since 1970, bytes, path.
fn read_backup(line: &str) -> Option<Backup> {
    let mut words = line.splitn(3, ' ');
    let (time, size, file) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    Some(Backup { file: file.to_owned(), time: quantity::moment(time), size })
}

/// What all hosts said together: names, alarms, and whether members belong to one cluster.
pub fn report(cluster: &Cluster, situations: Vec<Situation>) -> Report {
    let mut names = BTreeMap::new();
    let mut alarms: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for situation in &situations {
        names.extend(situation.names.clone());
        // All of them know the same alarms; one that is behind knows fewer.
        for (member, list) in &situation.alarms {
            let known = alarms.entry(*member).or_default();
            for alarm in list {
                if !known.contains(alarm) {
                    known.push(alarm.clone());
                }
            }
        }
    }
    let foremost = situations.iter().find(|one| one.member.healthy).and_then(|one| one.cluster_id);
    let members: Vec<Member> = situations
        .into_iter()
        .map(|situation| {
            let mut member = situation.member;
            if let Some(id) = situation.id {
                if let Some(name) = names.get(&id).filter(|name| !name.is_empty()) {
                    member.name = name.clone();
                }
                member.alarms = alarms.get(&id).cloned().unwrap_or_default();
            }
            let stranger = foremost.is_some() && situation.cluster_id.is_some() && situation.cluster_id != foremost;
            if stranger {
                member.trouble =
                    Some("it belongs to another cluster of etcd than the first member that is well".into());
            } else if !member.alarms.is_empty() && member.trouble.is_none() {
                member.trouble = Some(format!("alarm {}", member.alarms.join(", ")));
            }
            member.healthy = member.trouble.is_none();
            member
        })
        .collect();
    let healthy = !members.is_empty() && members.iter().all(|member| member.healthy);
    Report { cluster: cluster.name.clone(), healthy, members }
}

impl Situation {
    /// A host that could not be asked.
    pub fn unseen(host: &str, why: String) -> Self {
        let member = Member { host: host.to_owned(), name: host.to_owned(), trouble: Some(why), ..Member::default() };
        Self { member, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
