//! What a job must know of its hosts before it plans.

use std::collections::BTreeMap;
use std::time::Instant;

use super::left_out::LeftOut;
use super::site::Hosts;
use super::{JobError, Kind};
use crate::bundle::{Bundle, Inventory, Verified};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::host::facts::Facts;
use crate::host::part::script::Places;
use crate::host::{self, MachineError, idle};
use crate::install::{EtcdState, Found, NodeState};
use crate::plan::Extent;
use crate::plan::preflight::{self, Needs, Severity};

/// Facts from all hosts, in one round trip each. Hosts that cannot be looked at and may be left out are, and are none of
/// `hosts` any more.
pub async fn of(
    hosts: &mut Hosts,
    left_out: &mut LeftOut,
    events: &Events,
) -> Result<BTreeMap<String, Facts>, JobError> {
    let title = "Look at the hosts".to_owned();
    let started = Instant::now();
    events.emit(Event::PhaseStarted { title: title.clone() });
    let (mut found, mut failures) = ask(hosts).await;
    again_when_idle(hosts, &mut found, &mut failures, events).await;
    let (spared, failures): (BTreeMap<_, _>, BTreeMap<_, _>) =
        failures.into_iter().partition(|(host, _)| left_out.may(host));
    for (host, error) in spared {
        left_out.add(&host, &error.to_string(), events);
        hosts.remove(&host);
    }
    if !failures.is_empty() {
        return Err(JobError::new(Kind::Host, "some hosts cannot be looked at; nothing was changed")
            .details(failures.values().map(ToString::to_string)));
    }
    events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
    Ok(found)
}

/// The same without a word: by host what it says, and why others say nothing.
pub async fn ask(hosts: &Hosts) -> (BTreeMap<String, Facts>, BTreeMap<String, MachineError>) {
    let asked = hosts.iter().map(|(host, machine)| async move { (host, host::facts::gather(machine.as_ref()).await) });
    let (mut found, mut failures) = (BTreeMap::new(), BTreeMap::new());
    for (host, facts) in futures::future::join_all(asked).await {
        match facts {
            Ok(facts) => drop(found.insert(host.clone(), facts)),
            Err(error) => drop(failures.insert(host.clone(), error)),
        }
    }
    (found, failures)
}

/// Asks once more, as soon as it is idle, each host that was at work when it was asked: plans are not made from facts that
/// change.
async fn again_when_idle(
    hosts: &Hosts,
    found: &mut BTreeMap<String, Facts>,
    failures: &mut BTreeMap<String, MachineError>,
    events: &Events,
) {
    let busy: Vec<String> = found.iter().filter(|(_, facts)| facts.busy).map(|(host, _)| host.clone()).collect();
    if busy.is_empty() {
        return;
    }
    let message = format!("Waiting for what an earlier run has left at work on {}.", busy.join(", "));
    events.emit(Event::Note { message });
    let asked = busy.iter().filter_map(|host| hosts.get(host)).map(|machine| async move {
        idle::wait(machine.as_ref(), &Places::default(), idle::LIMIT).await?;
        host::facts::gather(machine.as_ref()).await
    });
    for (host, facts) in busy.iter().zip(futures::future::join_all(asked).await) {
        found.remove(host);
        match facts {
            Ok(facts) => drop(found.insert(host.clone(), facts)),
            Err(error) => drop(failures.insert(host.clone(), error)),
        }
    }
}

