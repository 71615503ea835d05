//! `kk create manifest`: what clusters of some versions need, or what a running cluster has, as a manifest.

mod closure;
mod draft;
mod from_cluster;

use std::path::PathBuf;

use super::create_config::{check_name, check_version};
use super::{JobError, Kind};
use crate::catalog::Catalog;
use crate::event::Events;
use draft::Draft;

/// The program that runs, with its `v`.
const OWN_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub name: String,
    /// Versions of Kubernetes; with `kubeconfig` those that are to be carried besides the cluster's own.
    pub kubernetes: Vec<String>,
    /// The version that a cluster comes from which is to be upgraded; it is not carried.
    pub from: Option<String>,
    pub arches: Vec<String>,
    /// `registry` or `harbor`, where one is to be installed from the bundle.
    pub registry: Option<String>,
    /// Network plugin, by the name that cluster files have for it.
    pub network: String,
    /// Of the cluster whose images are to be carried.
    pub kubeconfig: Option<PathBuf>,
}

/// The text of the manifest.
pub async fn text(options: &Options, events: &Events) -> Result<String, JobError> {
    check_name(&options.name)?;
    options.kubernetes.iter().try_for_each(|version| check_version(version))?;
    if let Some(arch) = options.arches.iter().find(|arch| !["amd64", "arm64"].contains(&arch.as_str())) {
        return Err(JobError::new(Kind::Usage, format!("{arch:?} is no architecture that kk knows"))
            .hint("known are amd64 and arm64"));
    }
    let catalog =
        Catalog::built_in().map_err(|source| JobError::internal("cannot read the built-in catalog", source))?;
    let mut draft = match &options.kubeconfig {
        Some(path) => from_cluster::draft(&options.name, path, &catalog, events).await?,
        None => Draft::new(&options.name),
    };
    closure::add(&mut draft, options, &catalog)?;
    Ok(draft.to_yaml())
}
