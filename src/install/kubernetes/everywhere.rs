//! Whether something is so on every node, but for those that a run does without.

use super::KUBECTL;
use crate::cluster::Cluster;

/// Of `count` nodes all but those that are left out have this word behind their name in what `rows` prints.
pub fn here(count: usize, rows: &str, word: &str) -> String {
    format!(
        "set -- $KK_LEFT_OUT\n\
         found=$({rows} 2>/dev/null | awk -v out=\" $KK_LEFT_OUT \" '$2 == \"{word}\" && !index(out, \" \" $1 \" \") && !seen[$1]++' | wc -l)\n\
         [ \"$found\" -ge $(({count} - $#)) ]"
    )
}

/// How kubectl says that a Deployment or DaemonSet, a StatefulSet, and one with a partition is rolled out
/// (kubectl, pkg/polymorphichelpers/rollout_status.go).
const ROLLED_OUT: &str = "-e 'successfully rolled out' -e 'rolling update complete' -e 'roll out complete'";

/// A check that what these arguments of kubectl name is rolled out at this moment. kubectl is told to look once and not to wait:
/// were it to wait for a second, then on a busy host that second could be over before its first look, and what runs would count
/// as not running. Without waiting it ends well whatever it finds, and says it in words alone.
pub fn rolled_out(what: &str) -> String {
    format!("{KUBECTL} rollout status {what} --watch=false --timeout 20s 2>/dev/null | grep -q {ROLLED_OUT}")
}

/// A check that a DaemonSet is rolled out. Where some hosts are left out, the rollout as a whole never ends, and one of
/// their pods may hold up all others: a pod that is ready on each other node will do then, and the run that takes them in
/// sees to the rest. `pods`: arguments of kubectl that pick its pods out of those of the namespace.
pub fn daemon_runs(cluster: &Cluster, namespace: &str, name: &str, pods: &str) -> String {
    let rows = "NODE:.spec.nodeName,READY:.status.containerStatuses[0].ready";
    let pods = format!("{KUBECTL} -n {namespace} get pods {pods} --no-headers -o 'custom-columns={rows}'");
    format!(
        "if [ -z \"$KK_LEFT_OUT\" ]; then\n\
         {}\nexit\nfi\n{}",
        rolled_out(&format!("-n {namespace} daemonset/{name}")),
        here(cluster.nodes().len(), &pods, "true")
    )
}

/// A check that CoreDNS is rolled out. Where some hosts are left out, a new pod may wait on one of them: that it answers will
/// do then.
pub fn coredns_runs() -> String {
    let deployment = "-n kube-system get deployment/coredns -o 'jsonpath={.status.availableReplicas}'";
    format!(
        "if [ -z \"$KK_LEFT_OUT\" ]; then\n\
         {}\nexit\nfi\n\
         [ \"$({KUBECTL} {deployment} 2>/dev/null)\" -ge 1 ]",
        rolled_out("-n kube-system deployment/coredns"),
    )
}
