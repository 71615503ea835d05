//! A plan as text, for `--dry-run` and for eyes before a yes. Pure; no content of any file is shown, secret or not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::survey::{Finding, StepPlace, Survey, describe};
use super::{OperatorWork, Order, Plan, Stage, Task};
use crate::host::Step;

/// The whole plan: stages in their order, hosts with the same work together, the parts of each step.
pub fn render(plan: &Plan) -> String {
    let mut text = format!("{}\n", headline(plan));
    for (number, stage) in plan.stages.iter().enumerate() {
        render_stage(&mut text, number, stage, None);
    }
    text
}

/// The plan as far as it would change something, with the difference of each file that may be shown.
pub fn render_changes(plan: &Plan, survey: &Survey) -> String {
    let (all, differing) = survey.count();
    let mut text = format!("{}; {differing} of {all} parts would change\n", headline(plan));
    for (number, stage) in plan.stages.iter().enumerate() {
        render_stage(&mut text, number, stage, Some(survey));
    }
    text
}

fn headline(plan: &Plan) -> String {
    let steps: usize = plan.stages.iter().flat_map(|stage| &stage.tasks).map(steps_of).map(<[Step]>::len).sum();
    let hosts: BTreeSet<&str> = plan.stages.iter().flat_map(|stage| &stage.tasks).filter_map(host_of).collect();
    let stages = plan.stages.len();
    format!("Plan for cluster {}: {stages} stages, {steps} steps on {} hosts", plan.cluster, hosts.len())
}

fn render_stage(text: &mut String, number: usize, stage: &Stage, survey: Option<&Survey>) {
    let groups = same_work(number, stage, survey);
    if groups.is_empty() {
        return;
    }
    let mut notes = Vec::new();
    if !stage.after.is_empty() {
        notes.push(format!("after {}", stage.after.join(", ")));
    }
    match stage.order {
        Order::OneByOne => notes.push("one host after the other".into()),
        Order::Together => notes.push("all hosts at once".into()),
        Order::Parallel => {}
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    let _ = writeln!(text, "\n{}. {} [{}]{notes}", number + 1, stage.title, stage.name);
    for (who, work) in groups {
        let _ = write!(text, "   {}\n{work}", who.join(", "));
    }
}

/// Hosts whose work reads the same, together, in the order of their first; without those that have none.
fn same_work<'a>(number: usize, stage: &'a Stage, survey: Option<&Survey>) -> Vec<(Vec<&'a str>, String)> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for (place, task) in stage.tasks.iter().enumerate() {
        let who = host_of(task).unwrap_or("this machine");
        let work = match task {
            Task::Host { steps, .. } => steps
                .iter()
                .enumerate()
                .map(|(index, step)| match survey {
                    None => render_step(step),
                    Some(survey) => survey
                        .steps
                        .get(&StepPlace { stage: number, task: place, step: index })
                        .map(|findings| render_changed_step(step, findings))
                        .unwrap_or_default(),
                })
                .collect(),
            Task::Operator(OperatorWork::PushImages(push)) => {
                let mut work = format!("     Push {} images to {}\n", push.images.len(), push.registry.host);
                for (_, target) in &push.images {
                    let _ = writeln!(work, "       - {target}");
                }
                work
            }
            Task::Operator(OperatorWork::KeepFile { path, .. }) => format!("     Write {}\n", path.display()),
        };
        if work.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(_, known)| *known == work) {
            Some((names, _)) => names.push(who),
            None => groups.push((vec![who], work)),
        }
    }
    groups
}

fn render_step(step: &Step) -> String {
    let mut text = format!("     {} [{}]\n", step.title, step.id);
    for part in &step.parts {
        let _ = writeln!(text, "       - {}", part.describe());
    }
    text
}

fn render_changed_step(step: &Step, findings: &[Finding]) -> String {
    let mut parts = String::new();
    for (part, finding) in step.parts.iter().zip(findings) {
        let Finding::Differs(change) = finding else { continue };
        let _ = writeln!(parts, "       - {}", part.describe());
        for line in change.iter().flat_map(describe) {
            let _ = writeln!(parts, "           {line}");
        }
    }
    if parts.is_empty() { parts } else { format!("     {} [{}]\n{parts}", step.title, step.id) }
}

fn steps_of(task: &Task) -> &[Step] {
    match task {
        Task::Host { steps, .. } => steps,
        Task::Operator(_) => &[],
    }
}

fn host_of(task: &Task) -> Option<&str> {
    match task {
        Task::Host { host, .. } => Some(host),
        Task::Operator(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::host::Part;
    use crate::plan::PushImages;

    #[test]
    fn a_plan_reads_as_a_list_and_hides_secrets() {
        let secret = || SecretString::from("hunter2".to_owned());
        let step = |id: &str, title: &str, parts| Step::new(id, title, parts);
        let configure = |host: &str| Task::Host {
            host: host.into(),
            steps: vec![step(
                "os/configure",
                "Configure the operating system",
                vec![Part::file("/etc/sysctl.d/99-kk.conf", "x = 1"), Part::secret_file("/etc/key", secret())],
            )],
        };
        let stage = |name: &str, title: &str, after: &[&str], order, tasks| Stage {
            name: name.into(),
            title: title.into(),
            after: after.iter().map(|name| name.to_string()).collect(),
            order,
            tasks,
        };
        let mut push = PushImages { registry: Default::default(), runs_on: None, images: vec![] };
        push.registry.host = "dockerhub.kubekey.local".into();
        push.registry.password = Some(secret());
        push.images.push(("registry.k8s.io/pause:3.10".into(), "registry.k8s.io/pause:3.10".into()));
        let plan = Plan {
            cluster: "sample".into(),
            stages: vec![
                stage("os", "Configure hosts", &[], Order::Parallel, vec![configure("a"), configure("b")]),
                stage(
                    "push",
                    "Push images",
                    &["os"],
                    Order::Parallel,
                    vec![Task::Operator(OperatorWork::PushImages(Box::new(push)))],
                ),
                stage(
                    "keep",
                    "Write the kubeconfig",
                    &["os", "push"],
                    Order::OneByOne,
                    vec![Task::Operator(OperatorWork::KeepFile { path: "/site/kubeconfig".into(), content: secret() })],
                ),
            ],
        };
        insta::assert_snapshot!(render(&plan), @r"
        Plan for cluster sample: 3 stages, 2 steps on 2 hosts

        1. Configure hosts [os]
           a, b
             Configure the operating system [os/configure]
               - file /etc/sysctl.d/99-kk.conf
               - file /etc/key

        2. Push images [push] (after os)
           this machine
             Push 1 images to dockerhub.kubekey.local
               - registry.k8s.io/pause:3.10

        3. Write the kubeconfig [keep] (after os, push; one host after the other)
           this machine
             Write /site/kubeconfig
        ");
    }
}
