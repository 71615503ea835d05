//! Will this bundle suffice for this cluster file? Everything that is missing, at once.

use std::collections::BTreeSet;

use crate::bundle::Inventory;
use crate::cluster::Cluster;
use crate::install::kubernetes;

/// One thing that the cluster file needs and the bundle lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// `component kubelet v1.35.4 for amd64`, `image registry.k8s.io/pause`.
    pub what: String,
    /// What needs it.
    pub because: String,
}

/// Components by the role that needs them. Kubernetes' own are wanted in the cluster file's version.
const BY_ROLE: &[(&str, &[&str])] = &[
    ("node", &["kubeadm", "kubelet", "kubectl", "containerd", "runc", "cni", "crictl"]),
    ("etcd", &["etcd"]),
    ("registry", &["docker-registry"]),
];

/// Everything that is missing, sorted; empty when the bundle suffices.
///
/// `arch_of` gives a host's architecture, declared or found.
pub fn missing(cluster: &Cluster, inventory: &Inventory, arch_of: impl Fn(&str) -> String) -> Vec<Missing> {
    let mut missing = BTreeSet::new();
    let version = cluster.spec.kubernetes.version.as_str();
    for (role, components) in BY_ROLE {
        let hosts = if *role == "node" { cluster.nodes() } else { cluster.hosts_of(role) };
        let arches: BTreeSet<String> = hosts.iter().map(|host| arch_of(&host.name)).collect();
        for arch in arches {
            for name in *components {
                let ours = matches!(*name, "kubeadm" | "kubelet" | "kubectl");
                let there = if ours {
                    inventory.component_at(name, version, &arch).is_some()
                } else {
                    inventory.component(name, &arch).is_some()
                };
                if !there {
                    let version = if ours { format!(" {version}") } else { String::new() };
                    let what = format!("component {name}{version} for {arch}");
                    let because =
                        if *role == "node" { "hosts that become nodes".into() } else { format!("role {role}") };
                    missing.insert(Missing { what, because });
                }
            }
        }
    }
    let arches: BTreeSet<String> = cluster.nodes().iter().map(|host| arch_of(&host.name)).collect();
    for needed in kubernetes::needed(cluster) {
        let because = needed.because.to_owned();
        match needed.in_bundle(inventory).and_then(|reference| inventory.image(&reference)) {
            None => {
                missing.insert(Missing { what: format!("image {}", needed.describe()), because });
            }
            Some(image) => {
                for arch in &arches {
                    let wanted = format!("linux/{arch}");
                    let there = image.platforms.iter().any(|platform| {
                        platform.platform == wanted || platform.platform.starts_with(&format!("{wanted}/"))
                    });
                    if !there {
                        let what = format!("image {} for {arch}", image.reference);
                        missing.insert(Missing { what, because: because.clone() });
                    }
                }
            }
        }
    }
    missing.into_iter().collect()
}
