//! Which work may begin: pure bookkeeping over the stages of a plan.

use std::collections::{BTreeSet, HashMap};

use crate::plan::{Order, Plan};

/// One task of a plan, by the places of its stage and of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    pub stage: usize,
    pub task: usize,
}

/// What is waiting, and for what. Beside each task stands a gate for each stage, which opens when all tasks of it are
/// done: a stage of five hundred hosts that waits for another has so many edges, and not their square.
pub struct Schedule {
    /// The first task of each stage, as a number among all tasks.
    first: Vec<usize>,
    /// By task, and then by gate: how much it still waits for.
    needs: Vec<usize>,
    /// By task, and then by gate: what waits for it.
    waiting: Vec<Vec<usize>>,
    /// Tasks that wait for nothing more and have not been begun.
    ready: Vec<TaskId>,
}

impl Schedule {
    /// All tasks wait. Fails where a stage waits for one that is not there, or stages wait for each other.
    pub fn new(plan: &Plan) -> Result<Self, String> {
        let mut first = Vec::with_capacity(plan.stages.len());
        let mut tasks = 0;
        for stage in &plan.stages {
            first.push(tasks);
            tasks += stage.tasks.len();
        }
        let count = tasks + plan.stages.len();
        let mut schedule = Self { first, needs: vec![0; count], waiting: vec![Vec::new(); count], ready: Vec::new() };
        // Each host, and the operator's machine as `None`, goes through its tasks one after the other.
        let mut latest: HashMap<Option<&str>, usize> = HashMap::new();
        for (stage_index, stage) in plan.stages.iter().enumerate() {
            let mut gates = Vec::new();
            for name in &stage.after {
                let Some(earlier) = plan.stages.iter().position(|other| other.name == *name) else {
                    return Err(format!("stage {} waits for stage {name}, which is not in the plan", stage.name));
                };
                gates.push(tasks + earlier);
            }
            for (task_index, task) in stage.tasks.iter().enumerate() {
                let node = schedule.first[stage_index] + task_index;
                let before = (stage.order == Order::OneByOne && task_index > 0).then(|| node - 1);
                let own = latest.insert(task.host(), node);
                gates.iter().copied().chain(before).chain(own).for_each(|earlier| schedule.wait(node, earlier));
                schedule.wait(tasks + stage_index, node);
            }
            // Also where the stage has no task: it is not done before what it waits for.
            gates.iter().for_each(|earlier| schedule.wait(tasks + stage_index, *earlier));
        }
        schedule.refuse_circles(plan)?;
        let free: Vec<usize> = (0..count).filter(|node| schedule.needs[*node] == 0).collect();
        free.into_iter().for_each(|node| schedule.free(node));
        Ok(schedule)
    }

    /// Takes the tasks that may begin now, in the order of the plan.
    pub fn begin(&mut self) -> Vec<TaskId> {
        self.ready.sort_unstable();
        std::mem::take(&mut self.ready)
    }

    /// Notes that a task is done; true when it was the last of its stage.
    pub fn done(&mut self, id: TaskId) -> bool {
        let Some(first) = self.first.get(id.stage) else { return false };
        self.pass(first + id.task);
        let gate = self.needs.len() - self.first.len() + id.stage;
        self.needs[gate] == 0
    }

    fn wait(&mut self, node: usize, earlier: usize) {
        self.needs[node] += 1;
        self.waiting[earlier].push(node);
    }

    /// What waited for this node waits for one thing less.
    fn pass(&mut self, node: usize) {
        for later in std::mem::take(&mut self.waiting[node]) {
            self.needs[later] -= 1;
            if self.needs[later] == 0 {
                self.free(later);
            }
        }
    }

    /// A task may begin; a gate is passed at once.
    fn free(&mut self, node: usize) {
        match self.task(node) {
            Some(id) => self.ready.push(id),
            None => self.pass(node),
        }
    }

    /// `None` for a gate.
    fn task(&self, node: usize) -> Option<TaskId> {
        let tasks = self.needs.len() - self.first.len();
        let stage = self.first.partition_point(|first| *first <= node).checked_sub(1)?;
        (node < tasks).then(|| TaskId { stage, task: node - self.first[stage] })
    }

    fn refuse_circles(&self, plan: &Plan) -> Result<(), String> {
        let mut needs = self.needs.clone();
        let mut free: Vec<usize> = (0..needs.len()).filter(|node| needs[*node] == 0).collect();
        while let Some(node) = free.pop() {
            for later in &self.waiting[node] {
                needs[*later] -= 1;
                if needs[*later] == 0 {
                    free.push(*later);
                }
            }
        }
        let held = (0..needs.len()).filter(|node| needs[*node] > 0).filter_map(|node| self.task(node));
        let stages: BTreeSet<&str> = held.map(|id| plan.stages[id.stage].name.as_str()).collect();
        if stages.is_empty() {
            return Ok(());
        }
        Err(format!("stages wait for each other: {}", Vec::from_iter(stages).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Stage, Task};

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
    fn plans_that_end_early_are_whole() {
        for plan in crate::plan::tests::beginnings(&crate::plan::tests::cluster()) {
            assert!(!Schedule::new(&plan).unwrap().begin().is_empty());
        }
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
