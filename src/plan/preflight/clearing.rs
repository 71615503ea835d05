//! What a `kk delete` that was cut off has left.

use super::{Finding, Look};
use crate::host::Clearing;

pub(super) fn check(looks: &[Look], findings: &mut Vec<Finding>) {
    // Where the cluster stands elsewhere, it must not be deleted for the sake of one host that was not there when the last one was.
    let stands = looks.iter().any(|look| look.is_control_plane() && look.facts.joined && look.facts.clearing.is_none());
    for look in looks {
        let Some(clearing) = look.facts.clearing else { continue };
        let node = format!("kk delete node {}", look.host.name);
        let (began, ends) = match clearing {
            Clearing::Node => (node.as_str(), node.as_str()),
            Clearing::Cluster if stands => ("kk delete cluster", node.as_str()),
            Clearing::Cluster => ("kk delete cluster", "kk delete cluster"),
        };
        findings.push(look.error(
            "clearing",
            format!("a {began} was cut off there, and part of what an installation builds on is gone"),
            match ends == began {
                true => format!("`{ends}` is to come to its end, and takes no harm from a second run; install anew then."),
                false => format!(
                    "The cluster stands on other hosts: `{ends}` clears this one alone, and kk add nodes brings it in again."
                ),
            },
        ));
    }
}
