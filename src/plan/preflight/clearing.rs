//! What a `kk delete` that was cut off has left.

use super::{Finding, Look};
use crate::host::Clearing;

pub(super) fn check(looks: &[Look], findings: &mut Vec<Finding>) {
    // Where the cluster stands on other hosts, it must not be deleted for the sake of one that missed the end of an older removal.
    let stands = looks.iter().any(|look| look.is_control_plane() && look.facts.joined && look.facts.clearing.is_none());
    let again = |command: &str| {
        format!("`{command}` is to come to its end, and takes no harm from a second run; install anew then.")
    };
    for look in looks {
        let Some(clearing) = look.facts.clearing else { continue };
        let (node, whole) = (format!("kk delete node {}", look.host.name), "kk delete cluster");
        let (began, hint) = match clearing {
            Clearing::Node => (node.as_str(), again(&node)),
            Clearing::Cluster if stands => (
                whole,
                format!(
                    "The cluster stands on other hosts: `{node}` clears this one alone, and kk add nodes brings it in again."
                ),
            ),
            Clearing::Cluster => (whole, again(whole)),
        };
        findings.push(look.error(
            "clearing",
            format!("a {began} was cut off there, and part of what an installation builds on is gone"),
            hint,
        ));
    }
}
