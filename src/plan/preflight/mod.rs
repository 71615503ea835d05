//! The checks before an installation: what would go wrong later, said before any host is changed. Pure.

mod clearing;
mod clocks;
mod commands;
mod etcd;
mod existing;
mod identity;
mod kernel;
mod machine;
mod needs;
mod ports;
mod space;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, Host, REGISTRY};
use crate::host::Facts;
use crate::yaml::nearest;
pub use needs::Needs;

/// Every check by its stable name, with what it is about. `spec.preflight.ignore` of a cluster file takes these names.
pub const CHECKS: &[(&str, &str)] = &[
    ("address", "the host has its internalAddress on one of its interfaces"),
    ("arch", "the host's architecture is the declared one, and the bundle is for it"),
    ("cgroups", "control groups are of a version and with the controllers that the kubelet takes"),
    ("clearing", "no kk delete was cut off on the host"),
    ("clock", "the host's clock agrees with the operator's"),
    ("cluster", "the host is no node of a cluster that kk did not make"),
    ("cni", "no network plugin is configured that kk did not bring"),
    ("commands", "the commands that kk and Kubernetes call are there"),
    ("cpus", "control planes have two processors"),
    ("disk", "what the bundle brings fits on the disks"),
    ("etcd", "no etcd or its data is there that kk did not bring"),
    ("etcd-members", "a new etcd has an odd number of members"),
    ("firewall", "no firewall of the host's stands between the hosts"),
    ("hostname", "the host can resolve its own name"),
    ("kernel", "the kernel is new enough and has overlay, bridge-netfilter, and what the network settings need"),
    ("machine-id", "hosts have machine-ids of their own"),
    ("memory", "control planes have 1700 MiB of memory, workers 700 MiB"),
    ("os", "the host runs Linux"),
    ("ports", "ports that will be listened on are free"),
    ("runtime", "no container runtime is there that kk did not bring"),
    ("same-machine", "no two hosts of the cluster file are one machine"),
    ("selinux", "SELinux does not enforce"),
    ("swap", "swap is off, or kk may turn it off, or the kubelet accepts it"),
    ("systemd", "the host runs systemd"),
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The installation must not begin.
    Error,
    /// It may, and somebody should know.
    Warning,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `None` where it is about no single host.
    pub host: Option<String>,
    /// One of [`CHECKS`], or `ignore` for a name that is none.
    pub check: &'static str,
    pub severity: Severity,
    /// A sentence about the host without its name and without a full stop.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(out, "{host}: ")?;
        }
        write!(out, "{} [{}]", self.message, self.check)
    }
}

/// All checks on all hosts. Errors come first, then warnings; within each, hosts in the order of the cluster file.
///
/// An error of a check that `spec.preflight.ignore` names is a warning. What a run of kk's that was cut off has left
/// on a host is no finding.
pub fn check(cluster: &Cluster, facts: &BTreeMap<String, Facts>, needs: &Needs) -> Vec<Finding> {
    let looks: Vec<Look> = cluster
        .spec
        .hosts
        .iter()
        .filter_map(|host| Some(Look { cluster, host, facts: facts.get(&host.name)?, needs }))
        .collect();
    let mut findings = Vec::new();
    for look in &looks {
        machine::check(look, &mut findings);
        kernel::check(look, &mut findings);
        space::check(look, &mut findings);
        ports::check(look, &mut findings);
        existing::check(look, &mut findings);
        commands::check(look, &mut findings);
    }
    identity::check(&looks, &mut findings);
    clearing::check(&looks, &mut findings);
    clocks::check(&looks, &mut findings);
    etcd::check(cluster, &looks, &mut findings);
    for finding in &mut findings {
        if cluster.spec.preflight.ignore.iter().any(|name| name == finding.check) {
            finding.severity = Severity::Warning;
        }
    }
    findings.extend(unknown_names(cluster));
    let place =
        |finding: &Finding| cluster.spec.hosts.iter().position(|host| Some(&host.name) == finding.host.as_ref());
    findings.sort_by_key(|finding| (finding.severity, place(finding)));
    findings
}

fn unknown_names(cluster: &Cluster) -> Vec<Finding> {
    let known = |name: &str| CHECKS.iter().any(|(check, _)| *check == name);
    let names = cluster.spec.preflight.ignore.iter().filter(|name| !known(name));
    names
        .map(|name| {
            let near = nearest(name, CHECKS.iter().map(|(check, _)| *check));
            let all: Vec<&str> = CHECKS.iter().map(|(check, _)| *check).collect();
            Finding {
                host: None,
                check: "ignore",
                severity: Severity::Error,
                message: format!("spec.preflight.ignore names the check {name:?}, and there is none of that name"),
                hint: Some(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("the checks are {}", all.join(", ")),
                }),
            }
        })
        .collect()
}

/// One host under the eyes of the checks.
struct Look<'a> {
    cluster: &'a Cluster,
    host: &'a Host,
    facts: &'a Facts,
    needs: &'a Needs,
}

impl Look<'_> {
    fn is_control_plane(&self) -> bool {
        self.cluster.has_role(&self.host.name, CONTROL_PLANE)
    }

    fn is_node(&self) -> bool {
        self.cluster.nodes().iter().any(|node| node.name == self.host.name)
    }

    /// etcd as a service of the host's, or as a pod of the control plane.
    fn runs_etcd(&self) -> bool {
        match self.cluster.spec.etcd.kind.as_str() {
            "external" => false,
            "kubeadm" => self.is_control_plane(),
            _ => self.cluster.has_role(&self.host.name, ETCD),
        }
    }

    fn runs_registry(&self) -> bool {
        self.cluster.has_role(&self.host.name, REGISTRY)
    }

    /// The minor version of Kubernetes, 35 in `v1.35.4`.
    fn minor(&self) -> Option<u32> {
        let version = self.cluster.spec.kubernetes.version.trim_start_matches('v');
        version.split('.').nth(1).and_then(|minor| minor.parse().ok())
    }

    /// A switch of the kubelet's configuration, where the cluster file sets it.
    fn kubelet_switch(&self, key: &str) -> Option<bool> {
        self.cluster.spec.kubernetes.kubelet_configuration.get(key).and_then(serde_json::Value::as_bool)
    }

    fn error(&self, check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        self.finding(check, Severity::Error, message, hint)
    }

    fn warning(&self, check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        self.finding(check, Severity::Warning, message, hint)
    }

    fn finding(
        &self,
        check: &'static str,
        severity: Severity,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        let hint = hint.into();
        Finding {
            host: Some(self.host.name.clone()),
            check,
            severity,
            message: message.into(),
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}
