//! Stages, each of which waits for the one before it: for what must not overlap on hosts that are at work.

use super::{OperatorWork, Order, Stage, Task};
use crate::cluster::Host;
use crate::host::Step;
use crate::install::InstallError;

/// Collects stages; one without work is left out.
#[derive(Default)]
pub(super) struct Chain(Vec<Stage>);

impl Chain {
    /// Steps on one host.
    pub fn on(&mut self, name: &str, title: &str, host: &str, steps: Vec<Step>) {
        self.add(name, title, Order::Parallel, vec![Task::Host { host: host.to_owned(), steps }]);
    }

    /// A step on one host, if there is one to do.
    pub fn some(&mut self, name: &str, title: &str, host: &Host, step: Option<Step>) {
        if let Some(step) = step {
            self.on(name, title, &host.name, vec![step]);
        }
    }

    /// Steps on each of several hosts, where it has some to do.
    pub fn each<'a, S: IntoIterator<Item = Step>>(
        &mut self,
        name: &str,
        title: &str,
        order: Order,
        hosts: impl IntoIterator<Item = &'a Host>,
        steps: impl Fn(&Host) -> Result<S, InstallError>,
    ) -> Result<(), InstallError> {
        let mut tasks = Vec::new();
        for host in hosts {
            let steps: Vec<Step> = steps(host)?.into_iter().collect();
            if !steps.is_empty() {
                tasks.push(Task::Host { host: host.name.clone(), steps });
            }
        }
        self.add(name, title, order, tasks);
        Ok(())
    }

    /// What the operator's machine does.
    pub fn operator(&mut self, name: &str, title: &str, work: OperatorWork) {
        self.add(name, title, Order::Parallel, vec![Task::Operator(work)]);
    }

    fn add(&mut self, name: &str, title: &str, order: Order, tasks: Vec<Task>) {
        if !tasks.is_empty() {
            let after = self.0.last().map(|stage| stage.name.clone()).into_iter().collect();
            self.0.push(Stage { name: name.into(), title: title.into(), after, order, tasks });
        }
    }

    /// The stages, in their order.
    pub fn finish(self) -> Vec<Stage> {
        self.0
    }
}
