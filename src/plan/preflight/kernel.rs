//! What the kernel must bring: control groups, features, no swap.

use super::{Finding, Look};
use crate::host::facts::Feature;

/// Controllers that the kubelet insists on.
const CONTROLLERS: &[&str] = &["cpu", "cpuset", "memory", "pids"];
/// The oldest kernel that Kubernetes is tested on.
const OLDEST: (u32, u32) = (4, 19);
/// Since this minor version the kubelet refuses control groups of version 1 unless it is told otherwise.
const REFUSES_CGROUP_1: u32 = 35;

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    if !look.is_node() {
        return;
    }
    version(look, findings);
    features(look, findings);
    cgroups(look, findings);
    swap(look, findings);
}

fn version(look: &Look, findings: &mut Vec<Finding>) {
    let mut numbers = look.facts.kernel.split(['.', '-']).map(|number| number.parse::<u32>().ok());
    if let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next())
        && (major, minor) < OLDEST
    {
        findings.push(look.warning(
            "kernel",
            format!("the kernel is {}, and Kubernetes is tested from {}.{} on", look.facts.kernel, OLDEST.0, OLDEST.1),
            "",
        ));
    }
}

fn features(look: &Look, findings: &mut Vec<Finding>) {
    let spec = &look.cluster.spec;
    let mut wanted = vec![
        ("overlay", "overlay", "containerd keeps images in overlay file systems"),
        ("bridge-netfilter", "br_netfilter", "services are not seen by pods on bridges without it"),
    ];
    if spec.network.plugin == "flannel" && spec.network.flannel.backend_mode == "vxlan" {
        wanted.push(("vxlan", "vxlan", "flannel's backend is vxlan"));
    }
    match spec.kubernetes.proxy_mode.as_str() {
        _ if spec.kubernetes.disable_kube_proxy => {}
        "ipvs" => wanted.push(("ipvs", "ip_vs", "proxyMode is ipvs")),
        "nftables" => wanted.push(("nftables", "nf_tables", "proxyMode is nftables")),
        _ => wanted.push(("iptables-nat", "iptable_nat", "proxyMode is iptables")),
    }
    for (feature, module, because) in wanted {
        // A host that did not say is not accused.
        if look.facts.features.get(feature) == Some(&Feature::Missing) {
            findings.push(look.error(
                "kernel",
                format!("the kernel {} has no {feature}, and {because}", look.facts.kernel),
                format!("Install the distribution's full kernel, whose module {module} brings it."),
            ));
        }
    }
}

fn cgroups(look: &Look, findings: &mut Vec<Finding>) {
    let facts = look.facts;
    if facts.cgroup == 1 {
        let says = "control groups are of version 1";
        let boot = "boot the host with systemd.unified_cgroup_hierarchy=1 on the kernel's command line";
        match (look.minor(), look.kubelet_switch("failCgroupV1")) {
            (Some(minor), None | Some(true)) if minor >= REFUSES_CGROUP_1 => findings.push(look.error(
                "cgroups",
                format!("{says}, which the kubelet of v1.{minor} refuses"),
                format!("Set kubernetes.kubeletConfiguration.failCgroupV1 to false, or {boot}."),
            )),
            _ => findings.push(look.warning(
                "cgroups",
                format!("{says}, which Kubernetes supports no longer than it must"),
                format!("When it suits you, {boot}."),
            )),
        }
    }
    let missing: Vec<&str> =
        CONTROLLERS.iter().copied().filter(|controller| !facts.controllers.contains(*controller)).collect();
    if !facts.controllers.is_empty() && !missing.is_empty() {
        findings.push(look.error(
            "cgroups",
            format!("the controllers {} of control groups are switched off", missing.join(", ")),
            "Remove what switches them off from the kernel's command line, such as cgroup_disable=memory.",
        ));
    }
}

fn swap(look: &Look, findings: &mut Vec<Finding>) {
    if !look.facts.swap_in_use() || look.kubelet_switch("failSwapOn") == Some(false) {
        return;
    }
    let names: Vec<&str> = look.facts.swap.iter().map(|swap| swap.path.as_str()).collect();
    let names = names.join(", ");
    findings.push(match look.cluster.spec.system.skip_configure_os {
        true => look.error(
            "swap",
            format!("swap is on ({names}), the kubelet refuses that, and skipConfigureOS keeps kk from turning it off"),
            "Run `swapoff -a` and remove the swap from /etc/fstab, or set \
             kubernetes.kubeletConfiguration.failSwapOn to false.",
        ),
        false => look.warning(
            "swap",
            format!("swap is on ({names}); kk turns it off, now and for later boots"),
            "To keep it, set kubernetes.kubeletConfiguration.failSwapOn to false.",
        ),
    });
}
