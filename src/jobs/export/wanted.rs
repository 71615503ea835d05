//! What a manifest asks for, with every mistake in it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::carried::{self, Carried};
use super::component::WantedComponent;
use super::kk;
use super::source::Source;
use crate::catalog::{Catalog, CatalogError};
use crate::event::{Event, Events};
use crate::image::{Platform, Reference};
use crate::jobs::{JobError, Kind};
use crate::manifest::ManifestSpec;

/// All that is to be carried.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Architectures as Go names them, sorted.
    pub arches: Vec<String>,
    /// What of each image.
    pub platforms: Vec<Platform>,
    pub components: Vec<WantedComponent>,
    /// Packages, charts and plain files.
    pub carried: Vec<Carried>,
    pub images: Vec<Reference>,
}

impl Wanted {
    /// `executables` are those of `kk` that the user named, by architecture.
    pub fn of(
        source: &Source,
        catalog: &Catalog,
        executables: &BTreeMap<String, PathBuf>,
        events: &Events,
    ) -> Result<Self, JobError> {
        let spec = &source.manifest.spec;
        let mut mistakes = Vec::new();
        let platforms = platforms(spec, &mut mistakes);
        let arches: BTreeSet<String> = platforms.iter().map(|platform| platform.arch.clone()).collect();
        let arches: Vec<String> = arches.into_iter().collect();
        let components = components(spec, &arches, catalog, executables, events, &mut mistakes);
        let images = images(spec, &mut mistakes);
        let carried = carried::of(source, &components, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(JobError::new(Kind::File, "the manifest asks for what cannot be exported").details(mistakes));
        }
        Ok(Self { arches, platforms, components, carried, images })
    }
}

fn platforms(spec: &ManifestSpec, mistakes: &mut Vec<String>) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for arch in &spec.arches {
        match arch.parse::<Platform>() {
            Ok(platform) if platform.os != "linux" => mistakes.push(format!("spec.arches: {arch} is not for Linux")),
            Ok(platform) if !platforms.contains(&platform) => platforms.push(platform),
            Ok(_) => {}
            Err(error) => mistakes.push(format!("spec.arches: {error}")),
        }
    }
    if spec.arches.is_empty() {
        mistakes.push("spec.arches is empty: name at least one, such as amd64".to_owned());
    }
    platforms
}

/// Name and version of every component, the same for all architectures.
fn versions(
    spec: &ManifestSpec,
    catalog: &Catalog,
    events: &Events,
    mistakes: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut versions = Vec::new();
    for distribution in &spec.kubernetes_distributions {
        let version = distribution.version.clone();
        match distribution.kind.as_str() {
            "kubernetes" => {
                versions.extend(["kubeadm", "kubelet", "kubectl"].map(|name| (name.to_owned(), version.clone())));
            }
            "k3s" if version.contains('+') => versions.push(("k3s".to_owned(), version)),
            // Existing files name the release of Kubernetes alone, and mean its first build.
            "k3s" => versions.push(("k3s".to_owned(), format!("{}+k3s1", version.trim_end_matches("-k3s")))),
            other => {
                mistakes.push(format!("Kubernetes distribution \"{other}\" cannot be carried: kubernetes and k3s can"))
            }
        }
    }
    versions.extend(spec.components.wanted());
    let has = |versions: &[(String, String)], name: &str| versions.iter().any(|(known, _)| known == name);
    let newest = spec.kubernetes_distributions.last().map_or("v999", |distribution| distribution.version.as_str());
    // What existing manifests cannot name, but a runtime cannot do without.
    for (runtime, companion) in [("containerd", "runc"), ("docker", "cri-dockerd")] {
        let default = catalog.defaults(newest).and_then(|defaults| defaults.versions.get(companion));
        if let Some(version) = default.filter(|_| has(&versions, runtime) && !has(&versions, companion)) {
            let message = format!("{runtime} needs {companion}, which the manifest does not name: taking {version}.");
            events.emit(Event::Note { message });
            versions.push((companion.to_owned(), version.clone()));
        }
    }
    versions.sort();
    versions.dedup();
    versions
}

