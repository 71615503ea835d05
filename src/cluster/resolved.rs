//! A cluster file with every default filled in, and what planners ask of it.

use std::path::PathBuf;

use super::{ClusterSpec, Host};

/// Name of the role of control planes; KubeKey's files may say `master` too.
pub const CONTROL_PLANE: &str = "control-plane";
/// Name of the role of hosts that run pods.
pub const WORKER: &str = "worker";
/// Name of the role of hosts that run etcd.
pub const ETCD: &str = "etcd";
/// Name of the role of hosts that run the private registry.
pub const REGISTRY: &str = "registry";

/// A cluster file that was checked, with every default filled in: addresses, expanded role groups, the name of the
/// registry.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `metadata.name`.
    pub name: String,
    pub spec: ClusterSpec,
    /// The file that it was read from.
    pub path: PathBuf,
}

impl Cluster {
    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.spec.hosts.iter().find(|host| host.name == name)
    }

    /// The hosts of a role, in the order in which the role names them.
    pub fn hosts_of(&self, role: &str) -> Vec<&Host> {
        let names = self.spec.role_groups.0.get(role).map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(|name| self.host(name)).collect()
    }

    /// Whether a host has a role.
    pub fn has_role(&self, host: &str, role: &str) -> bool {
        self.spec.role_groups.0.get(role).is_some_and(|names| names.iter().any(|name| name == host))
    }

    /// The roles of a host, sorted.
    pub fn roles_of(&self, host: &str) -> Vec<&str> {
        let groups = self.spec.role_groups.0.iter();
        groups.filter(|(_, names)| names.iter().any(|name| name == host)).map(|(role, _)| role.as_str()).collect()
    }

    /// The control planes; the first is where the cluster is made.
    pub fn control_planes(&self) -> Vec<&Host> {
        self.hosts_of(CONTROL_PLANE)
    }

    /// The hosts of role `worker`; some may be control planes too.
    pub fn workers(&self) -> Vec<&Host> {
        self.hosts_of(WORKER)
    }

    /// The members of etcd.
    pub fn etcd_hosts(&self) -> Vec<&Host> {
        self.hosts_of(ETCD)
    }

    /// The hosts that run the private registry.
    pub fn registry_hosts(&self) -> Vec<&Host> {
        self.hosts_of(REGISTRY)
    }

    /// The hosts that become nodes: control planes, then workers, each once.
    pub fn nodes(&self) -> Vec<&Host> {
        let mut nodes = self.control_planes();
        for worker in self.workers() {
            if !nodes.iter().any(|node| node.name == worker.name) {
                nodes.push(worker);
            }
        }
        nodes
    }

    /// Host name of the private registry, with a port where it is not 443. None when the cluster has no registry.
    pub fn registry_name(&self) -> Option<String> {
        let name = &self.spec.registry.private_registry;
        (!name.is_empty()).then(|| name.split('/').next().unwrap_or(name).to_owned())
    }

    /// Where the API server's endpoint is reached: the address of the site's load balancer, or else of the first
    /// control plane. With the load balancer of kk's own, each host reaches it at its own loopback address instead.
    pub fn endpoint_address(&self) -> &str {
        match self.spec.control_plane_endpoint.address.as_str() {
            "" => self.control_planes().first().map_or("", |host| host.internal_ipv4()),
            address => address,
        }
    }
}
