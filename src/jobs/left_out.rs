//! Workers that a command does without, where the user allows it: `--skip-failed-hosts`.

use std::collections::{BTreeMap, BTreeSet};

use super::{JobError, Kind};
use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, REGISTRY};
use crate::event::{Event, Events};
use crate::run::Spare;

/// Who may be left out, and who has been.
#[derive(Debug, Default)]
pub struct LeftOut {
    may: BTreeSet<String>,
    /// Host → why.
    hosts: BTreeMap<String, String>,
}

impl LeftOut {
    /// Hosts that are workers and nothing else, if leaving out is allowed; the cluster stands without them.
    pub fn of(cluster: &Cluster, allowed: bool) -> Self {
        let needed = |name: &str| [CONTROL_PLANE, ETCD, REGISTRY].iter().any(|role| cluster.has_role(name, role));
        let workers = cluster.workers().into_iter().map(|host| host.name.clone());
        Self { may: workers.filter(|name| allowed && !needed(name)).collect(), hosts: BTreeMap::new() }
    }

    /// Whether the command can do without this host.
    pub fn may(&self, host: &str) -> bool {
        self.may.contains(host)
    }

    /// Goes on without a host, and says so.
    pub fn add(&mut self, host: &str, why: &str, events: &Events) {
        events.emit(Event::Warning { message: format!("{host} is left out: {why}") });
        self.hosts.insert(host.to_owned(), why.to_owned());
    }

    /// Those that a run has left out, which has said so.
    pub fn failed(&mut self, hosts: &BTreeMap<String, String>) {
        self.hosts.extend(hosts.clone());
    }

    /// Who has been left out.
    pub fn names(&self) -> BTreeSet<String> {
        self.hosts.keys().cloned().collect()
    }

    /// For a run of a plan without them. At most so many more may fail; `None`: all that may.
    pub fn spare(&self, most: Option<usize>) -> Spare {
        Spare { may_fail: self.may.clone(), most, absent: self.names() }
    }

    /// Host → why.
    pub fn reasons(&self) -> BTreeMap<String, String> {
        self.hosts.clone()
    }
}

/// What a command ends with that has left hosts out: an error that lists them.
pub fn verdict(left_out: &BTreeMap<String, String>) -> Result<(), JobError> {
    if left_out.is_empty() {
        return Ok(());
    }
    let hosts = if left_out.len() == 1 { "host was" } else { "hosts were" };
    Err(JobError::new(Kind::Host, format!("{} {hosts} left out; all others are done", left_out.len()))
        .details(left_out.iter().map(|(host, why)| {
            let named = why.starts_with(&format!("{host}: "));
            if named { why.clone() } else { format!("{host}: {why}") }
        }))
        .hint("when the cause is removed, the same command takes them in; what is done already is left alone"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::silent;
    use crate::plan::tests::cluster;

    #[test]
    fn only_workers_may_be_left_out_and_only_where_that_is_allowed() {
        let cluster = cluster();
        let may = |allowed| LeftOut::of(&cluster, allowed).may;
        assert_eq!(may(true), BTreeSet::from(["node4".to_owned()]));
        assert_eq!(may(false), BTreeSet::new());
    }

    #[test]
    fn who_was_left_out_is_listed() {
        let mut left_out = LeftOut::of(&cluster(), true);
        assert!(verdict(&BTreeMap::new()).is_ok());
        left_out.add("node4", "cannot connect", &silent());
        left_out.failed(&BTreeMap::from([("node6".into(), "node6: \"Pull images\" failed".into())]));
        assert!(left_out.spare(None).absent.contains("node4"));
        let error = verdict(&left_out.reasons()).unwrap_err();
        assert_eq!(error.to_string(), "2 hosts were left out; all others are done");
        assert_eq!(error.details, ["node4: cannot connect", "node6: \"Pull images\" failed"]);
    }
}
