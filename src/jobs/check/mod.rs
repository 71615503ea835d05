//! `kk artifact check`: whether a bundle suffices for a cluster file, before anybody carries it anywhere.

mod kubeadm;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::demand::Demand;
use super::{JobError, Kind, files, gather, rendered};
use crate::bundle::Inventory;
use crate::cluster::Cluster;
use crate::digest::Digest;
use crate::event::Events;
use crate::plan::suffice::{self, Missing, Needs, Report};

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub cluster_file: PathBuf,
}

/// Whether it suffices, and why.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub bundle: PathBuf,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    pub cluster: PathBuf,
    /// The version of Kubernetes that would be installed.
    pub kubernetes: String,
    pub suffices: bool,
    #[serde(flatten)]
    pub report: Report,
}

impl Checked {
    /// An error where something is missing.
    pub fn verdict(&self) -> Result<(), JobError> {
        if self.suffices { Ok(()) } else { Err(lacks(&self.cluster, &self.report.missing)) }
    }
}

/// Verifies the bundle, since its own helm is run, and holds the cluster file against it.
pub async fn run(options: &Options, events: &Events) -> Result<Checked, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    // Programs of the bundle are run: those of strangers are not. An older release than the site's may be looked at.
    let demand = Demand::of_site(&cluster, true, events)?;
    let bundle = gather::bundle_for(&cluster, &options.bundle, demand, gather::Proof::Before, events).await?;
    let open = |path: &str| -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(bundle.open_entry(path).map_err(io::Error::other)?))
    };
    let (kubernetes, report) = held_against(cluster, bundle.inventory(), &open, events).await?;
    Ok(Checked {
        bundle: bundle.path().to_owned(),
        digest: bundle.digest(),
        cluster: options.cluster_file.clone(),
        kubernetes,
        suffices: report.missing.is_empty(),
        report,
    })
}

/// The same for a bundle that is about to be written: an error if it would not suffice.
pub(super) async fn before_packing(
    cluster_file: &Path,
    inventory: &Inventory,
    open: &rendered::Open<'_>,
    events: &Events,
) -> Result<(), JobError> {
    let cluster = files::cluster(cluster_file)?;
    let (_, report) = held_against(cluster, inventory, open, events).await?;
    if report.missing.is_empty() { Ok(()) } else { Err(lacks(cluster_file, &report.missing)) }
}

async fn held_against(
    mut cluster: Cluster,
    inventory: &Inventory,
    open: &rendered::Open<'_>,
    events: &Events,
) -> Result<(String, Report), JobError> {
    files::settle_version(&mut cluster, inventory)?;
    let arch_of = declared_arch(&cluster, inventory);
    let mut needs = Needs::of(&cluster, arch_of);
    let listed = kubeadm::images(&cluster.spec.kubernetes.version, inventory, open, events).await;
    needs.add_kubeadms(&cluster, &listed.unwrap_or_default());
    rendered::add(&mut needs, &cluster, inventory, open, events).await?;
    Ok((cluster.spec.kubernetes.version.clone(), suffice::report(&needs, inventory)))
}

/// The architecture that the cluster file gives a host; where it gives none, the bundle's first.
fn declared_arch<'a>(cluster: &'a Cluster, inventory: &Inventory) -> impl Fn(&str) -> String + use<'a> {
    let fallback = inventory.arches.first().cloned().unwrap_or_default();
    move |host| cluster.host(host).and_then(|host| host.arch.clone()).unwrap_or_else(|| fallback.clone())
}

/// The error that lists what is missing.
pub(super) fn lacks(cluster_file: &Path, missing: &[Missing]) -> JobError {
    let things = if missing.len() == 1 { "1 thing".to_owned() } else { format!("{} things", missing.len()) };
    JobError::new(Kind::Bundle, format!("the bundle lacks {things} that {} needs", cluster_file.display()))
        .details(missing.iter().map(|missing| format!("{} ({})", missing.what, missing.because)))
        .hint("add them to the manifest, export again on the connected side, and carry the new bundle in")
}
