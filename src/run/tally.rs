//! How tasks and steps come out: counted, told and journalled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::Failure;
use super::journal::{Journal, Record};
use super::left_out::LeftOut;
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
    /// It failed, and the run does without the host from now on.
    LeftOut,
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
    pub left_out: LeftOut,
}

/// Where outcomes are told.
pub(super) struct Told<'a> {
    pub shared: &'a Shared,
    pub journal: &'a Journal,
    pub events: &'a Events,
}

impl Told<'_> {
    /// Counts, tells and journals how a step came out that was done for this host.
    pub(super) async fn end(
        &self,
        host: String,
        about: &str,
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
                let reason = failure.to_string();
                let end = match self.shared.left_out.take(about, Box::new(failure)) {
                    Ok(()) => TaskEnd::LeftOut,
                    Err(failure) => {
                        self.shared.halt.store(true, Ordering::Relaxed);
                        TaskEnd::Failed(failure)
                    }
                };
                (
                    Record::StepFailed { host: host.clone(), step: step.clone(), reason: reason.clone() },
                    Event::StepFailed { host, step, reason },
                    end,
                )
            }
        };
        self.events.emit(event);
        if matches!(end, TaskEnd::LeftOut) {
            self.events.emit(Event::Warning { message: format!("{about} is left out; the other hosts go on.") });
        }
        match self.journal.record(record).await {
            Err(error) if matches!(end, TaskEnd::Done | TaskEnd::LeftOut) => {
                self.shared.halt.store(true, Ordering::Relaxed);
                TaskEnd::Journal(error)
            }
            _ => end,
        }
    }
}
