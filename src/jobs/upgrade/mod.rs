//! `kk upgrade`: a cluster goes from one release of Kubernetes to another, minor by minor.

mod look;
pub mod path;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::change::Change;
use super::demand::Demand;
use super::etcd::backup;
use super::left_out::LeftOut;
use super::site::{ConnectOptions, Hosts, Site};
use super::{JobError, Kind, engine, facts, files, gather, hold, installation, push};
use crate::bundle::{Bundle, Verified};
use crate::cluster::{Cluster, Host};
use crate::event::{Event, Events};
use crate::install::certs::Keys;
use crate::install::templates::Templates;
use crate::install::upgrade_facts::UpgradeFacts;
use crate::install::{Found, Inputs, RegistryLogin};
use crate::plan::upgrade::{self, Hop, Release, Soft};
use crate::plan::{Extent, Plan, Preview};
use crate::run::Spare;
use crate::trust::receipt::Delivered;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub push_images: bool,
    /// Take a bundle of a lower release than the site has.
    pub allow_downgrade: bool,
    /// Workers that are emptied at a time.
    pub max_unavailable: usize,
    /// How long emptying a node may take.
    pub drain: Duration,
    /// Delete pods too that nothing starts again elsewhere.
    pub force: bool,
    /// Go on without workers that fail, as many as may be empty at a time.
    pub skip_failed_hosts: bool,
    /// Checks to pass over.
    pub ignore: Vec<Soft>,
    pub change: Change,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Parts of hosts that were changed, over all hops; `None` after a dry run.
    pub changed: Option<usize>,
    pub hosts: usize,
    pub seconds: f64,
    /// The plan of a dry run, or what stands now.
    pub text: String,
    /// Hosts that were left out, with why; see [`super::left_out::verdict`].
    pub left_out: BTreeMap<String, String>,
}

/// Verifies, looks, refuses what must not be, asks, and goes hop by hop.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let begun = std::time::Instant::now();
    let mut cluster = files::cluster(&options.cluster_file)?;
    files::refuse_unsupported(&cluster)?;
    let demand = Demand::of_site(&cluster, options.allow_downgrade, &events)?;
    let (bundle, approval) = gather::demanded_bundle(&options.bundle, demand, &events).await?;
    files::settle_version(&mut cluster, bundle.inventory())?;

    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, "upgrade")?;
    let (bundle, lacking) = hold::at_site(bundle, hold::store(&site.bundle_store())?, &events).await?;
    let all: Vec<&Host> = cluster.spec.hosts.iter().collect();
    let mut left_out = LeftOut::of(&cluster, options.skip_failed_hosts);
    let mut hosts = site.connect_without(&cluster, &all, &options.change.connect, &mut left_out, &events).await?;
    let facts = facts::of(&mut hosts, &mut left_out, &events).await?;
    let scene = look::scene(&cluster, &site, &hosts, &options.change.connect, &left_out.names(), &events).await?;
    let hops = scene.hops(&cluster, bundle.inventory())?;
    for hop in &hops {
        installation::check_suffices(Extent::Cluster, &at(&cluster, hop), &bundle, &facts)?;
    }
    facts::preflight(Extent::Cluster, &cluster, &bundle, &facts, &mut left_out, &events)?;
    let through = look::etcd_through(&cluster, &facts, bundle.inventory());
    scene.refuse(&cluster, &hops, &options.ignore, &left_out.names(), through.as_ref().err(), &events)?;

    let found = facts::all_found(&cluster, &facts, &left_out, bundle.inventory());
    let work = Work {
        options: &options,
        site: &site,
        hosts: &hosts,
        bundle: &bundle,
        found,
        keys: site.keys(&cluster)?,
        login: site.registry_login(&cluster)?,
        templates: site.templates()?,
        events: &events,
    };
    // The first hop brings etcd to the bundle's release, and the others find it there.
    let through = through.unwrap_or_default();
    let through = std::iter::once(through.as_slice()).chain(std::iter::repeat(&[] as &[String]));
    let plans = hops.iter().zip(through);
    let plans = plans.map(|(hop, through)| work.plans(&at(&cluster, hop), through, &left_out.names()));
    let plans = plans.collect::<Result<Vec<_>, JobError>>()?;
    if let Some((place, _)) = plans.first() {
        let lacking = push::not_in_registry(place, &bundle, lacking, &hosts, &events).await;
        hold::refuse_lacking(bundle.inventory(), &lacking)?;
    }
    let all: Vec<&Plan> = plans.iter().flat_map(|(place, plan)| [place, plan]).collect();
    let changes = work.would_change(&hops, &plans);
    if let Some(text) = options.change.shown("upgrade", &cluster, &all, Some(bundle.digest()), changes).await? {
        return Ok(Outcome { text, left_out: left_out.reasons(), ..Outcome::default() });
    }
    options.change.agree(&told::question(&cluster, &scene, &hops))?;
    approval.record(&site)?;
    let mut changed = 0;
    for (number, (hop, (place, plan))) in hops.iter().zip(&plans).enumerate() {
        changed += work.hop(&at(&cluster, hop), place, plan, &mut left_out).await?;
        refuse_further(&left_out, hop, hops.get(number + 1))?;
    }
    site.delivered(bundle.inventory(), approval.signer(), Delivered::Upgraded)?;
    let text = told::stands(&cluster, &hosts, &site).await;
    Ok(Outcome {
        changed: Some(changed),
        hosts: hosts.len(),
        seconds: begun.elapsed().as_secs_f64(),
        text,
        left_out: left_out.reasons(),
    })
}

