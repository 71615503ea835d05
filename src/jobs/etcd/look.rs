//! Asking every member how it is.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use crate::cluster::Cluster;
use crate::host::{Machine, MachineError, Script};
use crate::install::etcd::{self, Report, Situation};
use crate::jobs::site::{Hosts, reason};

/// Four questions of etcdctl's, six seconds each, and what goes before.
const PATIENCE: Duration = Duration::from_secs(60);

/// How every member is; what kept a host from being reached is its member's trouble.
pub async fn look(cluster: &Cluster, hosts: &Hosts, unreached: &BTreeMap<String, MachineError>) -> Report {
    let asked = cluster.hosts_of("etcd").into_iter().map(|host| async move {
        let name = host.name.as_str();
        match (hosts.get(name), unreached.get(name)) {
            (Some(machine), _) => ask(cluster, name, machine.as_ref()).await,
            (None, Some(error)) => Situation::unseen(name, reason(name, error)),
            (None, None) => Situation::unseen(name, "nobody has connected to it".into()),
        }
    });
    etcd::report(cluster, join_all(asked).await)
}

async fn ask(cluster: &Cluster, name: &str, machine: &dyn Machine) -> Situation {
    match machine.run(&Script::calling(&etcd::status_script(cluster), PATIENCE)).await {
        Ok(output) => etcd::read_member(name, &output.stdout),
        Err(error) => Situation::unseen(name, reason(name, &error)),
    }
}
