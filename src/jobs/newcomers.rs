//! Hosts that the cluster file names and that are not part of the cluster yet.

use std::collections::BTreeMap;

use super::{JobError, Kind};
use crate::cluster::{Cluster, Host};
use crate::event::{Event, Events};
use crate::install::{EtcdState, Found, NodeState};

/// An installation goes by two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    CreateCluster,
    /// The same, for a cluster that stands.
    AddNodes,
}

impl Verb {
    /// As it is typed.
    pub fn command(self) -> &'static str {
        match self {
            Self::CreateCluster => "create cluster",
            Self::AddNodes => "add nodes",
        }
    }
}

/// What the user is asked before anything is changed. Refuses to add nodes where there is no cluster to add them to.
pub fn question(
    verb: Verb,
    cluster: &Cluster,
    found: &BTreeMap<String, Found>,
    events: &Events,
) -> Result<String, JobError> {
    let (name, hosts) = (&cluster.name, cluster.spec.hosts.len());
    let state = |host: &Host| found.get(&host.name);
    let joined = |host: &Host| state(host).is_some_and(|found| found.node == NodeState::Joined);
    let stands = cluster.control_planes().into_iter().any(joined);
    if !stands {
        return match verb {
            Verb::CreateCluster => Ok(format!("Install cluster {name} on {hosts} hosts?")),
            Verb::AddNodes => {
                let message = format!("there is no cluster {name} yet to add nodes to; no host was changed");
                Err(JobError::new(Kind::Preflight, message)
                    .hint("kk create cluster makes it, with all hosts of the file"))
            }
        };
    }
    // A new etcd would be empty, and the cluster's objects gone with the old one.
    let members = cluster.etcd_hosts();
    if members.iter().all(|host| state(host).is_none_or(|found| found.etcd == EtcdState::Absent)) {
        let message =
            format!("no host of role etcd has a member of the etcd that cluster {name} runs on; no host was changed");
        return Err(JobError::new(Kind::Preflight, message)
            .hint("keep those that have one in spec.roleGroups.etcd, add the new ones, and delete the old ones then"));
    }
    let is_new = |host: &&Host| {
        let node = cluster.nodes().iter().any(|node| node.name == host.name);
        let member = cluster.etcd_hosts().iter().any(|member| member.name == host.name);
        (node && !joined(host)) || (member && state(host).is_none_or(|found| found.etcd == EtcdState::Absent))
    };
    let new: Vec<String> = cluster.spec.hosts.iter().filter(is_new).map(|host| describe(cluster, host)).collect();
    if new.is_empty() {
        return Ok(format!("Every host is part of cluster {name} already. Bring all {hosts} up to date?"));
    }
    let new = new.join(", ");
    if verb == Verb::CreateCluster {
        events.emit(Event::Note { message: format!("Not part of the cluster yet: {new}") });
    }
    Ok(format!("Add {new} to cluster {name}?"))
}

fn describe(cluster: &Cluster, host: &Host) -> String {
    format!("{} ({})", host.name, cluster.roles_of(&host.name).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::silent;
    use crate::plan::tests::cluster;

    fn ask(verb: Verb, bare: &[&str]) -> Result<String, String> {
        let cluster = cluster();
        let found = cluster.spec.hosts.iter().map(|host| {
            let is_bare = bare.contains(&host.name.as_str());
            let found = Found {
                arch: "amd64".into(),
                node: if is_bare { NodeState::Absent } else { NodeState::Joined },
                swap: false,
                etcd: if is_bare { EtcdState::Absent } else { EtcdState::Member },
                etcd_runs: !is_bare,
            };
            (host.name.clone(), found)
        });
        question(verb, &cluster, &found.collect(), &silent()).map_err(|error| error.to_string())
    }

    #[test]
    fn who_is_new_is_asked_about() {
        assert_eq!(ask(Verb::AddNodes, &["node1"]).unwrap(), "Add node1 (control-plane, etcd) to cluster sample?");
        assert_eq!(ask(Verb::CreateCluster, &["node4"]).unwrap(), "Add node4 (worker) to cluster sample?");
        let all = ["node1", "node2", "node3", "node4", "node5"];
        assert_eq!(ask(Verb::CreateCluster, &all).unwrap(), "Install cluster sample on 5 hosts?");
        assert_eq!(
            ask(Verb::AddNodes, &all).unwrap_err(),
            "there is no cluster sample yet to add nodes to; no host was changed"
        );
        assert!(ask(Verb::AddNodes, &[]).unwrap().starts_with("Every host is part of cluster sample already."));
    }
}
