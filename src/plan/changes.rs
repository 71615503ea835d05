//! What a plan would change, stage by stage, hosts with the same work together: for programs as it is, and what
//! [`super::preview`] makes text of. Pure; of what is secret nothing is in it but where it would lie.

use serde::{Deserialize, Serialize};

use super::survey::{Finding, StepPlace, Survey, describe};
use super::{OperatorWork, Order, Plan, Stage, Task};
use crate::host::Step;

/// A stage that would change something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageChange {
    /// Where several plans are run one after the other: which one it is of, as a dry run heads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Its place in its plan, counted from 1.
    pub number: usize,
    pub name: String,
    pub title: String,
    /// Names of the stages that must be done everywhere first.
    pub after: Vec<String>,
    pub order: Order,
    pub work: Vec<Work>,
}

/// What hosts would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Work {
    /// None: the machine that kk runs on.
    pub hosts: Vec<String>,
    pub steps: Vec<StepChange>,
}

/// A step that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepChange {
    /// As the journal names it; what this machine does has none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub title: String,
    pub parts: Vec<PartChange>,
}

/// A part of a step that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartChange {
    /// "file /etc/sysctl.d/99-kk.conf".
    pub what: String,
    /// How a file would change whose content may be shown: lines of a unified difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub difference: Vec<String>,
}

/// What a plan would change of what the hosts say, without the stages that would change nothing.
pub fn changes(plan: &Plan, survey: &Survey) -> Vec<StageChange> {
    let stages = plan.stages.iter().enumerate().map(|(place, stage)| StageChange {
        plan: None,
        number: place + 1,
        name: stage.name.clone(),
        title: stage.title.clone(),
        after: stage.after.clone(),
        order: stage.order,
        work: same_work(place, stage, survey),
    });
    stages.filter(|stage| !stage.work.is_empty()).collect()
}

/// Hosts that would do the same, together, in the order of their first; without those that have nothing to do.
fn same_work(stage_place: usize, stage: &Stage, survey: &Survey) -> Vec<Work> {
    let mut groups: Vec<Work> = Vec::new();
    for (place, task) in stage.tasks.iter().enumerate() {
        let (host, steps) = match task {
            Task::Host { host, steps } => {
                let at = |step| StepPlace { stage: stage_place, task: place, step };
                let found = steps.iter().enumerate().filter_map(|(index, step)| {
                    let parts = parts(step, survey.steps.get(&at(index))?);
                    let change = StepChange { id: Some(step.id.clone()), title: step.title.clone(), parts };
                    (!change.parts.is_empty()).then_some(change)
                });
                (Some(host.clone()), found.collect::<Vec<_>>())
            }
            Task::Operator(work) => (None, vec![operators(work)]),
        };
        if steps.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|known| known.steps == steps && known.hosts.is_empty() == host.is_none()) {
            Some(known) => known.hosts.extend(host),
            None => groups.push(Work { hosts: host.into_iter().collect(), steps }),
        }
    }
    groups
}

fn parts(step: &Step, findings: &[Finding]) -> Vec<PartChange> {
    let both = step.parts.iter().zip(findings);
    let differing = both.filter_map(|(part, finding)| match finding {
        Finding::Holds => None,
        Finding::Differs(change) => {
            let difference = change.as_ref().map(describe).unwrap_or_default();
            Some(PartChange { what: part.describe(), difference })
        }
    });
    differing.collect()
}

/// What this machine does is not looked at before: what is there already is left alone.
fn operators(work: &OperatorWork) -> StepChange {
    match work {
        OperatorWork::PushImages(push) => StepChange {
            id: None,
            title: format!("Push {} images to {}", push.images.len(), push.registry.host),
            parts: push
                .images
                .iter()
                .map(|(_, target)| PartChange { what: target.clone(), difference: Vec::new() })
                .collect(),
        },
        OperatorWork::KeepFile { path, .. } => {
            StepChange { id: None, title: format!("Write {}", path.display()), parts: Vec::new() }
        }
    }
}

impl Order {
    /// How hosts go through a stage, where that is worth a word.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::OneByOne => Some("one host after the other"),
            Self::Together => Some("all hosts at once"),
            Self::Parallel => None,
        }
    }
}
