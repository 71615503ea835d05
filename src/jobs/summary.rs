//! What stands after an installation, as the cluster itself says.

use std::time::Duration;

use super::site::Hosts;
use crate::cluster::Cluster;
use crate::host::Script;
use crate::install::kubernetes::KUBECTL;

/// Nodes and pods; a sentence where they cannot be asked for.
pub async fn of(cluster: &Cluster, hosts: &Hosts) -> String {
    let first = cluster.hosts_of("control-plane").first().and_then(|host| hosts.get(&host.name)).cloned();
    let Some(machine) = first else { return String::new() };
    let script = format!("{KUBECTL} get nodes -o wide\necho\n{KUBECTL} get pods --all-namespaces -o wide");
    match machine.run(&Script::calling(&script, Duration::from_secs(60))).await {
        Ok(output) if output.status == 0 => output.stdout,
        Ok(output) => format!("nodes cannot be listed: {}\n", output.stderr.trim_end()),
        Err(error) => format!("nodes cannot be listed: {error}\n"),
    }
}
