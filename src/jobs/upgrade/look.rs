//! What an upgrade must know before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::future::join_all;
use time::OffsetDateTime;

use super::super::certs;
use super::super::etcd;
use crate::bundle::Inventory;
use crate::cluster::{CONTROL_PLANE, Cluster};
use crate::event::{Event, Events};
use crate::host::{Facts, Script};
use crate::install::etcd::path::{NoPath, through};
use crate::install::upgrade_facts::{self, UpgradeFacts};
use crate::install::{Found, NodeState};
use crate::jobs::site::{ConnectOptions, Hosts, Site};
use crate::jobs::{JobError, Kind};
use crate::plan::expiry::{self, State};
use crate::plan::upgrade::{self, Finding, Release, Soft, Standing, findings};

/// How long a host may take to answer: two questions to an API server, twenty seconds each, and what goes before.
const PATIENCE: Duration = Duration::from_secs(90);

/// For so long etcd is asked again where a member is not well: a host that was just put back on the network needs a moment
/// until the others speak to it.
const SETTLING: Duration = Duration::from_secs(30);

/// The same for nodes that are not ready: a kubelet that hears its API server again says so with its next heartbeat, ten
/// seconds apart, and tries again with growing pauses while it does not.
const HEARTBEATS: Duration = Duration::from_secs(60);

/// What was found.
pub(super) struct Scene {
    facts: BTreeMap<String, UpgradeFacts>,
    pub standing: Standing,
    sick_members: Vec<String>,
    expired: Vec<String>,
}

/// Asks all hosts, etcd, and looks at certificates.
pub(super) async fn scene(
    cluster: &Cluster,
    site: &Site,
    hosts: &Hosts,
    connect: &ConnectOptions,
    left_out: &BTreeSet<String>,
    events: &Events,
) -> Result<Scene, JobError> {
    let facts = settled(HEARTBEATS, "nodes to be ready", events, async || {
        let facts = facts(cluster, hosts).await;
        let sleepy = upgrade::sleepy(cluster, &facts, left_out);
        (facts, sleepy)
    })
    .await;
    let standing = standing(&facts);
    let sick_members = settled(SETTLING, "etcd", events, async || {
        let sick = sick_members(cluster, hosts).await;
        (sick.clone(), sick)
    })
    .await;
    let certificates = certs::look::hosts(cluster, hosts, &BTreeMap::new(), connect).await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let expiry = expiry::expiry(&cluster.name, certs::look::own(cluster, site), &certificates, now, 0);
    let expired = expiry
        .certificates
        .iter()
        .filter(|row| row.state == State::Expired)
        .map(|row| format!("{} ({})", row.name, row.host.as_deref().unwrap_or(&row.file)))
        .collect();
    Ok(Scene { facts, standing, sick_members, expired })
}

/// Looks again until nothing is amiss or the time is over, and tells once what is waited for.
async fn settled<T>(limit: Duration, what: &str, events: &Events, look: impl AsyncFn() -> (T, Vec<String>)) -> T {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let (found, amiss) = look().await;
        if amiss.is_empty() || begun.elapsed() > limit {
            return found;
        }
        if !told {
            events.emit(Event::Note { message: format!("Waiting for {what}: {}.", amiss.join("; ")) });
            told = true;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// Members of etcd that are not well.
async fn sick_members(cluster: &Cluster, hosts: &Hosts) -> Vec<String> {
    let members = etcd::look(cluster, hosts, &BTreeMap::new()).await.members;
    let sick = members.iter().filter(|member| !member.healthy);
    sick.map(|one| format!("{}: {}", one.host, one.trouble.as_deref().unwrap_or("not well"))).collect()
}

/// The releases of etcd that its members go through to the bundle's.
pub(super) fn etcd_through(
    cluster: &Cluster,
    facts: &BTreeMap<String, Facts>,
    inventory: &Inventory,
) -> Result<Vec<String>, NoPath> {
    let mut running = Vec::new();
    for host in cluster.etcd_hosts() {
        let Some(facts) = facts.get(&host.name) else { continue };
        match &facts.etcd_version {
            Some(version) => running.push(version.as_str()),
            None if facts.etcd_member || facts.kk_units.contains("etcd.service") => {
                return Err(NoPath::Unknown { host: host.name.clone() });
            }
            // It has yet to become one.
            None => {}
        }
    }
    let carried = inventory.versions("etcd");
    carried.last().map_or(Ok(Vec::new()), |target| through(&running, target, &carried))
}

/// What each host says; one that says nothing is left out.
pub(super) async fn facts(cluster: &Cluster, hosts: &Hosts) -> BTreeMap<String, UpgradeFacts> {
    let nodes = cluster.nodes();
    let asked = nodes.iter().filter_map(|host| {
        let machine = hosts.get(&host.name)?;
        // Every control plane lists the nodes: any of them may be the one that is down.
        let lead = cluster.has_role(&host.name, CONTROL_PLANE);
        let script = upgrade_facts::script(cluster, host, lead);
        Some(async move {
            let output = machine.run(&Script::calling(&script, PATIENCE)).await.ok()?;
            Some((host.name.clone(), upgrade_facts::parse(&output.stdout)?))
        })
    });
    let mut found: BTreeMap<String, UpgradeFacts> = join_all(asked).await.into_iter().flatten().collect();
    // What the first of them lists counts; the others would say the same once more.
    let mut listed = false;
    for host in &nodes {
        if let Some(facts) = found.get_mut(&host.name) {
            if listed {
                facts.nodes.clear();
                facts.budgets.clear();
            }
            listed = listed || !facts.nodes.is_empty();
        }
    }
    found
}

/// The releases that run. A host that says none, such as one that is no node yet, is not among them.
pub(super) fn standing(facts: &BTreeMap<String, UpgradeFacts>) -> Standing {
    let of = |pick: &dyn Fn(&UpgradeFacts) -> Option<&String>| {
        let versions = facts.iter().filter_map(|(host, facts)| Some((host, pick(facts)?)));
        versions.filter_map(|(host, text)| Some((host.clone(), Release::parse(text)?))).collect()
    };
    let mut standing =
        Standing { api_servers: of(&|facts| facts.api_server.as_ref()), kubelets: of(&|facts| facts.kubelet.as_ref()) };
    // What the API last heard of hosts that do not answer.
    for node in facts.values().flat_map(|facts| &facts.nodes) {
        let Some(release) = Release::parse(&node.kubelet) else { continue };
        standing.kubelets.entry(node.name.clone()).or_insert(release);
    }
    standing
}

/// The first control plane whose API server answers, to work on the cluster from.
pub(super) fn answering<'a>(
    cluster: &'a Cluster,
    found: &BTreeMap<String, Found>,
    facts: &BTreeMap<String, UpgradeFacts>,
) -> Option<&'a str> {
    let answers = |name: &str| facts.get(name).is_some_and(|facts| !facts.nodes.is_empty());
    let is_node = |name: &str| found.get(name).is_some_and(|found| found.node == NodeState::Joined);
    cluster.control_planes().into_iter().map(|host| host.name.as_str()).find(|name| is_node(name) && answers(name))
}

