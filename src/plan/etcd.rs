//! The plans of `kk etcd backup` and `kk etcd restore`.

use super::{Order, Plan, Stage, Task};
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::install::etcd::{self, Restore, SnapshotName};
use crate::install::nodes;

/// A snapshot of this name on one host.
pub fn snapshot_etcd(cluster: &Cluster, host: &str, name: &SnapshotName) -> Plan {
    let mut stages = Stages::default();
    let tasks = vec![Task::Host { host: host.to_owned(), steps: vec![etcd::snapshot(cluster, name)] }];
    stages.add("snapshot", "Take a snapshot of etcd", &[], Order::Parallel, tasks);
    Plan { cluster: cluster.name.clone(), stages: stages.0 }
}

/// Every member is made anew from a snapshot.
///
/// Nothing is stopped before every member's host has verified the snapshot. API servers stop first and start last: one
/// that ran meanwhile would serve from its memory what etcd no longer has.
pub fn restore_etcd(cluster: &Cluster, restore: &Restore) -> Plan {
    let members = cluster.hosts_of("etcd");
    let control_planes = cluster.hosts_of("control-plane");
    let others: Vec<&Host> =
        cluster.nodes().into_iter().filter(|host| !cluster.has_role(&host.name, "control-plane")).collect();
    let first: Vec<&Host> = control_planes.iter().copied().take(1).collect();
    let mut stages = Stages::default();
    let mut add =
        |name: &str, title: &str, after: &[&str], order, hosts: &[&Host], step: &dyn Fn(&Host) -> Vec<Step>| {
            let tasks = hosts.iter().map(|host| Task::Host { host: host.name.clone(), steps: step(host) }).collect();
            stages.add(name, title, after, order, tasks);
        };
    let parallel = Order::Parallel;
    add("snapshot", "Bring the snapshot and verify it", &[], parallel, &members, &|_| vec![etcd::upload(restore)]);
    add("stop-api", "Stop the control plane", &["snapshot"], parallel, &control_planes, &|_| {
        vec![etcd::stop_api(restore)]
    });
    add("stop-etcd", "Stop etcd", &["stop-api"], parallel, &members, &|_| vec![etcd::stop_members(restore)]);
    add("data", "Put the snapshot back", &["stop-etcd"], parallel, &members, &|host| {
        vec![etcd::put_back(cluster, host, restore)]
    });
    add("etcd", "Start etcd", &["data"], Order::Together, &members, &|_| vec![etcd::start_members(cluster, restore)]);
    add("api", "Start the control plane", &["etcd"], parallel, &control_planes, &|_| vec![etcd::start_api(restore)]);
    add("kubelets", "Start kubelets anew", &["api"], parallel, &others, &|_| vec![etcd::wake_kubelet(restore)]);
    add("ready", "Wait for the cluster", &["api", "kubelets"], parallel, &first, &|_| {
        vec![etcd::reported(cluster), nodes::all_ready(cluster)]
    });
    Plan { cluster: cluster.name.clone(), stages: stages.finish() }
}

#[derive(Default)]
struct Stages(Vec<Stage>);

impl Stages {
    /// A stage, unless it has nothing to do.
    fn add(&mut self, name: &str, title: &str, after: &[&str], order: Order, tasks: Vec<Task>) {
        if !tasks.is_empty() {
            let after = after.iter().map(|name| (*name).to_owned()).collect();
            self.0.push(Stage { name: name.into(), title: title.into(), after, order, tasks });
        }
    }

    /// Nobody waits for a stage that is not there.
    fn finish(mut self) -> Vec<Stage> {
        let names: Vec<String> = self.0.iter().map(|stage| stage.name.clone()).collect();
        for stage in &mut self.0 {
            stage.after.retain(|name| names.contains(name));
        }
        self.0
    }
}