fn components(
    spec: &ManifestSpec,
    arches: &[String],
    catalog: &Catalog,
    executables: &BTreeMap<String, PathBuf>,
    events: &Events,
    mistakes: &mut Vec<String>,
) -> Vec<WantedComponent> {
    let mut components = Vec::new();
    for (name, version) in versions(spec, catalog, events, mistakes) {
        if name == kk::NAME {
            kk::components(&version, arches, catalog, executables, &mut components, mistakes);
            continue;
        }
        let mut unpublished = Vec::new();
        for arch in arches {
            match catalog.locate(&name, &version, arch) {
                Ok(location) => components.push(WantedComponent {
                    name: name.clone(),
                    version: version.clone(),
                    arch: arch.clone(),
                    location,
                    local: None,
                }),
                Err(error @ CatalogError::UnknownArch { .. }) => unpublished.push(error.to_string()),
                Err(error) => {
                    mistakes.push(error.to_string());
                    break;
                }
            }
        }
        if unpublished.len() == arches.len() {
            mistakes.append(&mut unpublished);
        }
        // Harbor is for amd64 alone, and may still serve a cluster of both architectures.
        for message in unpublished {
            events.emit(Event::Warning { message: format!("{message}. Only the former is carried.") });
        }
    }
    components
}

fn images(spec: &ManifestSpec, mistakes: &mut Vec<String>) -> Vec<Reference> {
    let mut images = Vec::new();
    for text in &spec.images {
        match text.parse::<Reference>() {
            Ok(reference) => images.push(reference),
            Err(error) => mistakes.push(error.to_string()),
        }
    }
    images.sort();
    images.dedup();
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::silent;

    fn wanted(spec: &str) -> Result<Wanted, JobError> {
        let text = format!(
            "{{apiVersion: kubekey.kubesphere.io/v1alpha2, kind: Manifest, metadata: {{name: x}}, spec: {spec}}}"
        );
        let manifest = serde_saphyr::from_str(&text).unwrap();
        let source = Source { manifest, text, folder: PathBuf::new() };
        Wanted::of(&source, &Catalog::built_in().unwrap(), &BTreeMap::new(), &silent())
    }

    fn paths(spec: &str) -> Vec<String> {
        wanted(spec).unwrap().components.iter().map(WantedComponent::path).collect()
    }

    #[test]
    fn every_component_lies_at_a_path_of_its_own() {
        let spec = "{arches: [amd64, aarch64], kubernetesDistributions: [{type: kubernetes, version: v1.35.4}],
            components: {containerRuntimes: [{type: containerd, version: 2.2.9}], harbor: {version: v2.4.1}}}";
        insta::assert_snapshot!(paths(spec).join("\n"), @r"
        files/containerd/2.2.9/amd64/containerd-2.2.9-linux-amd64.tar.gz
        files/containerd/2.2.9/arm64/containerd-2.2.9-linux-arm64.tar.gz
        files/harbor/v2.4.1/amd64/harbor-offline-installer-v2.4.1.tgz
        files/kubeadm/v1.35.4/amd64/kubeadm
        files/kubeadm/v1.35.4/arm64/kubeadm
        files/kubectl/v1.35.4/amd64/kubectl
        files/kubectl/v1.35.4/arm64/kubectl
        files/kubelet/v1.35.4/amd64/kubelet
        files/kubelet/v1.35.4/arm64/kubelet
        files/runc/v1.4.3/amd64/runc.amd64
        files/runc/v1.4.3/arm64/runc.arm64
        ");
        assert_eq!(
            paths("{kubernetesDistributions: [{type: k3s, version: v1.21.6-k3s}]}"),
            ["files/k3s/v1.21.6+k3s1/amd64/k3s"]
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let spec = "{arches: [arm64, 'x y'], kubernetesDistributions: [{type: k8e, version: v1.21.5}],
            components: {harbor: {version: v2.4.1}, helm: {version: latest}, crictl: {version: v1.22.0}}, images: ['ok:1', 'Bad:1', 'http://x/y'],
            files: [{name: crictl/x, url: https://x/y}],
            charts: [{name: web, version: 1.0.0, path: a}, {name: web, version: 1.0.0, path: b}]}";
        let error = wanted(spec).unwrap_err();
        insta::assert_snapshot!(error.details.join("\n"), @r#"
        spec.arches: "x y" is not a platform: write amd64, arm64, arm/v7 or linux/amd64
        Kubernetes distribution "k8e" cannot be carried: kubernetes and k3s can
        harbor is published for amd64, not for arm64
        "latest" cannot be a version of helm
        "Bad:1" is not an image reference: its name has upper-case letters; registries accept lower case only
        "http://x/y" is not an image reference: it begins with a scheme; write only host/name:tag
        the file "crictl/x" would lie among those of the component of that name
        chart web 1.0.0: there is no a
        chart web 1.0.0: there is no b
        chart web 1.0.0 is named twice
        "#);
    }
}
