//! `kk delete cluster`: back to bare hosts.

use std::path::PathBuf;

use super::change::Change;
use super::left_out::LeftOut;
use super::site::Site;
use super::{JobError, engine, facts, files};
use crate::cluster::Cluster;
use crate::event::Events;
use crate::plan;
use crate::run::Summary;

/// As the lock, the journal and saved plans name it.
const COMMAND: &str = "delete cluster";

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// The registry too.
    pub all: bool,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// The plan of a dry run.
    pub text: String,
}

/// Says what will go, asks, removes.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let change = &options.change;
    // Asked before anything is made here or anybody is connected to.
    if change.intent.changes_hosts() {
        change.agree(&warning(&cluster, options.all))?;
    }
    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, COMMAND)?;
    let mut hosts = site.connect(&cluster, &change.connect, &events).await?;
    // Nothing is planned from them; but what an earlier run has left at work would make anew what is removed here.
    facts::of(&mut hosts, &mut LeftOut::default(), &events).await?;
    let plan = plan::remove(&cluster, options.all);
    let changes = engine::would_change(&plan, &hosts, &change.connect);
    if let Some(text) = change.shown(COMMAND, &cluster, &[&plan], None, changes).await? {
        return Ok(Outcome { run: None, text });
    }
    let run = engine::execute(COMMAND, &plan, &hosts, None, &site, &change.connect, &events).await?;
    engine::forget(&site.kubeconfig())?;
    site.abandon_rotation()?;
    Ok(Outcome { run: Some(run), text: String::new() })
}

/// What will be lost, by name.
fn warning(cluster: &Cluster, all: bool) -> String {
    let names =
        |hosts: Vec<&crate::cluster::Host>| hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "This removes cluster {} for good:\n  Kubernetes, containerd and every pod on {}\n  etcd with all its data on {}\n",
        cluster.name,
        names(cluster.nodes()),
        names(cluster.hosts_of("etcd")),
    );
    let (backups, members) = (&cluster.spec.etcd.backup_dir, names(cluster.hosts_of("etcd")));
    if all {
        text.push_str(&format!("  the snapshots of etcd in {backups} on {members}\n"));
        text.push_str(&format!("  the registry with all its images on {}\n", names(cluster.hosts_of("registry"))));
    }
    if !all {
        text.push_str(&format!("Snapshots of etcd stay in {backups} on {members}.\n"));
    }
    text.push_str("Delete it?");
    text
}
