//! Hosts that a run does without: workers, where the user has allowed it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Failure;
use crate::host::part::script::Places;

/// Which hosts a run may do without, and which it does without from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Spare {
    /// Hosts whose failure does not stop the run.
    pub may_fail: BTreeSet<String>,
    /// How many of them may fail; one more stops it. `None`: all of them.
    pub most: Option<usize>,
    /// Hosts of the cluster that the plan has no work for, as they were left out before: nothing waits for them.
    pub absent: BTreeSet<String>,
}

/// The hosts that one run has left out so far.
pub(super) struct LeftOut {
    spare: Spare,
    failed: Mutex<BTreeMap<String, String>>,
}

impl LeftOut {
    pub fn new(spare: Spare) -> Self {
        Self { spare, failed: Mutex::default() }
    }

    /// Whether the run does without this host by now.
    pub fn holds(&self, host: &str) -> bool {
        self.spare.absent.contains(host) || self.failed().contains_key(host)
    }

    /// Leaves a host out that has failed; the failure comes back where the run cannot do without it.
    pub fn take(&self, host: &str, failure: Box<Failure>) -> Result<(), Box<Failure>> {
        let mut failed = self.failed();
        let enough = self.spare.most.is_some_and(|most| failed.len() >= most && !failed.contains_key(host));
        if !self.spare.may_fail.contains(host) || enough {
            return Err(failure);
        }
        failed.entry(host.to_owned()).or_insert_with(|| failure.to_string());
        Ok(())
    }

    /// Those that have failed, by name, with why.
    pub fn reasons(&self) -> BTreeMap<String, String> {
        self.failed().clone()
    }

    /// Places whose scripts know which hosts are left out.
    pub fn places<'a>(&self, places: &'a Places) -> Cow<'a, Places> {
        let failed = self.failed();
        if self.spare.absent.is_empty() && failed.is_empty() {
            return Cow::Borrowed(places);
        }
        let names: BTreeSet<&str> = self.spare.absent.iter().chain(failed.keys()).map(String::as_str).collect();
        Cow::Owned(Places { left_out: Vec::from_iter(names).join(" "), ..places.clone() })
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
