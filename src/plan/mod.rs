//! Plans: immutable lists of stages, each of steps on hosts, with no choice left to the executor.

mod approved;
mod chain;
mod changes;
mod create;
pub mod drift;
mod etcd;
pub mod expiry;
mod extent;
mod init;
pub mod leave;
pub mod preflight;
mod preview;
mod remove;
mod renew;
mod rotate;
mod sequence;
pub mod status;
pub mod suffice;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
pub mod upgrade;

use std::collections::BTreeSet;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::host::Step;
use crate::image::registry::RegistryAccess;

pub use approved::{Approved, StageDigest};
pub use changes::{PartChange, StageChange, StepChange, Work};
pub use create::create;
pub use etcd::{restore_etcd, snapshot_etcd};
pub use extent::Extent;
pub use init::{init_os, init_registry};
pub use leave::leave;
pub use preview::Preview;
pub use remove::remove;
pub use renew::renew;
pub use rotate::rotate;
pub use survey::{Finding, StepPlace, Survey};

/// What a job will do, in full.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the cluster.
    pub cluster: String,
    pub stages: Vec<Stage>,
}

impl Plan {
    /// The work of all stages.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.stages.iter().flat_map(|stage| &stage.tasks)
    }

    /// The hosts that have work.
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.tasks().filter_map(Task::host).collect()
    }

    /// The plan without the work on these hosts, and without what others do for them. Stages stay, as others may wait for them.
    pub fn without(&mut self, hosts: &BTreeSet<String>) {
        for stage in &mut self.stages {
            stage.tasks.retain(|task| task.host().is_none_or(|host| !hosts.contains(host)));
            for task in &mut stage.tasks {
                if let Task::Host { steps, .. } = task {
                    steps.retain(|step| step.about.as_ref().is_none_or(|about| !hosts.contains(about)));
                }
            }
        }
    }
}

/// Work that belongs together.
///
/// A host goes through the stages that name it in their order; hosts do not wait for each other, except that a stage
/// begins only when all stages in `after` are done on all their hosts.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Stable name such as `etcd`.
    pub name: String,
    /// "Start etcd".
    pub title: String,
    /// Names of stages that must be done everywhere first.
    pub after: Vec<String>,
    pub order: Order,
    pub tasks: Vec<Task>,
}

/// Whether a stage's tasks run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    Parallel,
    /// Side by side however few hosts may be worked on at once, since the tasks wait for each other: members of etcd.
    Together,
    OneByOne,
}

/// The work of one stage for one host, or for the machine where `kk` runs.
#[derive(Clone, Debug)]
pub enum Task {
    /// Steps on a host, in order.
    Host { host: String, steps: Vec<Step> },
    /// Work of the operator's machine.
    Operator(OperatorWork),
}

impl Task {
    /// `None` for the operator's machine.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Host { host, .. } => Some(host),
            Self::Operator(_) => None,
        }
    }

    /// The steps on a host; none where it is the operator's machine that works.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Host { steps, .. } => steps,
            Self::Operator(_) => &[],
        }
    }
}

/// What the operator's machine does itself.
#[derive(Clone, Debug)]
pub enum OperatorWork {
    /// Copies images from the bundle to the registry; what is there is skipped.
    PushImages(Box<PushImages>),
    /// Keeps a file beside the cluster file, such as the kubeconfig; mode 0600.
    KeepFile { path: PathBuf, content: SecretString },
}

/// Images that must be in the registry.
#[derive(Clone, Debug)]
pub struct PushImages {
    pub registry: RegistryAccess,
    /// The host of the site that the registry runs on, and its port; `None` where the registry is somebody else's.
    pub runs_on: Option<(String, u16)>,
    /// Pairs of the reference in the bundle and the repository with tag in the registry.
    pub images: Vec<(String, String)>,
}
