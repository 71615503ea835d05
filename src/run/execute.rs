//! The executor: starts what may start, waits for what runs, and stops in good order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use super::error::Failure;
use super::journal::{Outcome, Record};
use super::left_out::{LeftOut, Spare};
use super::peers::Peers;
use super::progress::Progress;
use super::schedule::{Schedule, TaskId};
use super::tally::{OPERATOR, Shared, TaskEnd, Told};
use super::ways::Ways;
use super::{Journal, OperatorActions, RunError, Stop, Store, Summary};
use crate::event::{Event, Events};
use crate::host::part::script::Places;
use crate::host::{Machine, Step};
use crate::plan::{OperatorWork, Order, Plan, Task};
use crate::quantity;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Hosts that are worked on.
    pub hosts: usize,
    /// Uploads over all hosts.
    pub uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hosts: 10, uploads: 4 }
    }
}

/// Everything that a plan needs to become true.
pub struct Executor {
    pub(super) machines: BTreeMap<String, Arc<dyn Machine>>,
    pub(super) store: Arc<dyn Store>,
    operator: Arc<dyn OperatorActions>,
    pub(super) journal: Journal,
    pub(super) events: Events,
    pub(super) stop: Stop,
    pub(super) places: Places,
    program: Option<PathBuf>,
    spare: Spare,
    hosts: Semaphore,
    pub(super) uploads: Semaphore,
}

impl Executor {
    /// An executor for these hosts, with bytes from this bundle.
    pub fn new(
        machines: BTreeMap<String, Arc<dyn Machine>>,
        store: Arc<dyn Store>,
        operator: Arc<dyn OperatorActions>,
        journal: Journal,
        events: Events,
    ) -> Self {
        let limits = Limits::default();
        Self {
            machines,
            store,
            operator,
            journal,
            events,
            stop: Stop::new(),
            places: Places::default(),
            program: None,
            spare: Spare::default(),
            hosts: Semaphore::new(limits.hosts),
            uploads: Semaphore::new(limits.uploads),
        }
    }

