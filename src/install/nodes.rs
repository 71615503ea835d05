//! What is said of nodes once they are there: labels, and that all is well.

use std::fmt;
use std::time::Duration;

use super::kubernetes::{KUBECTL, everywhere};
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
                "case \" $KK_LEFT_OUT \" in *' {name} '*) exit 0 ;; esac\n\
                 [ -n \"$({KUBECTL} get nodes -l '{}' --field-selector metadata.name={name} -o name)\" ]",
                selector.join(","),
                name = host.name
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
    let mut parts = vec![nodes_ready(cluster)];
    if cluster.spec.network.plugin == "flannel" {
        parts.push(flannel_runs(cluster));
    }
    if cluster.spec.network.plugin != "none" {
        parts.push(settled("Wait until CoreDNS runs", everywhere::coredns_runs()));
    }
    Step::new("nodes/ready", "Wait for the cluster", parts)
}

/// Empties a node: it takes no more pods, and those that it has move elsewhere, as far as their budgets of disruption let
/// them. `force`: pods that nothing starts again elsewhere are deleted.
pub fn drain(node: &str, limit: Duration, force: bool) -> Step {
    let exists = format!("node=$({KUBECTL} get node {node} --ignore-not-found -o name)");
    let cordon = Part::command(
        format!("Let {node} take no more pods"),
        format!(
            "{exists}\n[ -z \"$node\" ] || [ \"$({KUBECTL} get node {node} -o 'jsonpath={{.spec.unschedulable}}')\" = true ]"
        ),
        format!("{KUBECTL} cordon {node} >/dev/null"),
    );
    // In two commands, so that a question that fails does not look like a node without pods.
    let left = format!(
        "pods=$({}) && printf '%s\\n' \"$pods\" | awk 'NF > 3 && $3 != \"DaemonSet\" && $3 != \"Node\" && $4 != \"Succeeded\" && $4 != \"Failed\" {{ print \"  \" $1 \"/\" $2 ($5 == \"comes-back\" ? \" comes back\" : \"\") }}'",
        pods(node)
    );
    // Pods that tolerate a node which takes no more pods come back as often as they are sent away: once is enough.
    let once = drained(node);
    let (seconds, forced) = (limit.as_secs(), if force { " --force" } else { "" });
    let log = "/run/kk/drain.log";
    let empty = Part::command(
        format!("Empty {node} within {seconds} s"),
        format!(
            "{exists}\n[ -n \"$node\" ] || exit 0\nleft=$({left})\n[ -n \"$left\" ] || exit 0\n\
             [ ! -e {once} ] || left=$(printf '%s\\n' \"$left\" | grep -v ' comes back$') || exit 0\n\
             printf 'pods that are still on {node}:\\n%s\\n' \"$left\" >&2\nexit 1"
        ),
        format!(
            "rm -f {once}\nif ! {KUBECTL} drain {node} --ignore-daemonsets --delete-emptydir-data{forced} --timeout {seconds}s >{log} 2>&1; then\n\
             {{\nawk '!seen[$0]++' {log} | grep -iE 'error|cannot' | cut -c 1-300 | tail -n 12 || :\n\
             {KUBECTL} get poddisruptionbudgets --all-namespaces --no-headers -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,ALLOWED:.status.disruptionsAllowed 2>/dev/null |\n\
             awk '$3 == \"0\" {{ print \"PodDisruptionBudget \" $1 \"/\" $2 \" lets no pod go now\" }}'\n\
             echo 'pods that are still on {node}:'\n{left}\n\
             echo 'the node takes no more pods; kubectl uncordon {node} takes that back'\n}} >&2\nexit 1\nfi\n\
             rm -f {log}\n: >{once}"
        ),
    )
    .within(limit + Duration::from_secs(120))
    .settling(Duration::from_secs(30));
    Step::new("nodes/drain", format!("Empty node {node}"), vec![cordon, empty])
}

