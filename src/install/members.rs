//! Which hosts are members of etcd, and how that is remembered on them.

use super::{EtcdState, Inputs};
use crate::cluster::Host;
use crate::host::part::{Absent, Part};

/// A member's settings.
pub const CONFIG: &str = "/etc/etcd/etcd.yaml";

/// Written on a host when it is a member and all members were seen healthy. A host without it that finds others with it
/// joins them; if none has it, all begin together.
const MEMBER: &str = "/var/lib/kk/etcd/member";

/// The hosts of role etcd where an etcd runs already, apart from those that have yet to join it.
pub struct Members<'a> {
    pub known: Vec<&'a Host>,
    pub joining: Vec<&'a Host>,
    /// Whether all known ones run now.
    pub all_run: bool,
}

impl Members<'_> {
    /// Whether the host is a member already.
    pub fn is_known(&self, host: &Host) -> bool {
        self.known.iter().any(|known| known.name == host.name)
    }
}

/// The members that are there; `None` where etcd has yet to be made.
///
/// Who was started and not remembered as a member is still joining; but where nobody is remembered and there is a node
/// already, etcd was whole before kk remembered it.
pub fn of<'a>(inputs: &Inputs<'a>) -> Option<Members<'a>> {
    let cluster = inputs.cluster;
    let stands = cluster.control_planes().iter().any(|host| inputs.is_node(host));
    let state = |host: &Host| inputs.hosts.get(&host.name).map(|found| found.etcd);
    let remembered = cluster.etcd_hosts().into_iter().any(|host| state(host) == Some(EtcdState::Member));
    let is_member = |host: &&Host| match state(host) {
        Some(EtcdState::Member) => true,
        Some(EtcdState::Started) => stands && !remembered,
        Some(EtcdState::Absent) | None => false,
    };
    let (known, mut joining): (Vec<&Host>, Vec<&Host>) = cluster.etcd_hosts().into_iter().partition(is_member);
    // Who has begun to join ends first, wherever the cluster file names it: etcd has one learner at a time. One that took too
    // long to come up, or whose host lost its power meanwhile, was not seen to start and may run by now.
    let begun =
        |host: &&Host| inputs.hosts.get(&host.name).is_some_and(|it| it.etcd == EtcdState::Started || it.etcd_runs);
    joining.sort_by_key(|host| !begun(host));
    let all_run = known.iter().all(|host| inputs.hosts.get(&host.name).is_some_and(|found| found.etcd_runs));
    (!known.is_empty()).then_some(Members { known, joining, all_run })
}

/// Remembers on the host that it is a member. From then on its settings name an etcd that is there, so that a member
/// which has lost its data does not begin a new one.
pub fn recorded() -> Part {
    Part::command(
        "Remember that the host is a member of etcd",
        format!("[ -s {MEMBER} ] && ! grep -q '^initial-cluster-state: new' {CONFIG}"),
        format!(
            "sed -i 's/^initial-cluster-state: new.*/initial-cluster-state: existing/' {CONFIG}\n\
             mkdir -p /var/lib/kk/etcd\ndate -u +%FT%TZ > {MEMBER}"
        ),
    )
}

/// What is left of it once etcd is removed from the host.
pub fn forgotten() -> Part {
    Part::Absent(Absent { path: "/var/lib/kk/etcd".into() })
}
