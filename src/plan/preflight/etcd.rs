//! How many members etcd has.

use super::{Finding, Look, Severity};
use crate::cluster::Cluster;

pub(super) fn check(cluster: &Cluster, looks: &[Look], findings: &mut Vec<Finding>) {
    let members = cluster.etcd_hosts().len();
    if cluster.spec.etcd.kind != "kubekey" || members == 0 || !members.is_multiple_of(2) {
        return;
    }
    // A cluster that stands may be on its way from one odd number to another.
    let stands = looks.iter().any(|look| look.facts.etcd_member || look.facts.joined);
    findings.push(Finding {
        host: None,
        check: "etcd-members",
        severity: if stands { Severity::Warning } else { Severity::Error },
        message: match stands {
            true => format!("etcd has {members} members, which survive no more failures than {}", members - 1),
            false => format!("etcd has {members} members, and must have an odd number of them"),
        },
        hint: Some(format!(
            "{members} members survive no more failures than {}; take one away or add one",
            members - 1
        )),
    });
}
