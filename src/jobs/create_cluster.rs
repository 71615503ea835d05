//! `kk create cluster`: from bare hosts to a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::change::Change;
use super::demand::Demand;
pub use super::newcomers::Verb;
use super::site::{Hosts, Site};
use super::{JobError, Kind, check, engine, files, gather, hold, newcomers, push, summary};
use crate::bundle::{Bundle, Verified};
use crate::cluster::Cluster;
use crate::event::Events;
use crate::host::facts::Facts;
use crate::install::{Found, Inputs, NodeState, kubernetes};
use crate::plan::{self, OperatorWork, Order, Plan, Stage, Task, suffice};
use crate::run::Summary;
use crate::trust::receipt::Delivered;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub push_images: bool,
    /// Take a bundle of a lower release than the site has.
    pub allow_downgrade: bool,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// The plan of a dry run, or what stands now.
    pub text: String,
}

/// Installs a cluster, or goes on with one; hosts that are new in the file join it.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    install(Verb::CreateCluster, options, events).await
}

/// Verifies, checks, plans, asks, runs.
pub(super) async fn install(verb: Verb, options: Options, events: Events) -> Result<Outcome, JobError> {
    let mut cluster = files::cluster(&options.cluster_file)?;
    files::refuse_unsupported(&cluster)?;
    let demand = Demand::of_site(&cluster, options.allow_downgrade, &events)?;
    let (bundle, approval) = gather::demanded_bundle(&options.bundle, demand, &events).await?;
    files::settle_version(&mut cluster, bundle.inventory())?;
    check_suffices(&cluster, &bundle, &BTreeMap::new())?;

    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, verb.command())?;
    let (bundle, lacking) = hold::at_site(bundle, hold::store(&site.bundle_store())?, &events).await?;
    let hosts = site.connect(&cluster, &options.change.connect, &events).await?;
    let facts = gather::facts(&hosts, &events).await?;
    check_suffices(&cluster, &bundle, &facts)?;
    let found: BTreeMap<_, _> =
        facts.iter().map(|(host, facts)| (host.clone(), gather::found(&cluster, facts))).collect();
    refuse_other_release(&cluster, &facts)?;
    let question = newcomers::question(verb, &cluster, &found, &events)?;
    gather::preflight(&cluster, &bundle, &facts, &events)?;
    if found.values().any(|found| found.node == NodeState::Joined) {
        // They believe in the authorities of the site that made them. Without it, new ones would be made here.
        Site::of_cluster(&cluster)?;
    }

    let plan = make_plan(&cluster, &bundle, &found, &site, options.push_images)?;
    let lacking = push::not_in_registry(&plan, &bundle, lacking, &hosts, &events).await;
    hold::refuse_lacking(bundle.inventory(), &lacking)?;
    let Change { connect, .. } = &options.change;
    let changes = engine::would_change(&plan, &hosts, connect);
    let digest = Some(bundle.digest());
    if let Some(text) = options.change.shown(verb.command(), &cluster, &[&plan], digest, changes).await? {
        return Ok(Outcome { run: None, text });
    }
    options.change.agree(&question)?;
    approval.record(&site)?;
    let run = engine::execute(verb.command(), &plan, &hosts, Some(&bundle), &site, connect, &events).await?;
    site.delivered(bundle.inventory(), approval.signer(), Delivered::Installed)?;
    let text = describe(&cluster, &hosts, &site, &options).await;
    Ok(Outcome { run: Some(run), text })
}

/// Everything that the bundle lacks, at once; before a host is known by what the cluster file says, after by facts.
pub(super) fn check_suffices(
    cluster: &Cluster,
    bundle: &Arc<Bundle<Verified>>,
    facts: &BTreeMap<String, Facts>,
) -> Result<(), JobError> {
    let fallback = bundle.inventory().arches.first().cloned().unwrap_or_default();
    let arch_of = |host: &str| {
        let declared = cluster.host(host).and_then(|host| host.arch.clone());
        facts.get(host).map(|facts| facts.arch.clone()).or(declared).unwrap_or_else(|| fallback.clone())
    };
    let missing = suffice::missing(cluster, bundle.inventory(), arch_of);
    if missing.is_empty() { Ok(()) } else { Err(check::lacks(&cluster.path, &missing)) }
}

/// Nodes that run another release than the cluster file names are not changed in passing: that is an upgrade, with all that
/// goes before one, or a way back that does not exist.
fn refuse_other_release(cluster: &Cluster, facts: &BTreeMap<String, Facts>) -> Result<(), JobError> {
    let wanted = &cluster.spec.kubernetes.version;
    let others: Vec<String> = facts
        .iter()
        .filter_map(|(host, facts)| Some((host, facts.kubelet.as_ref()?)))
        .filter(|(_, found)| *found != wanted)
        .map(|(host, found)| format!("{host} runs {found}"))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the cluster runs another Kubernetes than the {wanted} of {}; no host was changed",
        cluster.path.display()
    );
    Err(JobError::new(Kind::Preflight, message).details(others).hint(
        "kk upgrade brings a cluster to a newer release; for anything else name the one that runs as spec.kubernetes.version",
    ))
}

fn make_plan(
    cluster: &Cluster,
    bundle: &Arc<Bundle<Verified>>,
    hosts: &BTreeMap<String, Found>,
    site: &Site,
    push_images: bool,
) -> Result<Plan, JobError> {
    let keys = site.keys(cluster)?;
    let inputs = Inputs {
        cluster,
        inventory: bundle.inventory(),
        hosts,
        registry: &site.registry_login(cluster)?,
        bootstrap_token: &super::site::bootstrap_token()?,
        templates: &site.templates()?,
        keys: &keys,
    };
    let fail = |source| JobError::new(Kind::File, "no plan can be made").because(source);
    let mut plan = plan::create(&inputs, push_images).map_err(fail)?;
    let content = kubernetes::kubeconfig(cluster, &keys.kubernetes_ca, &keys.operator).map_err(fail)?;
    plan.stages.push(Stage {
        name: "kubeconfig".into(),
        title: "Write the kubeconfig".into(),
        after: vec!["init".into()],
        order: Order::Parallel,
        tasks: vec![Task::Operator(OperatorWork::KeepFile { path: site.kubeconfig(), content })],
    });
    Ok(plan)
}

async fn describe(cluster: &Cluster, hosts: &Hosts, site: &Site, options: &Options) -> String {
    let file = options.cluster_file.display();
    let mut text = summary::of(cluster, hosts).await;
    text.push_str(&format!("\nkubeconfig   {}\n", site.kubeconfig().display()));
    text.push_str(&format!("look at it   kubectl --kubeconfig {} get nodes\n", site.kubeconfig().display()));
    text.push_str(&format!("take it down kk delete cluster -f {file}\n"));
    text
}
