//! What every installation goes through, however far it goes: the bundle and the hosts before its plan, the yes and the
//! run after it.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::change::Change;
use super::demand::{Approval, Demand};
use super::left_out::LeftOut;
use super::site::{ConnectOptions, Hosts, Site, bootstrap_token};
use super::{JobError, Kind, check, engine, facts, files, gather, hold, push};
use crate::bundle::{Bundle, Content, Inventory, Verified};
use crate::cluster::{Cluster, Host};
use crate::digest::Digest;
use crate::event::Events;
use crate::host::facts::Facts;
use crate::install::{Found, Inputs, InstallError, NodeState};
use crate::plan::{Extent, OperatorWork, Plan, Task, suffice};
use crate::run::{SiteLock, Summary};
use crate::trust::receipt::Delivered;

/// The registry's service, as its step calls it.
const REGISTRY_UNIT: &str = "registry.service";

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub push_images: bool,
    /// Take a bundle of a lower release than the site has.
    pub allow_downgrade: bool,
    /// Go on without workers that fail.
    pub skip_failed_hosts: bool,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// The plan of a dry run, or what stands now.
    pub text: String,
    /// Hosts that were left out, with why; see [`super::left_out::verdict`].
    pub left_out: BTreeMap<String, String>,
}

/// An installation that is yet to be planned: the bundle is proven and suffices, the hosts were looked at.
pub(super) struct Installation {
    command: &'static str,
    extent: Extent,
    pub cluster: Cluster,
    pub site: Site,
    pub hosts: Hosts,
    pub facts: BTreeMap<String, Facts>,
    pub found: BTreeMap<String, Found>,
    bundle: Arc<Bundle<Verified>>,
    approval: Approval,
    /// What a delta bundle leaves out and nobody here holds.
    lacking: Vec<Content>,
    left_out: LeftOut,
    _lock: SiteLock,
}

impl Installation {
    /// Verifies, connects, looks.
    pub async fn begin(
        command: &'static str,
        extent: Extent,
        options: &Options,
        events: &Events,
    ) -> Result<Self, JobError> {
        let mut cluster = files::cluster(&options.cluster_file)?;
        files::refuse_unsupported(&cluster)?;
        refuse_no_hosts(extent, &cluster)?;
        let demand = Demand::of_site(&cluster, options.allow_downgrade, events)?;
        let (bundle, approval) = gather::demanded_bundle(&options.bundle, demand, events).await?;
        if extent == Extent::Cluster {
            files::settle_version(&mut cluster, bundle.inventory())?;
        }
        check_suffices(extent, &cluster, &bundle, &BTreeMap::new())?;

        let site = Site::open(&cluster)?;
        let lock = engine::lock(&site, command)?;
        let (bundle, lacking) = hold::at_site(bundle, hold::store(&site.bundle_store())?, events).await?;
        let mut left_out = LeftOut::of(&cluster, options.skip_failed_hosts);
        let looked_at = looked_at(extent, &cluster, &site);
        let mut hosts =
            site.connect_without(&cluster, &looked_at, &options.change.connect, &mut left_out, events).await?;
        let facts = facts::of(&mut hosts, &mut left_out, events).await?;
        check_suffices(extent, &cluster, &bundle, &facts)?;
        let found = facts::all_found(&cluster, &facts, &left_out, bundle.inventory());
        Ok(Self {
            command,
            extent,
            cluster,
            site,
            hosts,
            facts,
            found,
            bundle,
            approval,
            lacking,
            left_out,
            _lock: lock,
        })
    }

    /// The checks before any host is changed.
    pub fn preflight(&mut self, events: &Events) -> Result<(), JobError> {
        let own = self.extent.hosts(&self.cluster);
        let own = own.into_iter().filter_map(|host| self.facts.get_key_value(&host.name));
        let facts = own.map(|(host, facts)| (host.clone(), facts.clone())).collect();
        facts::preflight(self.extent, &self.cluster, &self.bundle, &facts, &mut self.left_out, events)?;
        // Of a host that was left out nothing is known; it may be as bare as the others.
        let seen = self.found.iter().filter(|(host, _)| self.facts.contains_key(*host));
        let joined = seen.map(|(_, found)| found).any(|found| found.node == NodeState::Joined);
        let serves = || facts.values().any(|facts| facts.kk_units.contains(REGISTRY_UNIT));
        if joined || (self.extent == Extent::Registry && serves()) {
            // Hosts believe in the authorities of the site that made them. Without it, new ones would be made here.
            Site::of_cluster(&self.cluster)?;
        }
        Ok(())
    }

    /// The release of etcd that the bundle brings.
    pub fn etcd_version(&self) -> Option<&str> {
        self.bundle.inventory().versions("etcd").last().copied()
    }

    /// What is made of the cluster file, the bundle, the hosts and the keys of the site: a plan.
    pub fn with_inputs<T>(&self, make: impl FnOnce(&Inputs) -> Result<T, InstallError>) -> Result<T, JobError> {
        let keys = self.site.keys(&self.cluster)?;
        let inputs = Inputs {
            cluster: &self.cluster,
            inventory: self.bundle.inventory(),
            hosts: &self.found,
            registry: &self.site.registry_login(&self.cluster)?,
            bootstrap_token: &bootstrap_token()?,
            templates: &self.site.templates()?,
            keys: &keys,
        };
        make(&inputs).map_err(|source| JobError::new(Kind::File, "no plan can be made").because(source))
    }

