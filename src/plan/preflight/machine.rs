//! What the host is: architecture, operating system, size.

use super::{Finding, Look};

/// Of a control plane's memory, as kubeadm asks for it.
const CONTROL_PLANE_MIB: u64 = 1700;
/// Of a worker's: the kubelet, the runtime, and a few small pods.
const WORKER_MIB: u64 = 700;
/// Processors of a control plane, as kubeadm asks for them.
const CONTROL_PLANE_CPUS: u32 = 2;

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    arch(look, findings);
    system(look, findings);
    size(look, findings);
}

fn arch(look: &Look, findings: &mut Vec<Finding>) {
    let arch = &look.facts.arch;
    match &look.host.arch {
        Some(declared) if declared != arch => findings.push(look.error(
            "arch",
            format!("the cluster file says arch: {declared}, and the host is {arch}"),
            "Correct or remove `arch` of the host.",
        )),
        _ if !look.needs.arches.is_empty() && !look.needs.arches.contains(arch) => findings.push(look.error(
            "arch",
            format!("the host is {arch}, and the bundle is for {}", look.needs.arches.join(", ")),
            format!("Add {arch} to `arches` of the manifest, export again, and carry the new bundle in."),
        )),
        _ => {}
    }
}

fn system(look: &Look, findings: &mut Vec<Finding>) {
    let facts = look.facts;
    if facts.system != "Linux" {
        findings.push(look.error("os", format!("the host runs {}, and kk installs on Linux", facts.system), ""));
    }
    if facts.systemd.is_none() {
        findings.push(look.error(
            "systemd",
            format!("the host ({}) does not run systemd, which starts all that kk installs", facts.os.name),
            "Use a distribution with systemd, booted by it.",
        ));
    }
    if facts.selinux.as_deref() == Some("Enforcing") && look.is_node() {
        findings.push(look.warning(
            "selinux",
            "SELinux enforces, and kk brings no policy for containers",
            "Set SELINUX=permissive in /etc/selinux/config, or install container-selinux on the host.",
        ));
    }
}

fn size(look: &Look, findings: &mut Vec<Finding>) {
    let mib = look.facts.memory >> 20;
    let (role, least) = match (look.is_control_plane(), look.is_node()) {
        (true, _) => ("control plane", CONTROL_PLANE_MIB),
        (false, true) => ("worker", WORKER_MIB),
        (false, false) => return,
    };
    if mib < least {
        findings.push(look.error(
            "memory",
            format!("a {role} needs {least} MiB of memory, and the host has {mib} MiB"),
            "",
        ));
    }
    if look.is_control_plane() && look.facts.cpus < CONTROL_PLANE_CPUS {
        findings.push(look.warning(
            "cpus",
            format!(
                "a control plane should have {CONTROL_PLANE_CPUS} processors, and the host has {}",
                look.facts.cpus
            ),
            "kubeadm refuses such a host unless `NumCPU` is in kubernetes.ignorePreflightErrors.",
        ));
    }
}
