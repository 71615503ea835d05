//! What forbids an upgrade as the cluster is now. Pure; all findings come at once, before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use super::Release;
use crate::cluster::Cluster;
use crate::install::etcd::path::NoPath;
use crate::install::upgrade_facts::UpgradeFacts;

/// Checks that a user may pass over by name, with `--ignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soft {
    /// Clients use versions of the API that the new release does not have.
    RemovedApis,
    /// A PodDisruptionBudget lets no pod go.
    Budgets,
    /// A certificate has expired.
    Certificates,
}

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub message: String,
    pub hint: String,
    /// Whether it may be passed over.
    pub soft: Option<Soft>,
}

/// Everything that is known of the cluster.
pub struct Scene<'a> {
    pub cluster: &'a Cluster,
    /// Host → what it said.
    pub facts: &'a BTreeMap<String, UpgradeFacts>,
    /// The last release of the way.
    pub target: &'a Release,
    /// Members of etcd that are not well, each with why.
    pub sick_members: &'a [String],
    /// Why etcd cannot go to the bundle's release.
    pub etcd: Option<&'a NoPath>,
    /// Certificates that have expired, each with where.
    pub expired: &'a [String],
    /// Hosts that the upgrade does without: how they are stands in nobody's way.
    pub left_out: &'a BTreeSet<String>,
}

/// What stands in the way, hard things first.
pub fn findings(scene: &Scene) -> Vec<Finding> {
    let mut findings = nodes(scene);
    findings.extend(scene.sick_members.iter().map(|member| Finding {
        message: format!("etcd: {member}"),
        hint: "an upgrade restarts control planes one after the other, which etcd survives with all its members alone; kk etcd status shows them".into(),
        soft: None,
    }));
    findings.extend(scene.etcd.map(|no| Finding { message: no.to_string(), hint: no.hint(), soft: None }));
    findings.extend(removed_apis(scene));
    findings.extend(budgets(scene));
    findings.extend(scene.expired.iter().map(|certificate| Finding {
        message: format!("certificate {certificate} has expired"),
        hint: "kk certs renew makes new ones".into(),
        soft: Some(Soft::Certificates),
    }));
    findings
}

fn nodes(scene: &Scene) -> Vec<Finding> {
    let listed: Vec<_> = scene.facts.values().flat_map(|facts| &facts.nodes).collect();
    let hard = |message: String, hint: &str| Finding { message, hint: hint.into(), soft: None };
    let finish = "kk create cluster finishes a cluster that was interrupted, and kk add nodes brings in new hosts";
    if listed.is_empty() {
        return vec![hard("no control plane lists the cluster's nodes".into(), "kk status shows how the hosts are")];
    }
    let mut findings = Vec::new();
    for host in scene.cluster.nodes().into_iter().filter(|host| !scene.left_out.contains(&host.name)) {
        match listed.iter().find(|node| node.name == host.name) {
            None => findings.push(hard(format!("{} is no node of the cluster yet", host.name), finish)),
            // An earlier run has begun with it and not ended: to go on is what may mend it.
            Some(node) if !node.ready && is_between(scene.facts, &node.name, &node.kubelet) => {}
            Some(node) if !node.ready => findings.push(hard(
                format!("node {} is not ready", host.name),
                "mend it first, or take it out with kk delete node: while one node is upgraded the others carry its pods",
            )),
            Some(_) => {}
        }
    }
    for node in listed {
        if scene.cluster.nodes().iter().all(|host| host.name != node.name) {
            findings.push(hard(
                format!("{} is a node of the cluster, and the cluster file does not name it", node.name),
                "write it into the cluster file again, or take it out of the cluster: it would stay behind",
            ));
        }
    }
    findings
}

/// Nodes that are not ready though their hosts answer, and may be so in a moment: those whose network was just put back.
/// One that an earlier run left halfway is not waited for, as only the upgrade makes it ready.
pub fn sleepy(cluster: &Cluster, facts: &BTreeMap<String, UpgradeFacts>, left_out: &BTreeSet<String>) -> Vec<String> {
    let waited_for = |name: &str| {
        !left_out.contains(name) && facts.contains_key(name) && cluster.nodes().iter().any(|host| host.name == name)
    };
    let nodes = facts.values().flat_map(|facts| &facts.nodes);
    nodes
        .filter(|node| !node.ready && waited_for(&node.name) && !is_between(facts, &node.name, &node.kubelet))
        .map(|node| node.name.clone())
        .collect()
}

/// Whether kubeadm has upgraded the host to another release than that of the kubelet which was last seen to run.
fn is_between(facts: &BTreeMap<String, UpgradeFacts>, host: &str, kubelet: &str) -> bool {
    facts.get(host).and_then(|facts| facts.begun.as_deref()).is_some_and(|begun| begun != kubelet)
}

fn removed_apis(scene: &Scene) -> Vec<Finding> {
    let used = scene.facts.values().flat_map(|facts| &facts.deprecated);
    let gone: BTreeSet<_> = used.filter(|used| used.removed <= scene.target.minor).collect();
    gone.into_iter()
        .map(|used| Finding {
            message: format!("{} was asked for, and Kubernetes 1.{} does not have it any more", used.name, used.removed),
            hint: "bring what asks for it to a newer version of the API first; an API server counts since it began, so restart it to see whether somebody still asks".into(),
            soft: Some(Soft::RemovedApis),
        })
        .collect()
}

fn budgets(scene: &Scene) -> Vec<Finding> {
    let mut nodes = scene.facts.values().flat_map(|facts| &facts.nodes);
    if nodes.all(|node| node.kubelet == scene.target.as_str()) {
        // None is emptied.
        return Vec::new();
    }
    let budgets = scene.facts.values().flat_map(|facts| &facts.budgets);
    budgets
        .filter(|budget| budget.allowed == 0 && budget.expected > 0)
        .map(|budget| Finding {
            message: format!(
                "PodDisruptionBudget {} lets no pod go: {} of its {} are healthy",
                budget.name, budget.healthy, budget.expected
            ),
            hint:
                "add a replica, mend those that are down, or relax the budget: a node with such a pod cannot be emptied"
                    .into(),
            soft: Some(Soft::Budgets),
        })
        .collect()
}
