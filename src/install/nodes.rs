//! What is said of nodes once they are there: labels, and that all is well.

use std::time::Duration;

use super::kubernetes::KUBECTL;
use super::{Inputs, InstallError};
use crate::cluster::Cluster;
use crate::host::Step;
use crate::host::part::Part;

/// Labels of the cluster file, and the role of workers, which kubeadm does not label.
pub fn labels(inputs: &Inputs) -> Option<Step> {
    let mut parts = Vec::new();
    for host in inputs.cluster.nodes() {
        let mut labels: Vec<(String, String)> =
            host.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        if inputs.cluster.has_role(&host.name, "worker") {
            labels.push(("node-role.kubernetes.io/worker".into(), String::new()));
        }
        if labels.is_empty() {
            continue;
        }
        let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        parts.push(Part::command(
            format!("Label node {}", host.name),
            format!(
                "[ -n \"$({KUBECTL} get nodes -l '{}' --field-selector metadata.name={} -o name)\" ]",
                selector.join(","),
                host.name
            ),
            format!("{KUBECTL} label --overwrite node {} {}", host.name, selector.join(" ")),
        ));
    }
    (!parts.is_empty()).then(|| Step::new("nodes/labels", "Label nodes", parts))
}

/// Every node is ready, and DNS and the network plugin run.
pub fn ready(inputs: &Inputs) -> Result<Step, InstallError> {
    Ok(all_ready(inputs.cluster))
}

/// The same, without a bundle.
pub fn all_ready(cluster: &Cluster) -> Step {
    let names: Vec<&str> = cluster.nodes().into_iter().map(|host| host.name.as_str()).collect();
    let count = names.len();
    let mut parts = vec![settled(
        format!("Wait until {count} nodes are ready"),
        format!(
            "[ \"$({KUBECTL} get nodes {} -o 'jsonpath={{range .items[*]}}{{range .status.conditions[?(@.type==\"Ready\")]}}{{.status}}{{\"\\n\"}}{{end}}{{end}}' 2>/dev/null | grep -c True)\" -ge {count} ]",
            // With one name kubectl prints the object and not a list.
            if count == 1 { String::new() } else { names.join(" ") }
        ),
    )];
    if cluster.spec.network.plugin == "flannel" {
        parts.push(settled(
            "Wait until flannel runs on every node",
            format!("{KUBECTL} -n kube-flannel rollout status daemonset/kube-flannel-ds --timeout 1s >/dev/null 2>&1"),
        ));
    }
    if cluster.spec.network.plugin != "none" {
        parts.push(settled(
            "Wait until CoreDNS runs",
            format!("{KUBECTL} -n kube-system rollout status deployment/coredns --timeout 1s >/dev/null 2>&1"),
        ));
    }
    Step::new("nodes/ready", "Wait for the cluster", parts)
}

fn settled(title: impl Into<String>, check: String) -> Part {
    let mut part = Part::command(title, check, ":");
    if let Part::Command(command) = &mut part {
        command.settle = Duration::from_secs(300);
    }
    part
}
