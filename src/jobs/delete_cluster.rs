//! `kk delete cluster`: back to bare hosts.

use std::path::PathBuf;

use super::site::{ConnectOptions, Site};
use super::{JobError, Kind, engine, files};
use crate::cluster::Cluster;
use crate::event::Events;
use crate::plan;
use crate::run::Summary;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// The registry too.
    pub all: bool,
    /// Asks the user a question; always yes with `--yes`.
    pub confirm: Box<dyn Fn(&str) -> bool>,
    pub connect: ConnectOptions,
}

/// Says what will go, asks, removes.
pub async fn run(options: Options, events: Events) -> Result<Summary, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    if !(options.confirm)(&warning(&cluster, options.all)) {
        return Err(JobError::new(Kind::Declined, "nothing was changed"));
    }
    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, "delete cluster")?;
    let hosts = site.connect(&cluster, &options.connect, &events).await?;
    let plan = plan::remove(&cluster, options.all);
    let run = engine::execute("delete cluster", &plan, &hosts, None, &site, &options.connect, &events).await?;
    engine::forget(&site.kubeconfig())?;
    site.abandon_rotation()?;
    Ok(run)
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
