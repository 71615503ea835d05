//! How many bytes an installation puts where.

use std::collections::BTreeMap;

use crate::bundle::Inventory;
use crate::cluster::{Cluster, ETCD, Host, REGISTRY};
use crate::install::{kubernetes, os};
use crate::plan::Extent;

/// Components that every node gets.
const NODE_COMPONENTS: &[&str] = &["kubeadm", "kubelet", "kubectl", "containerd", "runc", "cni", "crictl"];
/// An archive and what it becomes when it is unpacked, in sizes of the archive.
const UNPACKED: u64 = 4;
/// An image's compressed layers and what they become, in sizes of the layers.
const PULLED: u64 = 4;
/// What grows while a node starts: logs, the kubelet's own files, pods' volumes.
const NODE_ROOM: u64 = 512 << 20;
/// What etcd needs to begin with: two write-ahead logs are allocated in advance, and snapshots follow.
const ETCD_ROOM: u64 = 512 << 20;

/// What the bundle brings for this cluster.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Architectures that the bundle is for.
    pub arches: Vec<String>,
    /// Host → folder → bytes.
    pub bytes: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Needs {
    /// Estimates, rather too much than too little. Where the architecture of a host is not declared, the larger counts.
    pub fn of(cluster: &Cluster, inventory: &Inventory) -> Self {
        let mut needs = Self { arches: inventory.arches.clone(), ..Self::default() };
        let registry: u64 = inventory.blobs.iter().map(|blob| blob.size).sum();
        for host in &cluster.spec.hosts {
            let has = |role: &str| cluster.has_role(&host.name, role);
            let mut folders: BTreeMap<String, u64> = BTreeMap::new();
            let mut add = |folder: &str, bytes: u64| *folders.entry(folder.to_string()).or_default() += bytes;
            let mut components = Vec::new();
            if cluster.nodes().iter().any(|node| node.name == host.name) {
                components.extend(NODE_COMPONENTS);
                add(
                    or(&cluster.spec.registry.containerd_data_dir, "/var/lib/containerd"),
                    images(cluster, inventory, host),
                );
                add("/var/lib/kubelet", NODE_ROOM);
            }
            if has(ETCD) && cluster.spec.etcd.kind != "external" {
                components.push("etcd");
                add(or(&cluster.spec.etcd.data_dir, "/var/lib/etcd"), ETCD_ROOM);
            }
            if has(REGISTRY) {
                components.push("docker-registry");
                add(or(&cluster.spec.registry.registry_data_dir, "/mnt/registry"), registry);
            }
            for name in components {
                let (staged, placed) = component(inventory, name, host);
                add(os::STATE, staged);
                add("/usr/local", placed);
            }
            needs.bytes.insert(host.name.clone(), folders);
        }
        needs
    }

    /// The same for an installation that goes so far. Operating systems take no room worth a check. A registry is there
    /// for the bundle's images, whoever pushes them and when, and its hosts are looked at for all that is to come: once
    /// something lies there, a full disk is a warning and no more.
    pub fn within(extent: Extent, cluster: &Cluster, inventory: &Inventory) -> Self {
        match extent {
            Extent::Os => Self { arches: inventory.arches.clone(), ..Self::default() },
            Extent::Registry | Extent::Cluster => Self::of(cluster, inventory),
        }
    }

    /// The folders of a host and the bytes that each needs.
    pub(super) fn of_host(&self, host: &str) -> impl Iterator<Item = (&str, u64)> {
        self.bytes.get(host).into_iter().flatten().map(|(folder, bytes)| (folder.as_str(), *bytes))
    }
}

fn or<'a>(folder: &'a str, default: &'a str) -> &'a str {
    match folder.is_empty() {
        true => default,
        false => folder,
    }
}

fn matches(host: &Host, arch: &str) -> bool {
    host.arch.as_deref().is_none_or(|declared| declared == arch)
}

/// Bytes of a component as it arrives, and as it is placed.
fn component(inventory: &Inventory, name: &str, host: &Host) -> (u64, u64) {
    let ours = inventory.components.iter().filter(|component| component.name == name && matches(host, &component.arch));
    let Some(largest) = ours.max_by_key(|component| component.entry.size) else { return (0, 0) };
    let path = &largest.entry.path;
    let factor = if path.ends_with(".tgz") || path.ends_with(".gz") { UNPACKED } else { 1 };
    (largest.entry.size, largest.entry.size.saturating_mul(factor))
}

/// Bytes of the images that a node pulls as soon as it starts.
fn images(cluster: &Cluster, inventory: &Inventory, host: &Host) -> u64 {
    let mut bytes = 0u64;
    for needed in kubernetes::needed_by(cluster, host) {
        let Some(image) = needed.in_bundle(inventory).and_then(|reference| inventory.image(&reference)) else {
            continue;
        };
        let platforms = image
            .platforms
            .iter()
            .filter(|platform| platform.platform.split('/').nth(1).is_none_or(|arch| matches(host, arch)));
        let largest = platforms
            .map(|platform| {
                platform.blobs.iter().filter_map(|digest| inventory.blob(digest)).map(|blob| blob.size).sum::<u64>()
            })
            .max();
        bytes = bytes.saturating_add(largest.unwrap_or(0).saturating_mul(PULLED));
    }
    bytes
}
