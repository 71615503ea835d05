//! Which versions exist, where they come from, what fits with what. Data for the connected side: inside the gap the
//! bundle's inventory is the one authority on what there is, and the catalog says no more than which of several tags of
//! one image goes with a release.

mod checksum;
mod source;
mod version;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use checksum::find_checksum;
pub use source::{Component, Source};

/// The catalog that this `kk` was built with; `manifests/catalog.yaml` in the source tree.
const BUILT_IN: &str = include_str!("../../manifests/catalog.yaml");

/// Components by name, and the versions that go with a minor of Kubernetes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalog {
    components: BTreeMap<String, Component>,
    #[serde(default)]
    defaults: Vec<Defaults>,
    /// What may be chosen for a manifest.
    #[serde(default)]
    pub choices: Choices,
}

/// What may be chosen when a manifest is made, by the names that cluster files have for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Choices {
    pub loadbalancers: BTreeMap<String, Choice>,
    pub networks: BTreeMap<String, Choice>,
    pub registries: BTreeMap<String, Choice>,
}

/// What one choice brings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Choice {
    /// Component name → version.
    pub versions: BTreeMap<String, String>,
    pub images: Vec<String>,
}

/// What goes with one minor of Kubernetes, and with those after it until the next entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// `1.35`
    pub kubernetes: String,
    /// The release of this minor that was looked at, and that upgrades go through: `v1.35.4`.
    #[serde(default)]
    pub release: Option<String>,
    /// Component name → version.
    pub versions: BTreeMap<String, String>,
    /// The images that kubeadm of this minor asks for by name, besides those of the release itself.
    #[serde(default)]
    pub images: Vec<String>,
}

/// Where one file of one version for one architecture lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The version that the address is made of: the asked one, or what it is an alias of.
    pub version: String,
    pub url: String,
    /// Last part of the address.
    pub file_name: String,
    /// Where its SHA-256 is published.
    pub checksum_url: Option<String>,
}

/// Why the catalog has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog is not usable: {reason}")]
    Unreadable { reason: String },
    #[error("no component is called \"{name}\"{}", did_you_mean(.close))]
    UnknownComponent { name: String, close: Option<String> },
    #[error("{name} is published for {published}, not for {arch}")]
    UnknownArch { name: String, arch: String, published: String },
    #[error("\"{version}\" cannot be a version of {name}")]
    Version { name: String, version: String },
}

