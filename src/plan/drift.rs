//! What on hosts is no longer as `kk` left it. Pure: which parts of a plan are compared, and how a difference reads.

use std::collections::BTreeMap;

use super::status::Line;
use super::survey::{Finding, StepPlace, Survey};
use super::{Order, Plan, Stage, Task};
use crate::host::{Part, Step};

/// Of a plan, what lies on hosts and can be held against it: files, lines, folders, links, binaries, archives and units. By
/// host, each in one step, so that one round trip looks at all of a host.
///
/// Commands are left out: what they bring about is Kubernetes' state, which the other concerns of a status tell.
pub fn managed(plan: &Plan) -> BTreeMap<String, Plan> {
    let mut parts: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
    for task in plan.stages.iter().flat_map(|stage| &stage.tasks) {
        if let Task::Host { host, steps } = task {
            let lying = steps.iter().flat_map(|step| &step.parts).filter(|part| !matches!(part, Part::Command(_)));
            parts.entry(host).or_default().extend(lying);
        }
    }
    let whole = |host: &str, parts: Vec<&Part>| {
        let step = Step::new("status/drift", "Compare what kk manages", once(parts));
        let stage = Stage {
            name: "drift".into(),
            title: step.title.clone(),
            after: Vec::new(),
            order: Order::Parallel,
            tasks: vec![Task::Host { host: host.to_owned(), steps: vec![step] }],
        };
        Plan { cluster: plan.cluster.clone(), stages: vec![stage] }
    };
    parts.into_iter().map(|(host, parts)| (host.to_owned(), whole(host, parts))).collect()
}

/// Several steps see to the same folder, and one look at it is enough. Of equals the last stays, which has the last word.
fn once(parts: Vec<&Part>) -> Vec<Part> {
    let last: BTreeMap<String, usize> =
        parts.iter().enumerate().map(|(index, part)| (part.describe(), index)).collect();
    let keep = |(index, part): (usize, &Part)| (last.get(&part.describe()) == Some(&index)).then(|| part.clone());
    parts.into_iter().enumerate().filter_map(keep).collect()
}

/// How a host's part of [`managed`] came out: a line for each difference, or one that there is none.
pub fn lines(host: &str, plan: &Plan, survey: &Survey) -> Vec<Line> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.tasks).filter_map(|task| match task {
        Task::Host { host: whose, steps } if whose == host => steps.first(),
        _ => None,
    });
    let findings = survey.steps.get(&StepPlace { stage: 0, task: 0, step: 0 }).map(Vec::as_slice).unwrap_or_default();
    let compared: Vec<(&Part, &Finding)> = steps.flat_map(|step| step.parts.iter().zip(findings)).collect();
    let line = |subject: String, well: bool, detail: String| Line { host: host.to_owned(), subject, well, detail };
    let differing: Vec<Line> = compared
        .iter()
        .filter(|(_, finding)| **finding != Finding::Holds)
        .map(|(part, finding)| line(part.describe(), false, difference(part, finding)))
        .collect();
    if differing.is_empty() {
        let detail = format!("{} files, folders, links and units are as kk left them", compared.len());
        return vec![line(String::new(), true, detail)];
    }
    differing
}

fn difference(part: &Part, finding: &Finding) -> String {
    match (finding, part) {
        (Finding::Differs(Some(change)), _) => match &change.now {
            None => "is not there".into(),
            Some(now) if *now == change.then => "has another mode or owner".into(),
            Some(now) => {
                let diff = similar::TextDiff::from_lines(now.as_str(), change.then.as_str());
                let changed = diff.iter_all_changes().filter(|one| one.tag() != similar::ChangeTag::Equal);
                let (mut added, mut missing) = (0, 0);
                changed.for_each(|one| match one.tag() {
                    similar::ChangeTag::Delete => added += 1,
                    _ => missing += 1,
                });
                format!("other content; lines added: {added}, missing: {missing}")
            }
        },
        (_, Part::Directory(_)) => "is not there, or has another mode or owner".into(),
        (_, Part::Absent(_)) => "is there".into(),
        (_, Part::Symlink(_)) => "is not there, or leads elsewhere".into(),
        (_, Part::Archive(_)) => "was not unpacked, or has been changed since".into(),
        (_, Part::Unit(_)) => "does not run as kk left it, or has not read its configuration".into(),
        _ => "is not there, or has other content, mode or owner".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::part::look::Change;

    fn plan() -> Plan {
        let task = |host: &str, parts| Task::Host { host: host.into(), steps: vec![Step::new("s", "S", parts)] };
        let stage = |name: &str, tasks| Stage {
            name: name.into(),
            title: name.into(),
            after: Vec::new(),
            order: Order::Parallel,
            tasks,
        };
        let os = stage(
            "os",
            vec![
                task("node1", vec![Part::directory("/etc/kk"), Part::file("/etc/kk/a", "one\ntwo\n")]),
                task("node2", vec![Part::command("Wait", "true", "true")]),
            ],
        );
        let later = vec![Part::directory("/etc/kk"), Part::service("kubelet.service", "1")];
        Plan { cluster: "sample".into(), stages: vec![os, stage("late", vec![task("node1", later)])] }
    }

    #[test]
    fn what_lies_on_a_host_is_compared_once_and_commands_are_not() {
        let managed = managed(&plan());
        let parts = |host: &str| match &managed[host].stages[0].tasks[0] {
            Task::Host { steps, .. } => steps[0].parts.iter().map(Part::describe).collect::<Vec<_>>().join(", "),
            Task::Operator(_) => String::new(),
        };
        insta::assert_snapshot!(parts("node1"), @"file /etc/kk/a, folder /etc/kk, unit kubelet.service");
        assert_eq!(parts("node2"), "");
    }

    #[test]
    fn differences_read_as_sentences() {
        let managed = managed(&plan());
        let change = |now: Option<&str>| {
            Finding::Differs(Some(Change { now: now.map(str::to_owned), then: "one\ntwo\n".to_owned() }))
        };
        let shown = |findings: [Finding; 3]| {
            let place = StepPlace { stage: 0, task: 0, step: 0 };
            let survey = Survey { steps: BTreeMap::from([(place, findings.to_vec())]) };
            let lines = lines("node1", &managed["node1"], &survey);
            lines.iter().map(|line| format!("{} {}: {}\n", line.well, line.subject, line.detail)).collect::<String>()
        };
        let all = [
            shown([Finding::Holds, Finding::Holds, Finding::Holds]),
            shown([change(Some("one\n2\n3\n")), Finding::Differs(None), Finding::Differs(None)]),
            shown([change(None), Finding::Holds, Finding::Holds]),
            shown([change(Some("one\ntwo\n")), Finding::Holds, Finding::Holds]),
        ];
        insta::assert_snapshot!(all.concat(), @"
        true : 3 files, folders, links and units are as kk left them
        false file /etc/kk/a: other content; lines added: 2, missing: 1
        false folder /etc/kk: is not there, or has another mode or owner
        false unit kubelet.service: does not run as kk left it, or has not read its configuration
        false file /etc/kk/a: is not there
        false file /etc/kk/a: has another mode or owner
        ");
    }
}
