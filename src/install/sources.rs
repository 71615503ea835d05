//! From names to entries of the bundle.

use super::{Inputs, InstallError};
use crate::bundle::inventory::Component;
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

    /// The tag of the bundle's only image in this repository, such as `registry.k8s.io/pause`. Where there are several,
    /// the last by name.
    pub fn image_in(&self, repository: &str) -> Result<&str, InstallError> {
        image_in(self.inventory, repository)
            .ok_or_else(|| InstallError::MissingImage { reference: format!("{repository}:…") })
    }
}

/// The bundle's last image in this repository.
pub fn image_in<'a>(inventory: &'a crate::bundle::Inventory, repository: &str) -> Option<&'a str> {
    inventory
        .images
        .iter()
        .rev()
        .map(|image| image.reference.as_str())
        .find(|reference| reference.strip_prefix(repository).is_some_and(|rest| rest.starts_with([':', '@'])))
}

/// Kubernetes' own binaries are wanted in the cluster file's version, all else in the bundle's.
fn kubernetes_version<'a>(component: &str, version: &'a str) -> Option<&'a str> {
    (matches!(component, "kubeadm" | "kubelet" | "kubectl") && !version.is_empty()).then_some(version)
}

fn source_of(component: &Component) -> Source {
    Source { path: component.entry.path.clone(), sha256: component.entry.sha256, size: component.entry.size }
}
