//! The plan of `kk delete cluster`.

use super::{Order, Plan, Stage, Task};
use crate::cluster::{Cluster, Host};
use crate::host::{Clearing, Step};
use crate::install::{clearing, remove};

/// Stages that undo an installation: nodes first, then etcd, then the registry where `all` says so. Nothing goes anywhere
/// before it is remembered everywhere that it is about to: a host that is still whole would otherwise pass for one of a
/// cluster that has lost the others.
pub fn remove(cluster: &Cluster, all: bool) -> Plan {
    let mut stages = Vec::new();
    let mut add = |name: &str, title: &str, after: &[&str], tasks: Vec<Task>| {
        if !tasks.is_empty() {
            stages.push(Stage {
                name: name.into(),
                title: title.into(),
                after: after.iter().map(|name| (*name).to_owned()).collect(),
                order: Order::Parallel,
                tasks,
            });
        }
    };
    let task = |host: &str, step: Step| Task::Host { host: host.to_owned(), steps: vec![step] };
    let holds = |host: &Host| {
        let is = |hosts: &[&Host]| hosts.iter().any(|one| one.name == host.name);
        is(&cluster.nodes()) || is(&cluster.hosts_of("etcd"))
    };
    let mark = |host: &Host| task(&host.name, clearing::begun(Clearing::Cluster));
    let marks: Vec<Task> = cluster.spec.hosts.iter().filter(|host| holds(host)).map(mark).collect();
    let begun: &[&str] = if marks.is_empty() { &[] } else { &["begin"] };
    add("begin", "Remember that hosts are being cleared", &[], marks);
    add(
        "kubernetes",
        "Remove Kubernetes",
        begun,
        cluster.nodes().into_iter().map(|host| task(&host.name, remove::kubernetes(cluster))).collect(),
    );
    add(
        "etcd",
        "Remove etcd",
        begun,
        cluster.hosts_of("etcd").into_iter().map(|host| task(&host.name, remove::etcd(cluster, all))).collect(),
    );
    if all {
        add(
            "registry",
            "Remove the registry",
            begun,
            cluster.hosts_of("registry").into_iter().map(|host| task(&host.name, remove::registry(cluster))).collect(),
        );
    }
    add(
        "system",
        "Take back settings",
        begun,
        cluster.spec.hosts.iter().map(|host| task(&host.name, remove::system(cluster, host, all))).collect(),
    );
    Plan { cluster: cluster.name.clone(), stages }
}

#[cfg(test)]
mod tests {
    use crate::plan::tests::{cluster, outline};

    #[test]
    fn all_hosts_know_before_any_loses_something() {
        insta::assert_snapshot!(outline(&super::remove(&cluster(), true)), @"
        begin: node1 node2 node3 node4
        kubernetes: node1 node2 node3 node4 after begin
        etcd: node1 node2 node3 after begin
        registry: node5 after begin
        system: node1 node2 node3 node4 node5 after begin
        ");
    }
}