/// The checks before an installation that goes so far, on the hosts of which there are facts. Warnings are told; errors
/// stop the job before any host was changed, but for those of hosts that may be left out, which are.
pub fn preflight(
    extent: Extent,
    cluster: &Cluster,
    bundle: &Bundle<Verified>,
    facts: &BTreeMap<String, Facts>,
    left_out: &mut LeftOut,
    events: &Events,
) -> Result<(), JobError> {
    let needs = Needs::within(extent, cluster, bundle.inventory());
    let mut findings = preflight::check(cluster, facts, &needs);
    findings.retain(|finding| match &finding.host {
        Some(host) if finding.severity == Severity::Error && left_out.may(host) => {
            left_out.add(host, &finding.to_string(), events);
            false
        }
        _ => true,
    });
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    for warning in warnings {
        events.emit(Event::Warning { message: warning.to_string() });
    }
    if errors.is_empty() {
        return Ok(());
    }
    // Hosts often share a finding; each piece of advice is given once.
    let mut hints: Vec<String> = Vec::new();
    for hint in errors.iter().filter_map(|finding| finding.hint.as_ref()) {
        if !hints.contains(hint) {
            hints.push(hint.clone());
        }
    }
    let message = format!("{} checks failed; no host was changed", errors.len());
    let mut error = JobError::new(Kind::Preflight, message).details(errors.iter().map(ToString::to_string));
    error.hints = hints;
    Err(error
        .hint("a check that does not apply to this site is turned into a warning by spec.preflight.ignore: [NAME]"))
}

/// What steps depend on.
pub fn found(cluster: &Cluster, facts: &Facts) -> Found {
    let swap_allowed =
        cluster.spec.kubernetes.kubelet_configuration.get("failSwapOn") == Some(&serde_json::Value::Bool(false));
    let node = match (facts.joined, facts.kubelet_conf) {
        (true, true) => NodeState::Joined,
        (false, false) => NodeState::Absent,
        _ => NodeState::Partial,
    };
    let etcd = match (facts.etcd_member, facts.kk_units.contains("etcd.service")) {
        (true, _) => EtcdState::Member,
        (false, true) => EtcdState::Started,
        (false, false) => EtcdState::Absent,
    };
    Found {
        arch: facts.arch.clone(),
        node,
        swap: facts.swap_in_use() && !swap_allowed,
        etcd,
        etcd_runs: facts.unit("etcd.service").is_some_and(|unit| unit.active),
    }
}

/// The same of all hosts, those that were left out before they could be asked included.
pub fn all_found(
    cluster: &Cluster,
    facts: &BTreeMap<String, Facts>,
    left_out: &LeftOut,
    inventory: &Inventory,
) -> BTreeMap<String, Found> {
    let unseen = left_out.names().into_iter().map(|host| (host, unseen(inventory)));
    unseen.chain(facts.iter().map(|(host, facts)| (host.clone(), found(cluster, facts)))).collect()
}

/// A host that cannot be asked is taken for a member: what the others hold must not seem wrong because of it.
pub fn unseen(inventory: &Inventory) -> Found {
    Found {
        arch: inventory.arches.first().cloned().unwrap_or_default(),
        node: NodeState::Joined,
        swap: false,
        etcd: EtcdState::Member,
        etcd_runs: true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::silent;
    use crate::host::Machine;
    use crate::host::local::LocalShell;

    #[tokio::test]
    async fn a_worker_that_cannot_be_looked_at_may_be_left_out() {
        let hosts = || {
            let deaf = LocalShell { name: "node4".into(), shell: vec!["false".into()] };
            let all = [LocalShell::new("node1"), deaf].map(|one| (one.name.clone(), Arc::new(one) as Arc<dyn Machine>));
            Hosts::from(all)
        };
        let mut left_out = LeftOut::of(&crate::plan::tests::cluster(), true);
        let mut some = hosts();
        let facts = of(&mut some, &mut left_out, &silent()).await.unwrap();
        assert_eq!(Vec::from_iter(facts.keys()), ["node1"]);
        assert_eq!(Vec::from_iter(some.keys()), ["node1"], "nothing more is asked of it");
        assert!(left_out.reasons()["node4"].starts_with("node4: "), "{:?}", left_out.reasons());

        let error = of(&mut hosts(), &mut LeftOut::default(), &silent()).await.unwrap_err();
        assert_eq!(error.to_string(), "some hosts cannot be looked at; nothing was changed");
    }
}