impl Scene {
    /// The way to the cluster file's release. Where that runs already, one hop to it, for all else that the bundle brings.
    pub fn hops(&self, cluster: &Cluster, inventory: &Inventory) -> Result<Vec<Release>, JobError> {
        let version = &cluster.spec.kubernetes.version;
        let target = Release::parse(version).ok_or_else(|| {
            JobError::new(Kind::File, format!("{version:?} is no release of Kubernetes that kk can upgrade to"))
                .hint(format!("spec.kubernetes.version in {} names the release", cluster.path.display()))
        })?;
        let carried: Vec<Release> = inventory.versions("kubeadm").into_iter().filter_map(Release::parse).collect();
        let hops = upgrade::hops(&self.standing, &target, &carried)
            .map_err(|no| JobError::new(Kind::Preflight, format!("{no}; nothing was changed")).hint(no.hint()))?;
        Ok(if hops.is_empty() { vec![target] } else { hops })
    }

    /// Stops where something stands in the way that was not to be passed over.
    pub fn refuse(
        &self,
        cluster: &Cluster,
        hops: &[Release],
        ignore: &[Soft],
        left_out: &BTreeSet<String>,
        etcd: Option<&NoPath>,
        events: &Events,
    ) -> Result<(), JobError> {
        let Some(target) = hops.last() else { return Ok(()) };
        let (facts, sick_members, expired) = (&self.facts, &self.sick_members, &self.expired);
        let found = findings(&upgrade::Scene { cluster, facts, target, sick_members, etcd, expired, left_out });
        // Nodes that a run has left empty may be what a budget waits for, and to go on is what mends it.
        let goes_on = facts.values().flat_map(|facts| &facts.nodes).any(|node| node.cordoned && node.by_kk);
        let passed = |finding: &Finding| {
            finding.soft.is_some_and(|soft| ignore.contains(&soft) || (soft == Soft::Budgets && goes_on))
        };
        let (ignored, errors): (Vec<_>, Vec<_>) = found.into_iter().partition(passed);
        for finding in ignored {
            events.emit(Event::Warning { message: finding.message });
        }
        if errors.is_empty() {
            return Ok(());
        }
        let count = errors.len();
        let mut report = JobError::new(
            Kind::Preflight,
            format!(
                "{count} {} in the way of an upgrade; nothing was changed",
                if count == 1 { "thing stands" } else { "things stand" }
            ),
        )
        .details(errors.iter().map(|finding| finding.message.clone()));
        for hint in errors.iter().map(|finding| &finding.hint) {
            if !report.hints.contains(hint) {
                report.hints.push(hint.clone());
            }
        }
        if errors.iter().any(|finding| finding.soft.is_some()) {
            report = report.hint("--ignore removed-apis, budgets or certificates passes over what does not apply");
        }
        Err(report)
    }
}