/// There on the host that the cluster is worked on from while a node is emptied and takes no pods.
pub(super) fn drained(node: &str) -> String {
    format!("/run/kk/drained-{node}")
}

/// Takes a node out of the cluster.
pub fn forget(node: &str) -> Step {
    let part = Part::command(
        format!("Delete node {node}"),
        format!("node=$({KUBECTL} get node {node} --ignore-not-found -o name) && [ -z \"$node\" ]"),
        format!("{KUBECTL} delete node {node} --ignore-not-found >/dev/null"),
    );
    Step::new("nodes/delete", format!("Take node {node} out of the cluster"), vec![part])
}

/// A pod a line: its namespace, its name, the kind of what made it, its phase, and whether it may run on a node that takes no
/// more pods (Kubernetes, "Taints and Tolerations": no key or no effect stands for all).
const POD: &str = "{{range .items}}{{.metadata.namespace}} {{.metadata.name}} \
    {{with .metadata.ownerReferences}}{{(index . 0).kind}}{{else}}<none>{{end}} {{.status.phase}}\
    {{range .spec.tolerations}}{{if and (or (not .key) (eq .key \"node.kubernetes.io/unschedulable\")) \
    (or (not .effect) (eq .effect \"NoSchedule\"))}} comes-back{{end}}{{end}}{{\"\\n\"}}{{end}}";

/// A command that lists the pods on a node; [`read_pods`] reads what it prints.
pub fn pods(node: &str) -> String {
    format!("{KUBECTL} get pods --all-namespaces --field-selector spec.nodeName={node} -o go-template='{POD}'")
}

/// A pod on a node, as far as emptying the node depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    /// Kind of what made it; `None` where nobody would make it again.
    pub owner: Option<String>,
    pub phase: String,
}

impl Pod {
    /// Whether it is lost for good when it is deleted.
    pub fn is_bare(&self) -> bool {
        self.owner.is_none() && !matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

impl fmt::Display for Pod {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pod {}/{}", self.namespace, self.name)
    }
}

/// Reads the lines of [`pods`]; a line that is none is passed over.
pub fn read_pods(text: &str) -> Vec<Pod> {
    let pod = |line: &str| {
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let (namespace, name, owner) = (words.next()?, words.next()?, words.next()?);
        let owner = Some(owner).filter(|owner| owner != "<none>");
        Some(Pod { namespace, name, owner, phase: words.next().unwrap_or_default() })
    };
    text.lines().filter_map(pod).collect()
}

/// Every node is ready, by the word of its kubelet; those that the run does without are not waited for.
pub fn nodes_ready(cluster: &Cluster) -> Part {
    let names: Vec<&str> = cluster.nodes().into_iter().map(|host| host.name.as_str()).collect();
    let count = names.len();
    let rows = "{range .items[*]}{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    // With one name kubectl prints the object and not a list.
    let names = if count == 1 { String::new() } else { names.join(" ") };
    settled(
        format!("Wait until {count} nodes are ready"),
        everywhere::here(count, &format!("{KUBECTL} get nodes {names} -o 'jsonpath={rows}'"), "True"),
    )
}

fn flannel_runs(cluster: &Cluster) -> Part {
    settled(
        "Wait until flannel runs on every node",
        everywhere::daemon_runs(cluster, "kube-flannel", "kube-flannel-ds", ""),
    )
}

fn settled(title: impl Into<String>, check: String) -> Part {
    Part::wait(title, check, Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_nobody_makes_again_are_told() {
        let pods = read_pods(
            "default      alone      <none>       Running\n\
             default      done       <none>       Succeeded\n\
             kube-system  proxy-x    DaemonSet    Running\n\
             kube-system  api-node1  Node         Running\n\
             web          web-1      ReplicaSet   Pending comes-back\nx\n",
        );
        assert_eq!(pods.len(), 5);
        let bare: Vec<String> = pods.iter().filter(|pod| pod.is_bare()).map(ToString::to_string).collect();
        assert_eq!(bare, ["pod default/alone"]);
    }
}
