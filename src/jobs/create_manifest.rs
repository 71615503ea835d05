//! `kk create manifest`: what a highly available cluster of some versions needs, as a manifest.

use super::create_config::{check_name, check_version};
use super::{JobError, Kind};
use crate::catalog::{Catalog, Defaults};
use crate::cluster::validate::API_VERSION;

/// The manifest whose registry, load balancer and network are taken over: they do not depend on Kubernetes' version.
const SAMPLE: &str = include_str!("../../manifests/samples/manifest-v1.35.yaml");

/// Images of a release of Kubernetes.
const RELEASE: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];

/// A manifest for these versions of Kubernetes and architectures.
pub fn text(name: &str, versions: &[String], arches: &[String]) -> Result<String, JobError> {
    check_name(name)?;
    versions.iter().try_for_each(|version| check_version(version))?;
    if let Some(arch) = arches.iter().find(|arch| !["amd64", "arm64"].contains(&arch.as_str())) {
        return Err(JobError::new(Kind::Usage, format!("{arch:?} is no architecture that kk knows"))
            .hint("known are amd64 and arm64"));
    }
    let catalog =
        Catalog::built_in().map_err(|source| JobError::internal("cannot read the built-in catalog", source))?;
    let mut images = Vec::new();
    let mut newest: Option<&Defaults> = None;
    for version in versions {
        let defaults = catalog.defaults(version).ok_or_else(|| {
            JobError::new(Kind::Usage, format!("the catalog does not know what goes with Kubernetes {version}"))
        })?;
        images.extend(RELEASE.iter().map(|image| format!("registry.k8s.io/{image}:{version}")));
        images.extend(defaults.images.iter().cloned());
        newest = newest.filter(|newest| minor(newest) >= minor(defaults)).or(Some(defaults));
    }
    let others = SAMPLE.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let others = others.filter(|image| image.contains('/') && !image.starts_with("registry.k8s.io/"));
    images.extend(others.map(str::to_owned));
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(image.clone()));

    let of = |component: &str| newest.and_then(|newest| newest.versions.get(component)).map_or("", String::as_str);
    let registry = SAMPLE.lines().find_map(|line| line.trim().strip_prefix("docker-registry: ")).unwrap_or("{}");
    let distributions: String =
        versions.iter().map(|version| format!("    - {{type: kubernetes, version: {version}}}\n")).collect();
    let list: String = images.iter().map(|image| format!("    - {image}\n")).collect();
    Ok(format!(
        "# What to carry across the gap for a highly available cluster of Kubernetes {versions}.\n\
         # `kk artifact export -m FILE` makes one file of it that holds all that the datacenter needs.\n\
         # Further images of your own belong at the end of the list.\n\
         apiVersion: {API_VERSION}\n\
         kind: Manifest\n\
         metadata:\n  name: {name}\n\
         spec:\n  arches: [{arches}]\n  operatingSystems: []\n  kubernetesDistributions:\n{distributions}  \
         components:\n    helm: {{version: {helm}}}\n    cni: {{version: {cni}}}\n    etcd: {{version: {etcd}}}\n    \
         containerRuntimes:\n    - {{type: containerd, version: {containerd}}}\n    runc: {{version: {runc}}}\n    \
         crictl: {{version: {crictl}}}\n    docker-registry: {registry}\n  images:\n{list}",
        versions = versions.join(", "),
        arches = arches.join(", "),
        helm = of("helm"),
        cni = of("cni"),
        etcd = of("etcd"),
        containerd = of("containerd"),
        runc = of("runc"),
        crictl = of("crictl"),
    ))
}

/// `1.35` as numbers, for comparing.
fn minor(defaults: &Defaults) -> Vec<u32> {
    defaults.kubernetes.split('.').filter_map(|part| part.parse().ok()).collect()
}
