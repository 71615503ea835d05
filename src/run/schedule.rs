//! Which work may begin: pure bookkeeping over the stages of a plan.

use std::collections::{BTreeSet, HashMap};

use crate::plan::{Order, Plan, Task};

/// One task of a plan, by the places of its stage and of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    pub stage: usize,
    pub task: usize,
}

/// What is waiting, and for what.
pub struct Schedule {
    /// For each task not begun yet, what must be done first.
    waiting: Vec<(TaskId, BTreeSet<TaskId>)>,
    /// Tasks of each stage that are not done.
    open: Vec<usize>,
}

impl Schedule {
    /// All tasks wait. Fails where a stage waits for one that is not there, or stages wait for each other.
    pub fn new(plan: &Plan) -> Result<Self, String> {
        let mut waiting = Vec::new();
        // Each host, and the operator's machine as `None`, goes through its tasks one after the other.
        let mut latest: HashMap<Option<&str>, TaskId> = HashMap::new();
        for (stage_index, stage) in plan.stages.iter().enumerate() {
            let mut first: BTreeSet<TaskId> = BTreeSet::new();
            for name in &stage.after {
                let Some(earlier) = plan.stages.iter().position(|other| other.name == *name) else {
                    return Err(format!("stage {} waits for stage {name}, which is not in the plan", stage.name));
                };
                first.extend((0..plan.stages[earlier].tasks.len()).map(|task| TaskId { stage: earlier, task }));
            }
            for (task_index, task) in stage.tasks.iter().enumerate() {
                let id = TaskId { stage: stage_index, task: task_index };
                let mut needs = first.clone();
                if stage.order == Order::OneByOne && task_index > 0 {
                    needs.insert(TaskId { stage: stage_index, task: task_index - 1 });
                }
                needs.extend(latest.insert(host_of(task), id));
                waiting.push((id, needs));
            }
        }
        let schedule = Self { waiting, open: plan.stages.iter().map(|stage| stage.tasks.len()).collect() };
        schedule.refuse_circles(plan)?;
        Ok(schedule)
    }

    /// Takes the tasks that may begin now out of the waiting.
    pub fn begin(&mut self) -> Vec<TaskId> {
        let mut ready = Vec::new();
        self.waiting.retain(|(id, needs)| {
            if needs.is_empty() {
                ready.push(*id);
            }
            !needs.is_empty()
        });
        ready
    }

    /// Notes that a task is done; true when it was the last of its stage.
    pub fn done(&mut self, id: TaskId) -> bool {
        for (_, needs) in &mut self.waiting {
            needs.remove(&id);
        }
        match self.open.get_mut(id.stage) {
            Some(open) => {
                *open = open.saturating_sub(1);
                *open == 0
            }
            None => false,
        }
    }

    fn refuse_circles(&self, plan: &Plan) -> Result<(), String> {
        let mut trial = Self { waiting: self.waiting.clone(), open: self.open.clone() };
        while !trial.waiting.is_empty() {
            let ready = trial.begin();
            if ready.is_empty() {
                let stages: BTreeSet<&str> =
                    trial.waiting.iter().map(|(id, _)| plan.stages[id.stage].name.as_str()).collect();
                return Err(format!("stages wait for each other: {}", Vec::from_iter(stages).join(", ")));
            }
            for id in ready {
                trial.done(id);
            }
        }
        Ok(())
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
    use super::*;
    use crate::plan::Stage;

    fn stage(name: &str, after: &[&str], order: Order, hosts: &[&str]) -> Stage {
        Stage {
            name: name.into(),
            title: name.into(),
            after: after.iter().map(|name| name.to_string()).collect(),
            order,
            tasks: hosts.iter().map(|host| Task::Host { host: host.to_string(), steps: vec![] }).collect(),
        }
    }

    fn plan(stages: Vec<Stage>) -> Plan {
        Plan { cluster: "sample".into(), stages }
    }

    fn id(stage: usize, task: usize) -> TaskId {
        TaskId { stage, task }
    }

    #[test]
    fn hosts_go_on_alone_unless_a_stage_waits() {
        let plan = plan(vec![
            stage("os", &[], Order::Parallel, &["a", "b"]),
            stage("runtime", &[], Order::Parallel, &["a", "b"]),
            stage("join", &["os"], Order::OneByOne, &["a", "c"]),
        ]);
        let mut schedule = Schedule::new(&plan).unwrap();
        assert_eq!(schedule.begin(), [id(0, 0), id(0, 1)]);
        assert!(!schedule.done(id(0, 0)));
        assert_eq!(schedule.begin(), [id(1, 0)]);
        assert!(schedule.done(id(0, 1)));
        assert_eq!(schedule.begin(), [id(1, 1)]);
        schedule.done(id(1, 0));
        assert_eq!(schedule.begin(), [id(2, 0)]);
        assert_eq!(schedule.begin(), []);
        schedule.done(id(2, 0));
        assert_eq!(schedule.begin(), [id(2, 1)]);
    }

    #[test]
    fn impossible_plans_are_refused() {
        let unknown = Schedule::new(&plan(vec![stage("a", &["b"], Order::Parallel, &["x"])]));
        assert_eq!(unknown.err().unwrap(), "stage a waits for stage b, which is not in the plan");
        let circle = Schedule::new(&plan(vec![
            stage("a", &["b"], Order::Parallel, &["x"]),
            stage("b", &[], Order::Parallel, &["x"]),
        ]));
        assert_eq!(circle.err().unwrap(), "stages wait for each other: a, b");
    }
}
