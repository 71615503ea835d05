//! What a cluster file needs, by role and architecture.

use std::collections::BTreeSet;

use crate::chart::Named;
use crate::cluster::{Cluster, REGISTRY};
use crate::digest::Digest;
use crate::image::Reference;
use crate::install::kubernetes;
use crate::plan::Extent;

/// Components by the role that needs them. Kubernetes' own are wanted in the cluster file's version.
const BY_ROLE: &[(&str, &[&str])] = &[
    ("node", &["kubeadm", "kubelet", "kubectl", "containerd", "runc", "cni", "crictl"]),
    ("etcd", &["etcd"]),
    (REGISTRY, &["docker-registry"]),
];

/// Everything that a cluster file needs.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub components: BTreeSet<NeededComponent>,
    pub packages: BTreeSet<NeededPackages>,
    pub charts: BTreeSet<NeededChart>,
    pub images: BTreeSet<NeededImage>,
    /// Images that may be asked for.
    pub possible: BTreeSet<NeededImage>,
    /// What is known to be missing or wrong without a look at the inventory: what, and what needs it.
    pub faults: BTreeSet<(String, String)>,
    /// Architectures of the hosts that become nodes: every image is needed for each of them.
    pub arches: BTreeSet<String>,
}

/// A program for an architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededComponent {
    pub name: String,
    /// Any where none is named.
    pub version: Option<String>,
    pub arch: String,
    pub because: String,
}

/// Packages of an operating system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededPackages {
    pub arch: String,
    pub because: String,
}

/// A Helm chart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededChart {
    pub name: String,
    /// Any where none is named.
    pub version: Option<String>,
    pub because: String,
}

/// An image, by the name that it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededImage {
    /// `registry.k8s.io/pause`
    pub repository: String,
    pub asked: Asked,
    pub because: String,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Whatever the bundle holds: its name is written into the configuration by `kk`.
    Any,
    Tag(String),
    /// Of an index or of a platform's manifest; the tag before it counts for nothing, as for container runtimes.
    Digest(Digest),
}

impl NeededImage {
    /// From what an object names.
    fn named(image: &Reference, because: String) -> Self {
        let asked = match (image.digest(), image.tag()) {
            (Some(digest), _) => Asked::Digest(*digest),
            (None, Some(tag)) => Asked::Tag(tag.to_owned()),
            (None, None) => Asked::Tag("latest".to_owned()),
        };
        Self { repository: format!("{}/{}", image.host(), image.repository()), asked, because }
    }

    /// For messages.
    pub fn describe(&self) -> String {
        match &self.asked {
            Asked::Any => self.repository.clone(),
            Asked::Tag(tag) => format!("{}:{tag}", self.repository),
            Asked::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }
}

impl Needs {
    /// What an installation needs. `arch_of` gives a host's architecture, declared or found.
    pub fn of(cluster: &Cluster, arch_of: impl Fn(&str) -> String) -> Self {
        Self::within(Extent::Cluster, cluster, arch_of)
    }

    /// What an installation needs that goes so far.
    pub fn within(extent: Extent, cluster: &Cluster, arch_of: impl Fn(&str) -> String) -> Self {
        let mut needs = Self::default();
        let roles = BY_ROLE.iter().filter(|(role, _)| match extent {
            Extent::Os => false,
            Extent::Registry => *role == REGISTRY,
            Extent::Cluster => true,
        });
        for (role, components) in roles {
            needs.add_components(cluster, role, components, &arch_of);
        }
        let system = &cluster.spec.system;
        for (list, field) in [(&system.rpms, "spec.system.rpms"), (&system.debs, "spec.system.debs")] {
            if !list.is_empty() {
                let arches = extent.hosts(cluster).into_iter().map(|host| arch_of(&host.name));
                needs.packages.extend(arches.map(|arch| NeededPackages { arch, because: field.to_owned() }));
            }
        }
        if extent == Extent::Cluster {
            needs.add_images_and_charts(cluster);
        }
        needs
    }

    fn add_components(&mut self, cluster: &Cluster, role: &str, components: &[&str], arch_of: impl Fn(&str) -> String) {
        let version = cluster.spec.kubernetes.version.as_str();
        let hosts = if role == "node" { cluster.nodes() } else { cluster.hosts_of(role) };
        let arches: BTreeSet<String> = hosts.iter().map(|host| arch_of(&host.name)).collect();
        let because = if role == "node" { "hosts that become nodes".into() } else { format!("role {role}") };
        for (arch, name) in arches.iter().flat_map(|arch| components.iter().map(move |name| (arch, *name))) {
            let ours = matches!(name, "kubeadm" | "kubelet" | "kubectl");
            self.components.insert(NeededComponent {
                name: name.to_owned(),
                version: ours.then(|| version.to_owned()),
                arch: arch.clone(),
                because: because.clone(),
            });
        }
        if role == "node" {
            self.arches = arches;
        }
    }

    fn add_images_and_charts(&mut self, cluster: &Cluster) {
        for needed in kubernetes::needed(cluster) {
            self.images.insert(NeededImage {
                repository: needed.repository,
                asked: needed.tag.map_or(Asked::Any, Asked::Tag),
                because: needed.because.to_owned(),
            });
        }
        for addon in &cluster.spec.addons {
            // A chart on the operator's own disk needs no bundle.
            if let Some(chart) = addon.sources.chart.as_ref().filter(|chart| chart.path.is_empty()) {
                self.charts.insert(NeededChart {
                    name: chart.name.clone(),
                    version: Some(chart.version.clone()).filter(|version| !version.is_empty()),
                    because: format!("addon {}", addon.name),
                });
            }
        }
    }

    /// Adds what `kubeadm config images list` names and this cluster file does not turn off: kubeadm pulls by these
    /// names before it starts, whatever containerd is told of the sandbox.
    pub fn add_kubeadms(&mut self, cluster: &Cluster, listed: &[Reference]) {
        let kubernetes = &cluster.spec.kubernetes;
        for image in listed {
            let one = NeededImage::named(image, format!("kubeadm {}", kubernetes.version));
            let turned_off = match one.repository.rsplit('/').next().unwrap_or_default() {
                "etcd" => cluster.spec.etcd.kind != "kubeadm",
                "kube-proxy" => kubernetes.disable_kube_proxy,
                // Its tag is written into kubeadm's configuration from what the bundle holds.
                "coredns" => true,
                _ => false,
            };
            let known =
                self.images.iter().any(|other| (&other.repository, &other.asked) == (&one.repository, &one.asked));
            if !turned_off && !known {
                self.images.insert(one);
            }
        }
    }

    /// Adds something that is missing or wrong, whatever the bundle holds.
    pub fn fault(&mut self, what: String, because: &str) {
        self.faults.insert((what, because.to_owned()));
    }

    /// Adds the images that objects name, which are there for `because`: `addon web`, `chart web 1.2.3`.
    pub fn add(&mut self, because: &str, named: &BTreeSet<Named>) {
        for one in named {
            let image = NeededImage::named(&one.image, format!("{because}: {}", one.place));
            let list = if one.certain { &mut self.images } else { &mut self.possible };
            list.insert(image);
        }
    }
}
