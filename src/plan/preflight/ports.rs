//! Ports that will be listened on must be free, or held by what kk started there.

use super::{Finding, Look};
use crate::install::network::FLANNEL_HEALTH_PORT;

/// A port and who will listen on it.
struct Port {
    number: u16,
    what: &'static str,
    /// Name of the process, as the kernel cuts it: 15 bytes.
    process: &'static str,
}

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    for port in wanted(look) {
        let holders = look.facts.listening.iter().filter(|listener| listener.port == port.number);
        let foreign = holders.into_iter().find(|listener| {
            let ours = listener.process.as_deref().is_none_or(|process| process == port.process);
            !(look.facts.kk && ours)
        });
        let Some(foreign) = foreign else { continue };
        let holder = match &foreign.process {
            Some(process) => format!("the process {process} listens there"),
            None => "something listens there".to_string(),
        };
        findings.push(look.error(
            "ports",
            format!("port {} is for {}, and {holder}", port.number, port.what),
            format!("`ss -ltnp sport = :{}` on the host shows it; stop it, or give it another port.", port.number),
        ));
    }
}

fn wanted(look: &Look) -> Vec<Port> {
    let spec = &look.cluster.spec;
    let endpoint = &spec.control_plane_endpoint;
    let mut ports = Vec::new();
    let mut add = |number, what, process| ports.push(Port { number, what, process });
    if look.is_control_plane() {
        // An endpoint of its own address stands elsewhere; API servers then keep their usual port.
        let own = endpoint.address.is_empty() && !endpoint.external_dns;
        add(if own { endpoint.port } else { 6443 }, "the API server", "kube-apiserver");
        add(10257, "the controller manager", "kube-controller");
        add(10259, "the scheduler", "kube-scheduler");
    } else if look.is_node() && endpoint.internal_loadbalancer == "haproxy" {
        add(endpoint.port, "the load balancer of the API servers", "haproxy");
    }
    if look.is_node() {
        add(10250, "the kubelet", "kubelet");
        add(10248, "the kubelet's own health", "kubelet");
        if !spec.kubernetes.disable_kube_proxy {
            add(10256, "kube-proxy's health", "kube-proxy");
            add(10249, "kube-proxy's metrics", "kube-proxy");
        }
    }
    if look.is_node() && spec.network.plugin == "flannel" {
        add(FLANNEL_HEALTH_PORT, "flannel's health", "flanneld");
    }
    if look.runs_etcd() {
        add(spec.etcd.port, "etcd's clients", "etcd");
        add(spec.etcd.peer_port, "etcd's peers", "etcd");
    }
    if look.runs_registry() {
        let port = look.cluster.registry_name().and_then(|name| name.rsplit_once(':')?.1.parse().ok());
        add(port.unwrap_or(443), "the registry", "registry");
    }
    ports
}