fn did_you_mean(close: &Option<String>) -> String {
    close.as_ref().map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

impl Catalog {
    /// The catalog that this `kk` was built with.
    pub fn built_in() -> Result<Self, CatalogError> {
        Self::parse(BUILT_IN)
    }

    /// A catalog of the user's, in the form of `manifests/catalog.yaml`.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let catalog: Self = serde_saphyr::from_str(text)
            .map_err(|error| CatalogError::Unreadable { reason: error.to_string().trim().to_owned() })?;
        match catalog.components.iter().find(|(_, component)| component.sources.is_empty()) {
            Some((name, _)) => Err(CatalogError::Unreadable { reason: format!("{name} has no sources") }),
            None => Ok(catalog),
        }
    }

    /// Where a component lies for an architecture (`amd64`, `arm64`). The version may lack its `v`.
    pub fn locate(&self, name: &str, version: &str, arch: &str) -> Result<Location, CatalogError> {
        let component = self.components.get(name).ok_or_else(|| self.unknown(name))?;
        component.locate(name, version, arch)
    }

    /// What goes with a version of Kubernetes: the entry of the highest minor that is not above its own.
    pub fn defaults(&self, kubernetes: &str) -> Option<&Defaults> {
        self.defaults
            .iter()
            .filter(|entry| !version::is_before(kubernetes, &entry.kubernetes))
            .reduce(|best, entry| if version::is_before(&best.kubernetes, &entry.kubernetes) { entry } else { best })
    }

    /// One release of each minor that upgrades go through, lowest first.
    pub fn releases(&self) -> Vec<&str> {
        self.defaults.iter().filter_map(|entry| entry.release.as_deref()).collect()
    }

    /// Whether a version of Kubernetes is below another, or below a minor such as `1.31`.
    pub fn is_before(version: &str, limit: &str) -> bool {
        version::is_before(version, limit)
    }

    fn unknown(&self, name: &str) -> CatalogError {
        let close = self
            .components
            .keys()
            .map(|known| (strsim::damerau_levenshtein(name, known), known))
            .min()
            .filter(|(distance, known)| *distance <= known.len() / 3)
            .map(|(_, known)| known.clone());
        CatalogError::UnknownComponent { name: name.to_owned(), close }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(asked: &[(&str, &str, &str)]) -> String {
        let catalog = Catalog::built_in().unwrap();
        let mut out = String::new();
        for (name, version, arch) in asked {
            let location = catalog.locate(name, version, arch).unwrap();
            out += &format!("{}\n  {}\n", location.url, location.checksum_url.as_deref().unwrap_or("-"));
        }
        out
    }

    #[test]
    fn the_addresses_of_a_present_release() {
        insta::assert_snapshot!(lines(&[
            ("kubeadm", "v1.35.4", "amd64"),
            ("kubelet", "v1.35.4", "arm64"),
            ("kubectl", "v1.35.4", "amd64"),
            ("etcd", "v3.6.15", "amd64"),
            ("containerd", "v2.2.9", "amd64"),
            ("runc", "v1.4.3", "arm64"),
            ("cni", "v1.9.1", "amd64"),
            ("crictl", "v1.36.0", "amd64"),
            ("helm", "v3.22.0", "amd64"),
            ("docker-registry", "v3.1.2", "amd64"),
            ("k3s", "v1.35.4+k3s1", "amd64"),
            ("k3s", "v1.35.4+k3s1", "arm64"),
            ("calicoctl", "v3.31.2", "arm64"),
            ("cri-dockerd", "0.4.0", "amd64"),
        ]), @r"
        https://dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubeadm
          https://dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubeadm.sha256
        https://dl.k8s.io/release/v1.35.4/bin/linux/arm64/kubelet
          https://dl.k8s.io/release/v1.35.4/bin/linux/arm64/kubelet.sha256
        https://dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubectl
          https://dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubectl.sha256
        https://github.com/etcd-io/etcd/releases/download/v3.6.15/etcd-v3.6.15-linux-amd64.tar.gz
          https://github.com/etcd-io/etcd/releases/download/v3.6.15/SHA256SUMS
        https://github.com/containerd/containerd/releases/download/v2.2.9/containerd-2.2.9-linux-amd64.tar.gz
          https://github.com/containerd/containerd/releases/download/v2.2.9/containerd-2.2.9-linux-amd64.tar.gz.sha256sum
        https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.arm64
          https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.sha256sum
        https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz
          https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz.sha256
        https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.36.0/crictl-v1.36.0-linux-amd64.tar.gz
          https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.36.0/crictl-v1.36.0-linux-amd64.tar.gz.sha256
        https://get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz
          https://get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz.sha256sum
        https://github.com/distribution/distribution/releases/download/v3.1.2/registry_3.1.2_linux_amd64.tar.gz
          https://github.com/distribution/distribution/releases/download/v3.1.2/registry_3.1.2_linux_amd64.tar.gz.sha256
        https://github.com/k3s-io/k3s/releases/download/v1.35.4%2Bk3s1/k3s
          https://github.com/k3s-io/k3s/releases/download/v1.35.4%2Bk3s1/sha256sum-amd64.txt
        https://github.com/k3s-io/k3s/releases/download/v1.35.4%2Bk3s1/k3s-arm64
          https://github.com/k3s-io/k3s/releases/download/v1.35.4%2Bk3s1/sha256sum-arm64.txt
        https://github.com/projectcalico/calico/releases/download/v3.31.2/calicoctl-linux-arm64
          https://github.com/projectcalico/calico/releases/download/v3.31.2/SHA256SUMS
        https://github.com/Mirantis/cri-dockerd/releases/download/v0.4.0/cri-dockerd-0.4.0.amd64.tgz
          -
        ");
    }

    #[test]
    fn the_addresses_of_an_old_manifest() {
        insta::assert_snapshot!(lines(&[
            ("helm", "v3.6.3", "amd64"),
            ("cni", "v0.9.1", "arm64"),
            ("etcd", "v3.4.13", "amd64"),
            ("docker", "20.10.8", "amd64"),
            ("docker", "20.10.8", "arm64"),
            ("crictl", "v1.22.0", "amd64"),
            ("harbor", "v2.4.1", "amd64"),
            ("docker-compose", "v2.2.2", "amd64"),
            ("docker-compose", "v2.2.2", "arm64"),
            ("docker-compose", "1.29.2", "amd64"),
            ("docker-registry", "2", "amd64"),
            ("calicoctl", "v3.20.0", "amd64"),
        ]), @r"
        https://get.helm.sh/helm-v3.6.3-linux-amd64.tar.gz
          https://get.helm.sh/helm-v3.6.3-linux-amd64.tar.gz.sha256sum
        https://github.com/containernetworking/plugins/releases/download/v0.9.1/cni-plugins-linux-arm64-v0.9.1.tgz
          https://github.com/containernetworking/plugins/releases/download/v0.9.1/cni-plugins-linux-arm64-v0.9.1.tgz.sha256
        https://github.com/etcd-io/etcd/releases/download/v3.4.13/etcd-v3.4.13-linux-amd64.tar.gz
          https://github.com/etcd-io/etcd/releases/download/v3.4.13/SHA256SUMS
        https://download.docker.com/linux/static/stable/x86_64/docker-20.10.8.tgz
          -
        https://download.docker.com/linux/static/stable/aarch64/docker-20.10.8.tgz
          -
        https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.22.0/crictl-v1.22.0-linux-amd64.tar.gz
          https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.22.0/crictl-v1.22.0-linux-amd64.tar.gz.sha256
        https://github.com/goharbor/harbor/releases/download/v2.4.1/harbor-offline-installer-v2.4.1.tgz
          -
        https://github.com/docker/compose/releases/download/v2.2.2/docker-compose-linux-x86_64
          https://github.com/docker/compose/releases/download/v2.2.2/docker-compose-linux-x86_64.sha256
        https://github.com/docker/compose/releases/download/v2.2.2/docker-compose-linux-aarch64
          https://github.com/docker/compose/releases/download/v2.2.2/docker-compose-linux-aarch64.sha256
        https://github.com/docker/compose/releases/download/1.29.2/docker-compose-Linux-x86_64
          https://github.com/docker/compose/releases/download/1.29.2/docker-compose-Linux-x86_64.sha256
        https://github.com/distribution/distribution/releases/download/v2.8.3/registry_2.8.3_linux_amd64.tar.gz
          https://github.com/distribution/distribution/releases/download/v2.8.3/registry_2.8.3_linux_amd64.tar.gz.sha256
        https://github.com/projectcalico/calicoctl/releases/download/v3.20.0/calicoctl-linux-amd64
          -
        ");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let catalog = Catalog::built_in().unwrap();
        let error = |name, version, arch| catalog.locate(name, version, arch).unwrap_err().to_string();
        assert_eq!(
            error("contianerd", "v1", "amd64"),
            "no component is called \"contianerd\"; did you mean \"containerd\"?"
        );
        assert_eq!(error("zzz", "v1", "amd64"), "no component is called \"zzz\"");
        assert_eq!(error("harbor", "v2.4.1", "arm64"), "harbor is published for amd64, not for arm64");
        assert_eq!(error("helm", "v3.6.3", "amd46"), "helm is published for amd64, arm64, not for amd46");
        assert_eq!(error("helm", "../x", "amd64"), "\"../x\" cannot be a version of helm");
        assert_eq!(error("helm", "", "amd64"), "\"\" cannot be a version of helm");
    }

    #[test]
    fn defaults_are_those_of_the_highest_minor_not_above() {
        let catalog = Catalog::built_in().unwrap();
        let etcd = |version| catalog.defaults(version).map(|entry| entry.kubernetes.clone());
        assert_eq!(etcd("v1.35.4").as_deref(), Some("1.35"));
        assert_eq!(etcd("v1.35.0").as_deref(), Some("1.35"));
        assert_eq!(etcd("v1.40.0").as_deref(), Some("1.36"));
        assert_eq!(etcd("v1.28.3").as_deref(), Some("1.21"));
        assert_eq!(etcd("v1.33.13").as_deref(), Some("1.33"));
        assert_eq!(etcd("v1.2.0"), None);
    }
}