/// A kubelet that was left behind is never behind by more than the one hop: others follow when it has caught up.
fn refuse_further(left_out: &LeftOut, reached: &Release, next: Option<&Release>) -> Result<(), JobError> {
    let (Some(next), false) = (next, left_out.names().is_empty()) else { return Ok(()) };
    let message = format!("{reached} is reached, and hosts were left out on the way; {next} waits for them");
    Err(JobError::new(Kind::Host, message)
        .details(left_out.names())
        .hint("mend them, or take them out with kk delete node; then the same kk upgrade goes on from there"))
}

/// The cluster as it is once it has come to this release.
fn at(cluster: &Cluster, release: &Release) -> Cluster {
    let mut there = cluster.clone();
    there.spec.kubernetes.version = release.to_string();
    there
}

/// Everything that a hop is done with.
struct Work<'a> {
    options: &'a Options,
    site: &'a Site,
    hosts: &'a Hosts,
    bundle: &'a Arc<Bundle<Verified>>,
    found: BTreeMap<String, Found>,
    keys: Keys,
    login: RegistryLogin,
    templates: Templates,
    events: &'a Events,
}

impl Work<'_> {
    /// What disturbs nobody, and the hop itself. `cluster` names its release.
    fn plans(
        &self,
        cluster: &Cluster,
        etcd_through: &[String],
        left_out: &BTreeSet<String>,
    ) -> Result<(Plan, Plan), JobError> {
        let inputs = Inputs {
            cluster,
            inventory: self.bundle.inventory(),
            hosts: &self.found,
            registry: &self.login,
            bootstrap_token: &super::site::bootstrap_token()?,
            templates: &self.templates,
            keys: &self.keys,
        };
        let hop = Hop {
            inputs: &inputs,
            etcd_through,
            push_images: self.options.push_images,
            max_unavailable: self.options.max_unavailable,
            drain: self.options.drain,
            force: self.options.force,
        };
        let fail = |source| JobError::new(Kind::File, "no plan can be made").because(source);
        let mut plans = (upgrade::place(&hop).map_err(fail)?, upgrade::hop(&hop).map_err(fail)?);
        plans.0.without(left_out);
        plans.1.without(left_out);
        Ok(plans)
    }

    /// What the first hop would change, and which ones follow: these depend on what it leaves.
    async fn would_change(&self, hops: &[Release], plans: &[(Plan, Plan)]) -> Result<Preview, JobError> {
        let mut preview = Preview::default();
        if let (Some(hop), Some((place, plan))) = (hops.first(), plans.first()) {
            let placed = engine::would_change(place, self.hosts, &self.options.change.connect).await?;
            preview = preview.then(&format!("To {hop}, without disturbing anybody"), placed);
            let gone = engine::would_change(plan, self.hosts, &self.options.change.connect).await?;
            preview = preview.then(&format!("Then, after a snapshot of etcd, to {hop}"), gone);
        }
        for hop in hops.iter().skip(1) {
            preview = preview.then(&format!("Then in the same way to {hop}"), Preview::default());
        }
        Ok(preview)
    }

    /// Images first, then a snapshot, then the hop. Returns how many parts were changed.
    async fn hop(
        &self,
        cluster: &Cluster,
        place: &Plan,
        plan: &Plan,
        left_out: &mut LeftOut,
    ) -> Result<usize, JobError> {
        let version = &cluster.spec.kubernetes.version;
        let (connect, bundle) = (&self.options.change.connect, Some(self.bundle));
        // Each that fails takes no pods until it is mended, so there are no more of them than may be empty at a time.
        let most = self.options.max_unavailable;
        let execute = |command: String, plan: Plan, spare: Spare| async move {
            let connect = ConnectOptions { spare, ..connect.clone() };
            engine::execute(&command, &plan, self.hosts, bundle, self.site, &connect, self.events).await
        };
        let spare = left_out.spare(Some(most));
        let placed = execute(format!("upgrade to {version}: images"), place.clone(), spare).await?;
        left_out.failed(&placed.left_out);
        let snapshot =
            backup::take(cluster, self.site, self.hosts, &BTreeMap::new(), None, connect, self.events).await?;
        self.events.emit(Event::Note {
            message: format!("etcd as it was before {version} is kept in {}.", snapshot.file.display()),
        });
        let mut plan = plan.clone();
        plan.without(&left_out.names());
        let spare = left_out.spare(Some(most.saturating_sub(placed.left_out.len())));
        match execute(format!("upgrade to {version}"), plan, spare).await {
            Ok(done) => {
                left_out.failed(&done.left_out);
                if !done.left_out.is_empty() {
                    self.put_back(cluster, &look::facts(cluster, self.hosts).await).await;
                }
                Ok(placed.changed + done.changed)
            }
            Err(error) => Err(self.stopped(cluster, error).await),
        }
    }

    /// Nodes that were emptied for nothing take pods again; not through the host that has just failed, where another one
    /// answers. Whether somebody could be asked to.
    async fn put_back(&self, cluster: &Cluster, facts: &BTreeMap<String, UpgradeFacts>) -> bool {
        let Some(lead) = look::answering(cluster, &self.found, facts) else { return false };
        let plan = upgrade::put_back(cluster, lead);
        let command = format!("upgrade to {}: put back", cluster.spec.kubernetes.version);
        let (connect, events) = (&self.options.change.connect, self.events);
        // A run that was asked to stop has a stop of its own: what it has taken away is given back all the same.
        let connect = ConnectOptions { stop: connect.stop.anew(), ..connect.clone() };
        if let Err(trouble) = engine::execute(&command, &plan, self.hosts, None, self.site, &connect, events).await {
            events.emit(Event::Warning { message: format!("nodes cannot be put back: {trouble}") });
        }
        true
    }

    /// Puts back what was taken away for nothing, and says where things stand.
    async fn stopped(&self, cluster: &Cluster, error: JobError) -> JobError {
        let mut facts = look::facts(cluster, self.hosts).await;
        if matches!(error.kind, Kind::Host | Kind::Interrupted) && self.put_back(cluster, &facts).await {
            facts = look::facts(cluster, self.hosts).await;
        }
        let standing = told::standing(cluster, &facts);
        error
            .details(standing)
            .hint("when the cause is removed, the same kk upgrade goes on from there")
            .hint("the snapshot of etcd that was taken before is in .kk/<cluster>/etcd-backups/; kk etcd restore puts it back, with everything since lost")
    }
}
