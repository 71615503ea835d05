//! Stages of work on a cluster that stands, one behind the other.

use super::{Order, Plan, Stage, Task};
use crate::cluster::{Cluster, Host};
use crate::host::Step;

/// Stages in the order in which they were added.
#[derive(Default)]
pub(super) struct Sequence(Vec<Stage>);

impl Sequence {
    /// Adds a stage, unless nothing is to be done in it. It waits for those of `after` that are there by then.
    pub(super) fn add(&mut self, name: &str, title: &str, after: &[&str], order: Order, tasks: Vec<Task>) {
        if tasks.is_empty() {
            return;
        }
        let after = after.iter().filter(|after| self.0.iter().any(|stage| stage.name == **after));
        let after = after.map(|name| (*name).to_owned()).collect();
        self.0.push(Stage { name: name.into(), title: title.into(), after, order, tasks });
    }

    /// The whole of them.
    pub(super) fn plan(self, cluster: &Cluster) -> Plan {
        Plan { cluster: cluster.name.clone(), stages: self.0 }
    }
}

/// Steps on one host.
pub(super) fn on(host: &Host, steps: Vec<Step>) -> Task {
    Task::Host { host: host.name.clone(), steps }
}
