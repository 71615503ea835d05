//! Commands that must be there, and the packages that bring them.

use super::{Finding, Look};
use crate::host::facts::Feature;

/// A command, its package on Debian and its kin, and on Red Hat's.
pub(super) type Tool = (&'static str, &'static str, &'static str);

/// What kk's own scripts call.
pub(super) const EVERYWHERE: &[Tool] = &[
    ("awk", "mawk", "gawk"),
    ("df", "coreutils", "coreutils"),
    ("find", "findutils", "findutils"),
    ("flock", "util-linux", "util-linux"),
    ("grep", "grep", "grep"),
    ("gzip", "gzip", "gzip"),
    ("hostname", "hostname", "hostname"),
    ("ip", "iproute2", "iproute"),
    ("mktemp", "coreutils", "coreutils"),
    ("sed", "sed", "sed"),
    ("sha256sum", "coreutils", "coreutils"),
    ("stat", "coreutils", "coreutils"),
    ("systemctl", "systemd", "systemd"),
    ("tar", "tar", "tar"),
    ("timeout", "coreutils", "coreutils"),
];
/// What kubeadm and the kubelet call.
pub(super) const NODES: &[Tool] = &[
    ("cp", "coreutils", "coreutils"),
    ("losetup", "mount", "util-linux"),
    ("mount", "mount", "util-linux"),
    ("umount", "mount", "util-linux"),
];
/// What a part of a cluster's life needs: host ports of pods, taking a cluster down.
pub(super) const LATER: &[Tool] =
    &[("iptables", "iptables", "iptables-nft"), ("pgrep", "procps", "procps-ng"), ("pkill", "procps", "procps-ng")];
/// Until this minor version kube-proxy called conntrack.
const CALLS_CONNTRACK: u32 = 31;

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    // A host that named no command at all did not answer the question.
    if look.facts.commands.is_empty() {
        return;
    }
    let mut needed = EVERYWHERE.to_vec();
    if look.is_node() {
        needed.extend(NODES);
        if look.minor().is_some_and(|minor| minor <= CALLS_CONNTRACK) {
            needed.push(("conntrack", "conntrack", "conntrack-tools"));
        }
        if look.facts.swap_in_use() {
            needed.push(("swapoff", "mount", "util-linux"));
        }
        if look.facts.features.values().any(|feature| *feature == Feature::Loadable) {
            needed.push(("modprobe", "kmod", "kmod"));
        }
    }
    if let Some((names, hint)) = missing(look, &needed) {
        findings.push(look.error("commands", format!("it lacks {names}"), hint));
    }
    if look.is_node()
        && let Some((names, hint)) = missing(look, LATER)
    {
        findings.push(look.warning("commands", format!("it lacks {names}, which will be needed later"), hint));
    }
}

fn missing(look: &Look, tools: &[Tool]) -> Option<(String, String)> {
    let missing: Vec<&Tool> = tools.iter().filter(|(name, ..)| !look.facts.commands.contains(*name)).collect();
    if missing.is_empty() {
        return None;
    }
    let list = |items: Vec<&str>, between: &str| {
        let mut items = items;
        items.sort_unstable();
        items.dedup();
        items.join(between)
    };
    let names = list(missing.iter().map(|tool| tool.0).collect(), ", ");
    let debian = list(missing.iter().map(|tool| tool.1).collect(), " ");
    let red_hat = list(missing.iter().map(|tool| tool.2).collect(), " ");
    let plural = if missing.len() == 1 { "the command" } else { "the commands" };
    let hint = format!("Install {debian} (Debian, Ubuntu) or {red_hat} (Red Hat and its kin) on the host.");
    Some((format!("{plural} {names}"), hint))
}