    /// With other limits than the default ones; at least one of each.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.hosts = Semaphore::new(limits.hosts.clamp(1, Semaphore::MAX_PERMITS));
        self.uploads = Semaphore::new(limits.uploads.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// Heeding this wish to stop.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// With records in other places of the hosts.
    pub fn places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// With hosts that give each other what several of them want; `program` is `kk`, which they do it by. What the store holds
    /// goes from host to host in the clear then.
    pub fn peers(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Doing without these hosts.
    pub fn sparing(mut self, spare: Spare) -> Self {
        self.spare = spare;
        self
    }

    /// Makes the whole plan hold. After a failure or a wish to stop nothing new begins, and what runs is finished.
    pub async fn execute(&self, plan: &Plan) -> Result<Summary, RunError> {
        let begin = Instant::now();
        let _heeded = self.stop.heed();
        let mut schedule = Schedule::new(plan).map_err(|message| RunError::Plan { message })?;
        self.refuse_strangers(plan)?;
        let whole = match plan.hosts().len() {
            1 => "Work on 1 host".to_owned(),
            count => format!("Work on {count} hosts"),
        };
        self.events.emit(Event::PhaseStarted { title: whole.clone() });
        let shared = Shared {
            halt: AtomicBool::new(false),
            progress: Progress::new(self.events.clone()),
            tally: Default::default(),
            peers: Peers::new(plan, &self.machines, self.program.as_ref(), &self.places),
            left_out: LeftOut::new(self.spare.clone()),
        };
        let mut left: usize = plan.stages.iter().map(|stage| stage.tasks.len()).sum();
        let mut failures = Vec::new();
        let mut journal_error = None;
        let mut stage_begin: BTreeMap<usize, Instant> = BTreeMap::new();
        let mut running = FuturesUnordered::new();
        let mut heeded = false;
        loop {
            if !shared.halt.load(Ordering::Relaxed) {
                for id in schedule.begin() {
                    stage_begin.entry(id.stage).or_insert_with(|| {
                        self.events.emit(Event::PhaseStarted { title: plan.stages[id.stage].title.clone() });
                        Instant::now()
                    });
                    let shared = &shared;
                    running.push(async move { (id, self.task(plan, id, shared).await) });
                }
            }
            tokio::select! {
                biased;
                () = self.stop.at_once() => break,
                () = self.stop.soon(), if !heeded => {
                    heeded = true;
                    shared.halt.store(true, Ordering::Relaxed);
                }
                next = running.next() => {
                    let Some((id, end)) = next else { break };
                    match end {
                        TaskEnd::Done | TaskEnd::LeftOut => {
                            left -= 1;
                            if schedule.done(id) {
                                let seconds = stage_begin.get(&id.stage).map_or(0.0, |at| at.elapsed().as_secs_f64());
                                self.events.emit(Event::PhaseDone { title: plan.stages[id.stage].title.clone(), seconds });
                            }
                        }
                        TaskEnd::Halted => {}
                        TaskEnd::Failed(failure) => failures.push(*failure),
                        TaskEnd::Journal(error) => journal_error = Some(error),
                    }
                }
            }
        }
        drop(running);
        if let Some(peers) = &shared.peers {
            peers.leave().await;
            if peers.fetched() > 0 {
                let message = format!("{} came to hosts from other hosts.", quantity::bytes(peers.fetched()));
                self.events.emit(Event::Note { message });
            }
        }
        let left_out = shared.left_out.reasons();
        let mut summary = shared.tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        summary.seconds = begin.elapsed().as_secs_f64();
        summary.left_out = left_out;
        let outcome = match (failures.is_empty(), left) {
            (true, 0) => Outcome::Done,
            (true, _) => Outcome::Interrupted,
            (false, _) => Outcome::Failed,
        };
        if let Some(error) = journal_error {
            return Err(error);
        }
        let ended =
            Record::RunEnded { outcome, changed: summary.changed, held: summary.held, seconds: summary.seconds };
        let recorded = self.journal.record(ended).await;
        match outcome {
            Outcome::Failed => Err(RunError::Failed { unfinished: left - failures.len(), failures }),
            Outcome::Interrupted => Err(RunError::Interrupted { unfinished: left }),
            Outcome::Done => {
                self.events.emit(Event::PhaseDone { title: whole, seconds: summary.seconds });
                recorded.map(|()| summary)
            }
        }
    }

    fn refuse_strangers(&self, plan: &Plan) -> Result<(), RunError> {
        match plan.hosts().into_iter().find(|host| !self.machines.contains_key(*host)) {
            Some(host) => {
                Err(RunError::Plan { message: format!("it names the host {host}, to which there is no session") })
            }
            None => Ok(()),
        }
    }

    async fn task(&self, plan: &Plan, id: TaskId, shared: &Shared) -> TaskEnd {
        let stage = &plan.stages[id.stage];
        match &stage.tasks[id.task] {
            Task::Operator(work) => self.operate(&stage.name, work, shared).await,
            Task::Host { host, steps } => {
                let Some(machine) = self.machines.get(host) else { return TaskEnd::Halted };
                // Fails only when the semaphore is closed, which nobody does.
                let _permit = match stage.order {
                    Order::Together => None,
                    Order::Parallel | Order::OneByOne => self.hosts.acquire().await.ok(),
                };
                for step in steps {
                    if shared.halt.load(Ordering::Relaxed) {
                        return TaskEnd::Halted;
                    }
                    // What another host does for one that is left out is not done either, and the rest of its work is.
                    let about = step.about.as_deref().unwrap_or(host);
                    if shared.left_out.holds(about) {
                        continue;
                    }
                    let end = self.step(machine.as_ref(), step, about, shared).await;
                    if !matches!(end, TaskEnd::Done | TaskEnd::LeftOut) {
                        return end;
                    }
                }
                TaskEnd::Done
            }
        }
    }

    async fn step(&self, machine: &dyn Machine, step: &Step, about: &str, shared: &Shared) -> TaskEnd {
        let begin = Instant::now();
        let host = machine.name().to_owned();
        self.events.emit(Event::StepStarted { host: host.clone(), step: step.id.clone(), title: step.title.clone() });
        let places = shared.left_out.places(&self.places);
        let ways = Ways { progress: &shared.progress, peers: shared.peers.as_ref(), places: &places };
        let held = self.hold(machine, step, ways).await;
        self.told(shared).end(host, about, &step.id, step.parts.len(), held, begin).await
    }

    fn told<'a>(&'a self, shared: &'a Shared) -> Told<'a> {
        Told { shared, journal: &self.journal, events: &self.events }
    }

    async fn operate(&self, stage: &str, work: &OperatorWork, shared: &Shared) -> TaskEnd {
        if shared.halt.load(Ordering::Relaxed) {
            return TaskEnd::Halted;
        }
        let begin = Instant::now();
        let (step, title) = match work {
            OperatorWork::PushImages(_) => (format!("{stage}/push-images"), "Push images".to_owned()),
            OperatorWork::KeepFile { path, .. } => (format!("{stage}/keep-file"), format!("Keep {}", path.display())),
        };
        let host = OPERATOR.to_owned();
        self.events.emit(Event::StepStarted { host: host.clone(), step: step.clone(), title: title.clone() });
        let done = self.operator.perform(work, shared.progress.clone()).await.map_err(|error| {
            let mut failure = Failure::new(None, &step, &title, "");
            failure.source = Some(Box::new(error));
            failure
        });
        self.told(shared).end(host, OPERATOR, &step, 0, done, begin).await
    }
}
