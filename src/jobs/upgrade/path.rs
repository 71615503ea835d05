//! `kk upgrade plan`: the releases between two, and a manifest that carries all of them. For the connected side.

use std::path::PathBuf;

use serde::Serialize;

use crate::catalog::Catalog;
use crate::event::Events;
use crate::jobs::{JobError, Kind, create_manifest};
use crate::plan::upgrade::{self, Release, Standing};

/// What the command was asked to do.
pub struct Options {
    pub from: String,
    pub to: String,
    /// Releases to go through instead of the catalog's.
    pub via: Vec<String>,
    /// Of the manifest: its name, architectures, registry and network plugin.
    pub name: String,
    pub arches: Vec<String>,
    pub registry: Option<String>,
    pub network: String,
    /// Of the cluster whose images are to be carried too.
    pub kubeconfig: Option<PathBuf>,
}

/// The way, and its manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    pub from: String,
    /// Each release in turn; the last is the one that was asked for.
    pub hops: Vec<String>,
    #[serde(skip)]
    pub manifest: String,
}

/// Finds the way and writes its manifest's text.
pub async fn run(options: &Options, events: &Events) -> Result<Path, JobError> {
    let release = |text: &str| {
        Release::parse(text).ok_or_else(|| {
            JobError::new(Kind::Usage, format!("{text:?} is no release of Kubernetes"))
                .hint("releases are written as v1.36.3")
        })
    };
    let (from, to) = (release(&options.from)?, release(&options.to)?);
    let via = options.via.iter().map(|text| release(text)).collect::<Result<Vec<_>, JobError>>()?;
    let catalog =
        Catalog::built_in().map_err(|source| JobError::internal("cannot read the built-in catalog", source))?;
    let mut known: Vec<Release> = via.clone();
    known.push(to.clone());
    let named = |minor: u32| via.iter().any(|release| release.minor == minor);
    let of_catalog = catalog.releases().into_iter().filter_map(Release::parse);
    known.extend(of_catalog.filter(|release| !named(release.minor)));
    let standing = Standing { api_servers: [("the cluster".to_owned(), from.clone())].into(), ..Standing::default() };
    let hops = upgrade::hops(&standing, &to, &known).map_err(|no| {
        let error = JobError::new(Kind::Usage, no.to_string().replace("the bundle holds", "the catalog knows"));
        error.hint("--via names the release of a minor that the catalog does not know")
    })?;
    if hops.is_empty() {
        return Err(JobError::new(Kind::Usage, format!("a cluster of {from} has nothing to go through to {to}")));
    }
    let kubernetes: Vec<String> = hops.iter().map(ToString::to_string).collect();
    let manifest = create_manifest::text(
        &create_manifest::Options {
            name: options.name.clone(),
            kubernetes: kubernetes.clone(),
            from: Some(from.to_string()),
            arches: options.arches.clone(),
            registry: options.registry.clone(),
            network: options.network.clone(),
            kubeconfig: options.kubeconfig.clone(),
        },
        events,
    )
    .await?;
    Ok(Path { from: from.to_string(), hops: kubernetes, manifest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(from: &str, to: &str, via: &[&str]) -> Result<Path, String> {
        let options = Options {
            from: from.into(),
            to: to.into(),
            via: via.iter().map(|text| (*text).to_owned()).collect(),
            name: "sample".into(),
            arches: vec!["amd64".into()],
            registry: None,
            network: "flannel".into(),
            kubeconfig: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&options, &crate::event::silent())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_manifest_carries_every_hop() {
        let path = path("v1.34.2", "v1.36.3", &[]).unwrap();
        assert_eq!(path.hops, ["v1.35.4", "v1.36.3"]);
        for image in ["kube-apiserver:v1.35.4", "kube-apiserver:v1.36.3", "coredns:v1.13.1", "coredns:v1.14.2"] {
            assert!(path.manifest.contains(image), "{image}");
        }
        assert!(!path.manifest.contains("v1.34.2"));
    }

    #[test]
    fn the_manifest_carries_the_etcd_that_lies_between() {
        let between = "etcd: {version: v3.6.15, via: [v3.5.26]}";
        assert!(path("v1.33.4", "v1.36.3", &[]).unwrap().manifest.contains(between));
        assert!(path("v1.33.4", "v1.34.4", &[]).unwrap().manifest.contains(between));
        assert!(!path("v1.34.2", "v1.36.3", &[]).unwrap().manifest.contains("via:"));
        assert!(!path("v1.32.1", "v1.33.4", &[]).unwrap().manifest.contains("via:"));
    }

    #[test]
    fn a_minor_may_be_gone_through_by_another_patch() {
        assert_eq!(path("v1.34.2", "v1.36.3", &["v1.35.1"]).unwrap().hops, ["v1.35.1", "v1.36.3"]);
        assert_eq!(path("v1.35.1", "v1.35.9", &[]).unwrap().hops, ["v1.35.9"]);
    }

    #[test]
    fn there_is_not_always_a_way() {
        assert!(path("v1.36.3", "v1.35.4", &[]).unwrap_err().contains("not downgraded"));
        assert!(path("v1.36.3", "v1.36.3", &[]).unwrap_err().contains("nothing to go through"));
        assert!(path("v1.20.0", "v1.36.3", &[]).unwrap_err().contains("the catalog knows no Kubernetes 1.21"));
        assert!(path("1.35", "v1.36.3", &[]).unwrap_err().contains("is no release"));
    }
}
