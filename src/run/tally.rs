//! How tasks and steps come out: counted, told and journalled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::Failure;
use super::journal::{Journal, Record};
use super::peers::Peers;
use super::progress::Progress;
use super::{HostSummary, RunError, Summary};
use crate::event::{Event, Events};

/// The name under which events and the journal know the operator's machine. No host can have it: it is not a host name.
pub(super) const OPERATOR: &str = "(this machine)";

/// How a task came out.
pub(super) enum TaskEnd {
    Done,
    /// Not finished, because nothing new should begin.
    Halted,
    Failed(Box<Failure>),
    Journal(RunError),
}

/// What all tasks of a run share.
pub(super) struct Shared {
    pub halt: AtomicBool,
    pub progress: Arc<Progress>,
    pub tally: Mutex<Summary>,
    /// Hosts that give each other files, where that is of use.
    pub peers: Option<Peers>,
}

/// Where outcomes are told.
pub(super) struct Told<'a> {
    pub shared: &'a Shared,
    pub journal: &'a Journal,
    pub events: &'a Events,
}

impl Told<'_> {
    /// Counts, tells and journals how a step came out.
    pub(super) async fn end(
        &self,
        host: String,
        step: &str,
        parts: usize,
        outcome: Result<usize, Failure>,
        begin: Instant,
    ) -> TaskEnd {
        let seconds = begin.elapsed().as_secs_f64();
        let step = step.to_owned();
        let (record, event, end) = match outcome {
            Ok(changed) => {
                let held = parts.saturating_sub(changed);
                let mut tally = self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner);
                tally.changed += changed;
                tally.held += held;
                if host != OPERATOR {
                    let one: &mut HostSummary = tally.hosts.entry(host.clone()).or_default();
                    one.changed += changed;
                    one.held += held;
                    one.seconds += seconds;
                }
                drop(tally);
                (
                    Record::StepDone { host: host.clone(), step: step.clone(), changed, held, seconds },
                    Event::StepDone { host, step, changed, seconds },
                    TaskEnd::Done,
                )
            }
            Err(failure) => {
                self.shared.halt.store(true, Ordering::Relaxed);
                let reason = failure.to_string();
                (
                    Record::StepFailed { host: host.clone(), step: step.clone(), reason: reason.clone() },
                    Event::StepFailed { host, step, reason },
                    TaskEnd::Failed(Box::new(failure)),
                )
            }
        };
        self.events.emit(event);
        match self.journal.record(record).await {
            Err(error) if matches!(end, TaskEnd::Done) => {
                self.shared.halt.store(true, Ordering::Relaxed);
                TaskEnd::Journal(error)
            }
            _ => end,
        }
    }
}
