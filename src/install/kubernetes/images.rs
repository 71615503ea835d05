//! Which images a cluster asks for, by the names it asks for them.

use crate::bundle::Inventory;
use crate::cluster::{Cluster, Host};
use crate::install::sources::{image_in, image_of_release};

/// One image that nodes will ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    /// The repository, as in `registry.k8s.io/pause`.
    pub repository: String,
    /// Exactly this tag, or whatever the bundle holds where kubeadm takes it from the configuration that we write.
    pub tag: Option<String>,
    /// Where no tag is named: the release of Kubernetes that has one of its own.
    pub release: Option<String>,
    /// Why it is asked for.
    pub because: &'static str,
}

impl Needed {
    /// The bundle's image that serves this need.
    pub fn in_bundle(&self, inventory: &Inventory) -> Option<String> {
        match &self.tag {
            Some(tag) => {
                let reference = format!("{}:{tag}", self.repository);
                inventory.image(&reference).map(|image| image.reference.clone())
            }
            None => match &self.release {
                Some(release) => image_of_release(inventory, &self.repository, release).map(str::to_owned),
                None => image_in(inventory, &self.repository).map(str::to_owned),
            },
        }
    }

    /// For messages: `registry.k8s.io/pause:3.10.1`, or `registry.k8s.io/pause` of any tag.
    pub fn describe(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.repository.clone(),
        }
    }
}

fn need(repository: &str, tag: Option<&str>, because: &'static str) -> Needed {
    Needed { repository: repository.into(), tag: tag.map(str::to_owned), release: None, because }
}

/// One of which each release has a tag of its own.
fn need_of(release: &str, repository: &str, because: &'static str) -> Needed {
    Needed { release: Some(release.to_owned()), ..need(repository, None, because) }
}

/// The image of CoreDNS, whose pods may come to lie on any node.
pub fn dns(cluster: &Cluster) -> Needed {
    need_of(&cluster.spec.kubernetes.version, "registry.k8s.io/coredns/coredns", "DNS in the cluster")
}

/// Every image that this cluster asks for.
pub fn needed(cluster: &Cluster) -> Vec<Needed> {
    let mut all: Vec<Needed> = cluster.nodes().into_iter().flat_map(|host| needed_by(cluster, host)).collect();
    all.push(dns(cluster));
    all.sort();
    all.dedup();
    all
}

/// The images that one node asks for as soon as it starts.
pub fn needed_by(cluster: &Cluster, host: &Host) -> Vec<Needed> {
    let version = cluster.spec.kubernetes.version.as_str();
    let mut images = vec![need_of(version, "registry.k8s.io/pause", "the sandbox of every pod")];
    if !cluster.spec.kubernetes.disable_kube_proxy {
        images.push(need("registry.k8s.io/kube-proxy", Some(version), "services on every node"));
    }
    let control_plane = cluster.has_role(&host.name, "control-plane");
    if control_plane {
        for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            images.push(need(&format!("registry.k8s.io/{name}"), Some(version), "the control plane"));
        }
    } else if cluster.spec.control_plane_endpoint.internal_loadbalancer == "haproxy" {
        images.push(need("docker.io/library/haproxy", None, "internalLoadbalancer: haproxy"));
    }
    if cluster.spec.network.plugin == "flannel" {
        images.push(need("ghcr.io/flannel-io/flannel", None, "network.plugin: flannel"));
        images.push(need("ghcr.io/flannel-io/flannel-cni-plugin", None, "network.plugin: flannel"));
    }
    images
}
