//! The plan of `kk delete cluster`.

use super::{Order, Plan, Stage, Task};
use crate::cluster::Cluster;
use crate::install::remove;

/// Stages that undo an installation: nodes first, then etcd, then the registry where `all` says so.
pub fn remove(cluster: &Cluster, all: bool) -> Plan {
    let mut stages = Vec::new();
    let mut add = |name: &str, title: &str, tasks: Vec<Task>| {
        if !tasks.is_empty() {
            stages.push(Stage {
                name: name.into(),
                title: title.into(),
                after: Vec::new(),
                order: Order::Parallel,
                tasks,
            });
        }
    };
    let task = |host: &str, step| Task::Host { host: host.to_owned(), steps: vec![step] };
    add(
        "kubernetes",
        "Remove Kubernetes",
        cluster.nodes().into_iter().map(|host| task(&host.name, remove::kubernetes(cluster))).collect(),
    );
    add(
        "etcd",
        "Remove etcd",
        cluster.hosts_of("etcd").into_iter().map(|host| task(&host.name, remove::etcd(cluster, all))).collect(),
    );
    if all {
        add(
            "registry",
            "Remove the registry",
            cluster.hosts_of("registry").into_iter().map(|host| task(&host.name, remove::registry(cluster))).collect(),
        );
    }
    add(
        "system",
        "Take back settings",
        cluster.spec.hosts.iter().map(|host| task(&host.name, remove::system(cluster, host, all))).collect(),
    );
    Plan { cluster: cluster.name.clone(), stages }
}
