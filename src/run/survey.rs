//! Looks at hosts without changing anything: what would a plan change?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};

use super::error::Failure;
use super::{Limits, RunError};
use crate::host::part::look::{look_script, read_look};
use crate::host::part::script::{Marker, Places, Verdict, check_script, check_timeout, read_check};
use crate::host::{Machine, MachineError, Script, Step};
use crate::plan::{Finding, Plan, StepPlace, Survey, Task};

/// How long reading small files may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);

/// Checks every step of a plan on its host. Steps are looked at as the hosts are now: what an earlier step would bring
/// about is not there yet, so what needs it counts as a change too.
pub async fn survey(
    plan: &Plan,
    machines: &BTreeMap<String, Arc<dyn Machine>>,
    places: &Places,
    limits: Limits,
) -> Result<Survey, RunError> {
    let mut work: BTreeMap<&str, Vec<(StepPlace, &Step)>> = BTreeMap::new();
    for (stage, body) in plan.stages.iter().enumerate() {
        for (task, content) in body.tasks.iter().enumerate() {
            if let Task::Host { host, steps } = content {
                let places = (0..steps.len()).map(|step| StepPlace { stage, task, step });
                work.entry(host).or_default().extend(places.zip(steps));
            }
        }
    }
    let found: Vec<Vec<_>> = futures::stream::iter(work)
        .map(|(host, steps)| async move {
            let machine = machines.get(host).ok_or_else(|| RunError::Plan {
                message: format!("it names the host {host}, to which there is no session"),
            })?;
            let mut found = Vec::new();
            for (place, step) in steps {
                let findings = look(machine.as_ref(), step, places).await.map_err(|error| RunError::Failed {
                    failures: vec![Failure::of_machine(host, &step.id, &step.title, error)],
                    unfinished: 0,
                })?;
                found.push((place, findings));
            }
            Ok(found)
        })
        .buffer_unordered(limits.hosts.max(1))
        .try_collect()
        .await?;
    Ok(Survey { steps: found.into_iter().flatten().collect() })
}

async fn look(machine: &dyn Machine, step: &Step, places: &Places) -> Result<Vec<Finding>, MachineError> {
    let marker = Marker::random();
    let script = Script::new(check_script(step, places, &marker), check_timeout(step));
    let output = machine.run(&script).await?;
    let verdicts = read_check(step, &marker, &output.stdout).ok_or_else(|| MachineError::Output {
        host: machine.name().to_owned(),
        message: format!("the host could not be looked at: {}", output.stderr.trim()),
    })?;
    let mut findings: Vec<Finding> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Holds => Finding::Holds,
            Verdict::Differs { .. } => Finding::Differs(None),
        })
        .collect();
    let differing: Vec<usize> = (0..verdicts.len()).filter(|index| verdicts[*index] != Verdict::Holds).collect();
    if !differing.is_empty() {
        let marker = Marker::random();
        let output = machine.run(&Script::new(look_script(step, &differing, places, &marker), LOOK_TIMEOUT)).await?;
        for (index, change) in read_look(step, &marker, &output.stdout) {
            findings[index] = Finding::Differs(Some(change));
        }
    }
    Ok(findings)
}
