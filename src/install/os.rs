//! The operating system: name, name resolution, kernel settings.

use super::{Found, Inputs, InstallError, NodeState};
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::host::part::{Block, Part};

/// Folder on hosts for what kk itself must remember there.
pub const STATE: &str = "/var/lib/kk";

/// The name that a host had before kk gave it one; `kk delete cluster` gives it back.
pub const NAME_BEFORE: &str = "/var/lib/kk/hostname-before";

/// Name, `/etc/hosts`, kernel settings. `names` is the [`hosts_file`] of the cluster, which is the same on every host.
pub fn configure(inputs: &Inputs, names: &Part, host: &Host) -> Result<Step, InstallError> {
    let mut parts = vec![hostname(host), names.clone()];
    parts.extend(endpoint(inputs, host)?);
    if !inputs.cluster.spec.system.skip_configure_os {
        parts.extend(kernel(inputs)?);
        parts.extend(swap_off(inputs.found(host)?));
    }
    Ok(Step::new("os/configure", "Configure the operating system", parts))
}

/// The host's name, now and after a reboot. In containers the file is a mount, hence written in place.
fn hostname(host: &Host) -> Part {
    let name = &host.name;
    Part::command(
        format!("Set the host's name to {name}"),
        format!("[ \"$(cat /proc/sys/kernel/hostname)\" = {name} ] && [ \"$(cat /etc/hostname)\" = {name} ]"),
        format!(
            "mkdir -p {STATE}\n[ -s {NAME_BEFORE} ] || cat /proc/sys/kernel/hostname > {NAME_BEFORE}\n\
             printf '%s\\n' {name} > /etc/hostname && hostname {name}"
        ),
    )
}

/// All hosts and the registry by name, so that nothing depends on a DNS of the site.
pub fn hosts_file(cluster: &Cluster) -> Part {
    let spec = &cluster.spec;
    let mut lines = String::new();
    for host in &spec.hosts {
        let (address, name) = (host.internal_ipv4(), &host.name);
        lines.push_str(&format!("{address} {name}.{} {name}\n", spec.kubernetes.cluster_name));
    }
    let registry = cluster.registry_hosts();
    if let (Some(name), Some(host)) = (cluster.registry_name(), registry.first()) {
        let name = name.split(':').next().unwrap_or_default();
        lines.push_str(&format!("{} {name}\n", host.internal_ipv4()));
    }
    for line in spec.dns.node_etc_hosts.lines().filter(|line| !line.trim().is_empty()) {
        lines.push_str(line.trim());
        lines.push('\n');
    }
    Part::Block(Block { path: "/etc/hosts".into(), marker: "hosts".into(), content: lines.into() })
}

/// The endpoint's name, as far as it can be resolved before the host is a node: see [`endpoint_after_join`].
fn endpoint(inputs: &Inputs, host: &Host) -> Result<Option<Part>, InstallError> {
    let first = inputs.first_control_plane()?.internal_ipv4();
    Ok(match inputs.found(host)?.node {
        NodeState::Joined => endpoint_of_node(inputs.cluster, host, first),
        NodeState::Absent | NodeState::Partial => endpoint_line(inputs.cluster, first),
    })
}

/// The endpoint's name for a host that is a node: a control plane asks its own API server, a worker its own balancer.
/// Before, while nothing listens there yet, the name leads to the first control plane.
pub fn endpoint_after_join(cluster: &Cluster, host: &Host) -> Option<Part> {
    let first = cluster.control_planes().first().map_or("", |first| first.internal_ipv4());
    endpoint_of_node(cluster, host, first)
}

/// `first`: the address of the control plane that answers where every node asks the same one.
fn endpoint_of_node(cluster: &Cluster, host: &Host, first: &str) -> Option<Part> {
    let address = if cluster.spec.control_plane_endpoint.internal_loadbalancer != "haproxy" {
        first
    } else if cluster.has_role(&host.name, "control-plane") {
        host.internal_ipv4()
    } else if cluster.has_role(&host.name, "worker") {
        "127.0.0.1"
    } else {
        first
    };
    endpoint_line(cluster, address)
}

fn endpoint_line(cluster: &Cluster, address: &str) -> Option<Part> {
    let endpoint = &cluster.spec.control_plane_endpoint;
    if endpoint.external_dns {
        return None;
    }
    let address = if endpoint.address.is_empty() { address } else { &endpoint.address };
    Some(Part::Block(Block {
        path: "/etc/hosts".into(),
        marker: "endpoint".into(),
        content: format!("{address} {}\n", endpoint.domain).into(),
    }))
}

/// Kernel modules where they are modules, and the settings that Kubernetes' network needs.
fn kernel(inputs: &Inputs) -> Result<Vec<Part>, InstallError> {
    let settings = inputs.templates.render("sysctl.conf", serde_json::json!({}))?;
    let mut check = String::new();
    let mut apply = String::new();
    for line in settings.lines() {
        let Some((key, value)) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#')) else { continue };
        let (key, value) = (key.trim(), value.trim());
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        // Limits may be higher already; switches are 0 or 1, for which the comparison is the same.
        check.push_str(&format!("[ \"$(cat {path})\" -ge {value} ]\n"));
        apply.push_str(&format!("[ \"$(cat {path})\" -ge {value} ] || echo {value} > {path}\n"));
    }
    Ok(vec![
        Part::file("/etc/modules-load.d/kk.conf", "overlay\nbr_netfilter\n"),
        Part::file("/etc/sysctl.d/99-kk.conf", settings),
        Part::command(
            "Load kernel modules",
            "grep -qw overlay /proc/filesystems && [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]",
            "modprobe overlay; modprobe br_netfilter",
        ),
        Part::command("Set kernel parameters", check, apply),
    ])
}

/// Kubelets refuse to start with swap unless told otherwise.
fn swap_off(found: &Found) -> Option<Part> {
    found.swap.then(|| {
        Part::command(
            "Turn swap off, now and after a reboot",
            "[ \"$(wc -l < /proc/swaps)\" -le 1 ]",
            // The file first: what is cut off in between is seen as swap that is in use still.
            "if grep -qE '^[^#].*[[:space:]]swap[[:space:]]' /etc/fstab 2>/dev/null; then\n\
             sed -i.kk-backup -E '/^[^#].*[[:space:]]swap[[:space:]]/ s/^/#/' /etc/fstab\nfi\nswapoff -a",
        )
    })
}
