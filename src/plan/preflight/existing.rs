//! What others have installed there, which kk would damage or be damaged by.

use super::{Finding, Look, Severity};

/// Units of clusters of other makes.
const CLUSTERS: &[(&str, &str)] = &[
    ("k3s.service", "k3s"),
    ("k3s-agent.service", "k3s"),
    ("rke2-server.service", "RKE2"),
    ("rke2-agent.service", "RKE2"),
    ("k0scontroller.service", "k0s"),
    ("k0sworker.service", "k0s"),
    ("snap.microk8s.daemon-kubelite.service", "MicroK8s"),
];
/// Units of container runtimes.
const RUNTIMES: &[(&str, &str)] =
    &[("docker.service", "Docker"), ("containerd.service", "containerd"), ("crio.service", "CRI-O")];

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    if look.is_node() {
        cluster(look, findings);
        runtime(look, findings);
    }
    if look.runs_etcd() {
        etcd(look, findings);
    }
    firewall(look, findings);
}

fn cluster(look: &Look, findings: &mut Vec<Finding>) {
    let facts = look.facts;
    let undo = "Take the host out of that cluster first (`kubectl drain`, `kubectl delete node`, and on the host \
                `kubeadm reset`), or choose another host.";
    let mut names: Vec<&str> =
        CLUSTERS.iter().filter(|(unit, _)| facts.unit(unit).is_some()).map(|(_, name)| *name).collect();
    names.dedup();
    for name in names {
        findings.push(look.error(
            "cluster",
            format!("{name} is installed there"),
            format!("Uninstall {name}, or choose another host."),
        ));
    }
    match (&facts.cluster, facts.kk) {
        (Some(server), false) => {
            findings.push(look.error(
                "cluster",
                format!("it is a node of the cluster at {server}, which kk did not make"),
                undo,
            ));
        }
        (Some(server), true) if !is_ours(look, server) => {
            findings.push(look.error("cluster", format!("it is a node of another cluster, at {server}"), undo));
        }
        (None, false) if facts.kubelet_conf || facts.admin_conf => findings.push(look.error(
            "cluster",
            "/etc/kubernetes holds the credentials of a cluster that kk did not make",
            "Run `kubeadm reset` on the host if that cluster is gone.",
        )),
        (None, false) if facts.unit("kubelet.service").is_some() => findings.push(look.finding(
            "cluster",
            match facts.unit("kubelet.service").is_some_and(|unit| unit.active) {
                true => Severity::Error,
                false => Severity::Warning,
            },
            "a kubelet is installed there that kk did not bring",
            "Remove the packages kubelet and kubeadm from the host.",
        )),
        _ => {}
    }
    let roles = [facts.admin_conf, look.is_control_plane()].map(|is| if is { "a control plane" } else { "a worker" });
    if facts.kk && facts.joined && facts.kubelet_conf && roles[0] != roles[1] {
        findings.push(look.error(
            "cluster",
            format!("it has joined as {}, and the cluster file names it as {}", roles[0], roles[1]),
            "A node does not change its kind: kk delete node takes it out, kk add nodes brings it in again.",
        ));
    }
    if !facts.kk && !facts.cni.is_empty() {
        findings.push(look.warning(
            "cni",
            format!("/etc/cni/net.d holds {}, and the runtime takes the first by name", facts.cni.join(", ")),
            "Remove what an earlier installation has left there.",
        ));
    }
}

/// Whether the kubelet's API server is the one of this cluster file: its endpoint, or one of its control planes.
fn is_ours(look: &Look, server: &str) -> bool {
    let address = server.trim_start_matches("https://").trim_end_matches('/');
    let address = address.rsplit_once(':').map_or(address, |(address, _)| address).trim_matches(['[', ']']);
    let endpoint = &look.cluster.spec.control_plane_endpoint;
    address == endpoint.domain
        || address == endpoint.address
        || address == "127.0.0.1"
        || look.cluster.spec.hosts.iter().any(|host| {
            host.address == address || host.internal_address.split(',').any(|internal| internal.trim() == address)
        })
}

fn runtime(look: &Look, findings: &mut Vec<Finding>) {
    // containerd is what kk itself installs; Docker and CRI-O never are.
    for (unit, name) in RUNTIMES {
        let Some(found) = look.facts.unit(unit) else { continue };
        if look.facts.kk && *name == "containerd" {
            continue;
        }
        let active = found.active && !look.facts.kk;
        findings.push(look.finding(
            "runtime",
            if active { Severity::Error } else { Severity::Warning },
            match found.active {
                true => format!("{name} runs there ({}), and kk did not bring it", found.path),
                false => format!("{name} is installed there ({}), and kk did not bring it", found.path),
            },
            format!(
                "Remove {name} from the host. kk installs a containerd of its own at the usual places, and takes over \
                 the containers of neither."
            ),
        ));
    }
}

fn etcd(look: &Look, findings: &mut Vec<Finding>) {
    let facts = look.facts;
    if facts.kk {
        return;
    }
    if let Some(unit) = facts.unit("etcd.service").filter(|unit| unit.active) {
        findings.push(look.error(
            "etcd",
            format!("etcd runs there ({}), and kk did not bring it", unit.path),
            "Stop and remove it, or set etcd.type to external to use it.",
        ));
    } else if facts.etcd_data && look.cluster.spec.etcd.data_dir == "/var/lib/etcd" {
        findings.push(look.error(
            "etcd",
            "/var/lib/etcd holds data of an etcd that kk did not bring",
            "Move it away if it is needed no more, or set etcd.dataDir to another folder.",
        ));
    }
}

fn firewall(look: &Look, findings: &mut Vec<Finding>) {
    let firewalld = look.facts.unit("firewalld.service").is_some_and(|unit| unit.active);
    let name = match (firewalld, look.facts.ufw) {
        (true, _) => "firewalld",
        (false, true) => "ufw",
        (false, false) => return,
    };
    findings.push(look.warning(
        "firewall",
        format!("{name} is on, and may stand between the hosts"),
        format!(
            "Let the hosts and the pods' addresses ({}) talk to each other, or turn {name} off.",
            look.cluster.spec.network.kube_pods_cidr
        ),
    ));
}