    /// Shows the plan and stops there, or asks and runs it. The text of what stands after a run is the caller's to add.
    pub async fn carry_out(
        &mut self,
        mut plan: Plan,
        question: &str,
        change: &Change,
        events: &Events,
    ) -> Result<Outcome, JobError> {
        plan.without(&self.left_out.names());
        let inventory = self.bundle.inventory();
        let mut lacking = push::not_in_registry(&plan, &self.bundle, self.lacking.clone(), &self.hosts, events).await;
        if self.extent != Extent::Cluster {
            keep_used(&plan, inventory, &mut lacking);
        }
        hold::refuse_lacking(inventory, &lacking)?;
        let connect = ConnectOptions { spare: self.left_out.spare(None), ..change.connect.clone() };
        let changes = engine::would_change(&plan, &self.hosts, &connect);
        let digest = Some(self.bundle.digest());
        if let Some(text) = change.shown(self.command, &self.cluster, &[&plan], digest, changes).await? {
            return Ok(Outcome { run: None, text, left_out: self.left_out.reasons() });
        }
        change.agree(question)?;
        self.approval.record(&self.site)?;
        let bundle = Some(&self.bundle);
        let run = engine::execute(self.command, &plan, &self.hosts, bundle, &self.site, &connect, events).await?;
        if self.extent == Extent::Cluster {
            // A part of an installation is no delivery that a receipt could attest.
            self.site.delivered(inventory, self.approval.signer(), Delivered::Installed)?;
        }
        self.left_out.failed(&run.left_out);
        Ok(Outcome { run: Some(run), text: String::new(), left_out: self.left_out.reasons() })
    }
}

/// Everything that the bundle lacks, at once; before a host is known by what the cluster file says, after by facts.
pub(super) fn check_suffices(
    extent: Extent,
    cluster: &Cluster,
    bundle: &Arc<Bundle<Verified>>,
    facts: &BTreeMap<String, Facts>,
) -> Result<(), JobError> {
    let fallback = bundle.inventory().arches.first().cloned().unwrap_or_default();
    let arch_of = |host: &str| {
        let declared = cluster.host(host).and_then(|host| host.arch.clone());
        facts.get(host).map(|facts| facts.arch.clone()).or(declared).unwrap_or_else(|| fallback.clone())
    };
    let missing = suffice::missing(extent, cluster, bundle.inventory(), arch_of);
    if missing.is_empty() { Ok(()) } else { Err(check::lacks(&cluster.path, &missing)) }
}

/// Only a registry can be left out of a cluster file.
fn refuse_no_hosts(extent: Extent, cluster: &Cluster) -> Result<(), JobError> {
    if !extent.hosts(cluster).is_empty() {
        return Ok(());
    }
    let message = format!("{} gives no host the role registry; no host was touched", cluster.path.display());
    Err(JobError::new(Kind::File, message).hint("name the host that is to be the registry in spec.roleGroups.registry"))
}

/// The hosts that are reached and looked at. In a cluster that stands these are all: to which of its control planes the
/// endpoint leads depends on which are nodes.
fn looked_at<'a>(extent: Extent, cluster: &'a Cluster, site: &Site) -> Vec<&'a Host> {
    if site.kubeconfig().is_file() { cluster.spec.hosts.iter().collect() } else { extent.hosts(cluster) }
}

/// Leaves of what a delta bundle lacks that which this plan would use.
fn keep_used(plan: &Plan, inventory: &Inventory, lacking: &mut Vec<Content>) {
    let mut used: HashSet<Digest> = HashSet::new();
    for task in plan.stages.iter().flat_map(|stage| &stage.tasks) {
        match task {
            Task::Host { steps, .. } => {
                let sources = steps.iter().flat_map(|step| &step.parts).filter_map(|part| part.source());
                used.extend(sources.map(|source| source.sha256));
            }
            Task::Operator(OperatorWork::PushImages(_)) => used.extend(hold::blobs(inventory, lacking)),
            Task::Operator(OperatorWork::KeepFile { .. }) => {}
        }
    }
    lacking.retain(|content| used.contains(&content.sha256));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::inventory::Blob;
    use crate::plan::tests::{beginnings, cluster, inventory};

    #[test]
    fn a_delta_may_lack_what_is_not_used() {
        let mut inventory = inventory();
        let layer = Content { sha256: Digest::of(b"layer"), ..Content::from(&inventory.components[0].entry) };
        inventory.blobs.push(Blob {
            digest: layer.sha256,
            size: layer.size,
            blake3: layer.blake3.clone(),
            media_type: "application/vnd.oci.image.layer.v1.tar+gzip".into(),
            absent: true,
        });
        let mut all: Vec<Content> = inventory.components.iter().map(|one| Content::from(&one.entry)).collect();
        all.push(layer);
        let registry = Digest::of(b"docker-registry");
        let left = beginnings(&cluster()).map(|plan| {
            let mut lacking = all.clone();
            keep_used(&plan, &inventory, &mut lacking);
            lacking.into_iter().map(|content| content.sha256).collect::<Vec<_>>()
        });
        assert_eq!(left, [vec![], vec![registry], vec![registry, Digest::of(b"layer")]]);
    }

    #[test]
    fn a_registry_wants_a_host() {
        let mut cluster = cluster();
        assert!(refuse_no_hosts(Extent::Registry, &cluster).is_ok());
        cluster.spec.role_groups.0.remove("registry");
        assert!(refuse_no_hosts(Extent::Registry, &cluster).is_err());
        assert!(refuse_no_hosts(Extent::Os, &cluster).is_ok());
    }
}
