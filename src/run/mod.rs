//! Executes a Plan: concurrency, timeouts, journal, lock.

mod bring;
mod error;
mod execute;
pub mod history;
mod hold;
pub mod journal;
mod left_out;
mod lock;
mod operator;
mod peers;
mod progress;
#[cfg(test)]
mod scale;
mod schedule;
mod stop;
mod survey;
mod tally;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

pub use error::{Failure, RunError};
pub use execute::{Executor, Limits};
pub use journal::Journal;
pub use left_out::Spare;
pub use lock::{LockError, SiteLock};
pub use operator::{Operator, OperatorActions, OperatorError, PushFunction};
pub use stop::Stop;
pub use survey::survey;

/// Where the bytes come from that hosts need: a bundle.
pub trait Store: Send + Sync {
    /// The uncompressed bytes of the entry at this path.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>>;
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Parts that had to be made to hold, and things that the operator's machine changed.
    pub changed: usize,
    /// Parts that held already.
    pub held: usize,
    pub seconds: f64,
    /// The same for each host, by name.
    pub hosts: BTreeMap<String, HostSummary>,
    /// Hosts that failed and were left out, with why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
}

/// What a run did on one host.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct HostSummary {
    pub changed: usize,
    pub held: usize,
    /// Time spent on the host's steps.
    pub seconds: f64,
}
