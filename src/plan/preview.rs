//! What a plan would change as text, for `--dry-run` and for eyes before a yes. Pure.

use std::fmt::Write as _;

use super::Plan;
use super::changes::{StageChange, StepChange, changes};
use super::survey::Survey;

/// What plans that are run one after the other would change: as text, and stage by stage.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    pub text: String,
    pub stages: Vec<StageChange>,
}

impl Preview {
    /// What a plan would change of what the hosts say.
    pub fn new(plan: &Plan, survey: &Survey) -> Self {
        let (all, differing) = survey.count();
        let stages = changes(plan, survey);
        let mut text = format!("{}; {differing} of {all} parts would change\n", headline(plan));
        stages.iter().for_each(|stage| render_stage(&mut text, stage));
        Self { text, stages }
    }

    /// The same with what another plan would change, which is run afterwards, under a heading; of a plan that cannot be
    /// looked at yet there is the heading alone.
    pub fn then(mut self, heading: &str, next: Self) -> Self {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let end = if next.text.is_empty() { '.' } else { ':' };
        let _ = write!(self.text, "{gap}{heading}{end}\n{}", next.text);
        let under = |stage| StageChange { plan: Some(heading.to_owned()), ..stage };
        self.stages.extend(next.stages.into_iter().map(under));
        self
    }
}

fn headline(plan: &Plan) -> String {
    let (stages, hosts) = (plan.stages.len(), plan.hosts().len());
    let steps: usize = plan.tasks().map(|task| task.steps().len()).sum();
    format!("Plan for cluster {}: {stages} stages, {steps} steps on {hosts} hosts", plan.cluster)
}

fn render_stage(text: &mut String, stage: &StageChange) {
    let after = (!stage.after.is_empty()).then(|| format!("after {}", stage.after.join(", ")));
    let notes: Vec<String> = after.into_iter().chain(stage.order.note().map(str::to_owned)).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    let _ = writeln!(text, "\n{}. {} [{}]{notes}", stage.number, stage.title, stage.name);
    for work in &stage.work {
        let who = if work.hosts.is_empty() { "this machine".to_owned() } else { work.hosts.join(", ") };
        let _ = writeln!(text, "   {who}");
        work.steps.iter().for_each(|step| render_step(text, step));
    }
}

fn render_step(text: &mut String, step: &StepChange) {
    let id = step.id.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default();
    let _ = writeln!(text, "     {}{id}", step.title);
    for part in &step.parts {
        let _ = writeln!(text, "       - {}", part.what);
        for line in &part.difference {
            let _ = writeln!(text, "           {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::host::{Part, Step};
    use crate::plan::{Finding, OperatorWork, Order, PushImages, Stage, StepPlace, Task};

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
        let mut survey = Survey::default();
        for task in 0..2 {
            let place = StepPlace { stage: 0, task, step: 0 };
            survey.steps.insert(place, vec![Finding::Differs(None), Finding::Differs(None)]);
        }
        let preview = Preview::new(&plan, &survey);
        insta::assert_snapshot!(preview.text, @r"
        Plan for cluster sample: 3 stages, 2 steps on 2 hosts; 4 of 4 parts would change

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
        let json = serde_json::to_value(&preview.stages).unwrap();
        assert!(!json.to_string().contains("hunter2"));
        assert_eq!(json[0]["work"][0]["hosts"], serde_json::json!(["a", "b"]));
        assert_eq!(json[0]["work"][0]["steps"][0]["parts"][1]["what"], "file /etc/key");
        assert_eq!(json[2]["order"], "one-by-one");
    }
}
