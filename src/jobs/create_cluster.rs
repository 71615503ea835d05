//! `kk create cluster`: from bare hosts to a cluster.

use std::collections::BTreeMap;

use super::installation::Installation;
pub use super::installation::{Options, Outcome};
pub use super::newcomers::Verb;
use super::{JobError, Kind, newcomers, summary};
use crate::cluster::Cluster;
use crate::event::Events;
use crate::host::facts::Facts;
use crate::install::etcd::path::is_other_minor;
use crate::install::kubernetes;
use crate::plan::{self, Extent, OperatorWork, Order, Plan, Stage, Task};

/// Installs a cluster, or goes on with one; hosts that are new in the file join it.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    install(Verb::CreateCluster, options, events).await
}

/// Verifies, checks, plans, asks, runs.
pub(super) async fn install(verb: Verb, options: Options, events: Events) -> Result<Outcome, JobError> {
    let mut installation = Installation::begin(verb.command(), Extent::Cluster, &options, &events).await?;
    refuse_other_release(&installation.cluster, &installation.facts)?;
    refuse_other_etcd(installation.etcd_version(), &installation.facts)?;
    installation.preflight(&events)?;
    let question = newcomers::question(verb, &installation.cluster, &installation.found, &events)?;
    let plan = make_plan(&installation, options.push_images)?;
    let mut outcome = installation.carry_out(plan, &question, &options.change, &events).await?;
    if outcome.run.is_some() {
        outcome.text = describe(&installation, &options).await;
    }
    Ok(outcome)
}

/// Nodes that run another release than the cluster file names are not changed in passing: that is an upgrade, with all that
/// goes before one, or a way back that does not exist.
fn refuse_other_release(cluster: &Cluster, facts: &BTreeMap<String, Facts>) -> Result<(), JobError> {
    let wanted = &cluster.spec.kubernetes.version;
    let others = running(facts, |facts| facts.kubelet.clone().filter(|found| found != wanted));
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

/// The same for etcd's minor releases: all members go from one to the next together, one after the other.
fn refuse_other_etcd(wanted: Option<&str>, facts: &BTreeMap<String, Facts>) -> Result<(), JobError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let others = running(facts, |facts| {
        let found = facts.etcd_version.as_ref().filter(|found| is_other_minor(found, wanted))?;
        Some(format!("etcd {found}"))
    });
    if others.is_empty() {
        return Ok(());
    }
    let message = format!("the bundle brings etcd {wanted}, and members of another minor run; no host was changed");
    Err(JobError::new(Kind::Preflight, message)
        .details(others)
        .hint("kk upgrade takes etcd from one minor to the next, or use the bundle that the cluster was made from"))
}

/// "node1 runs v1.35.4", for each host of which something is picked.
fn running(facts: &BTreeMap<String, Facts>, pick: impl Fn(&Facts) -> Option<String>) -> Vec<String> {
    facts.iter().filter_map(|(host, facts)| Some(format!("{host} runs {}", pick(facts)?))).collect()
}

fn make_plan(installation: &Installation, push_images: bool) -> Result<Plan, JobError> {
    let path = installation.site.kubeconfig();
    installation.with_inputs(|inputs| {
        let mut plan = plan::create(inputs, push_images)?;
        let content = kubernetes::kubeconfig(inputs.cluster, &inputs.keys.kubernetes_ca, &inputs.keys.operator)?;
        plan.stages.push(Stage {
            name: "kubeconfig".into(),
            title: "Write the kubeconfig".into(),
            after: vec!["init".into()],
            order: Order::Parallel,
            tasks: vec![Task::Operator(OperatorWork::KeepFile { path, content })],
        });
        Ok(plan)
    })
}

async fn describe(installation: &Installation, options: &Options) -> String {
    let (file, kubeconfig) = (options.cluster_file.display(), installation.site.kubeconfig());
    let mut text = summary::of(&installation.cluster, &installation.hosts).await;
    text.push_str(&format!("\nkubeconfig   {}\n", kubeconfig.display()));
    text.push_str(&format!("look at it   kubectl --kubeconfig {} get nodes\n", kubeconfig.display()));
    text.push_str(&format!("take it down kk delete cluster -f {file}\n"));
    text
}
