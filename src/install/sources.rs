//! From names to entries of the bundle.

use std::sync::LazyLock;

use super::{Inputs, InstallError};
use crate::bundle::Inventory;
use crate::bundle::inventory::Component;
use crate::catalog::Catalog;
use crate::cluster::Host;
use crate::host::part::Source;

impl Inputs<'_> {
    /// The bundle's component of this name for this host's architecture.
    pub fn component(&self, name: &str, host: &Host) -> Result<&Component, InstallError> {
        let arch = &self.found(host)?.arch;
        let found = match kubernetes_version(name, &self.cluster.spec.kubernetes.version) {
            Some(version) => self.inventory.component_at(name, version, arch),
            None => self.inventory.component(name, arch),
        };
        found.ok_or_else(|| InstallError::MissingComponent { component: name.into(), arch: arch.clone() })
    }

    /// The bytes of a component for a host.
    pub fn source(&self, name: &str, host: &Host) -> Result<Source, InstallError> {
        Ok(source_of(self.component(name, host)?))
    }

    /// The bundle's image in a repository of which each release has a tag of its own, such as `registry.k8s.io/pause`.
    pub fn image_of_release(&self, repository: &str) -> Result<&str, InstallError> {
        image_of_release(self.inventory, repository, &self.cluster.spec.kubernetes.version)
            .ok_or_else(|| InstallError::MissingImage { reference: format!("{repository}:…") })
    }

    /// The tag of the bundle's only image in this repository, such as `ghcr.io/flannel-io/flannel`. Where there are
    /// several, the highest.
    pub fn image_in(&self, repository: &str) -> Result<&str, InstallError> {
        image_in(self.inventory, repository)
            .ok_or_else(|| InstallError::MissingImage { reference: format!("{repository}:…") })
    }
}

/// The bundle's image in this repository; of several the highest, as versions are compared.
pub fn image_in<'a>(inventory: &'a Inventory, repository: &str) -> Option<&'a str> {
    let tag = |reference: &'a str| reference.strip_prefix(repository)?.strip_prefix([':', '@']);
    let all = inventory.images.iter().map(|image| image.reference.as_str());
    let all = all.filter_map(|reference| Some((tag(reference)?, reference)));
    all.reduce(|best, next| if Catalog::is_before(next.0, best.0) { best } else { next })
        .map(|(_, reference)| reference)
}

/// The same for a repository of which each release of Kubernetes has a tag of its own. A bundle for an upgrade over
/// several releases holds one for each; the catalog says which of them goes with which, and the bundle which there are.
pub fn image_of_release<'a>(inventory: &'a Inventory, repository: &str, kubernetes: &str) -> Option<&'a str> {
    /// Read once: a plan for many hosts asks for each of them.
    static CATALOG: LazyLock<Option<Catalog>> = LazyLock::new(|| Catalog::built_in().ok());
    let named = CATALOG.as_ref().and_then(|catalog| catalog.defaults(kubernetes)).and_then(|defaults| {
        let of_repository = |image: &&String| image.strip_prefix(repository).is_some_and(|rest| rest.starts_with(':'));
        inventory.image(defaults.images.iter().find(of_repository)?)
    });
    named.map(|image| image.reference.as_str()).or_else(|| image_in(inventory, repository))
}

/// Kubernetes' own binaries are wanted in the cluster file's version, all else in the bundle's.
fn kubernetes_version<'a>(component: &str, version: &'a str) -> Option<&'a str> {
    (matches!(component, "kubeadm" | "kubelet" | "kubectl") && !version.is_empty()).then_some(version)
}

/// The bytes of a component.
pub(super) fn source_of(component: &Component) -> Source {
    Source { path: component.entry.path.clone(), sha256: component.entry.sha256, size: component.entry.size }
}
