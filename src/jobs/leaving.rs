//! What must be known before a host leaves: who is at work elsewhere, what etcd says, which pods are on the node.

use std::collections::BTreeMap;
use std::time::Duration;

use super::site::Hosts;
use super::{JobError, Kind};
use crate::cluster::Cluster;
use crate::host::Script;
use crate::host::facts::Facts;
use crate::install::membership;
use crate::install::nodes::{self, Pod};
use crate::plan::leave::{EtcdView, Refusal};

/// How long a question may take: members that are down are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A refusal in words for a person.
pub fn refused(refusal: &Refusal) -> JobError {
    let kind = if matches!(refusal, Refusal::Unknown { .. }) { Kind::File } else { Kind::Preflight };
    JobError::new(kind, format!("{refusal}; nothing was changed"))
        .details(refusal.details().iter().cloned())
        .hint(refusal.hint())
}

/// The control plane from which the cluster is worked on: the first of those that stay which is a node.
pub fn lead<'a>(after: &'a Cluster, facts: &BTreeMap<String, Facts>) -> Result<&'a str, JobError> {
    let is_node = |name: &str| facts.get(name).is_some_and(|facts| facts.joined && facts.admin_conf);
    let lead = after.control_planes().into_iter().find(|host| is_node(&host.name));
    lead.map(|host| host.name.as_str()).ok_or_else(|| {
        JobError::new(Kind::Preflight, "no control plane that would stay is a node of the cluster; nothing was changed")
            .hint("kk create cluster finishes a cluster that was interrupted")
    })
}

/// What the first member that answers says of all. `None` where none of those that stay does.
pub async fn etcd(after: &Cluster, hosts: &Hosts) -> Option<EtcdView> {
    let mut views = Vec::new();
    for host in after.etcd_hosts() {
        let Some(machine) = hosts.get(&host.name) else { continue };
        let answer = machine.run(&Script::calling(&membership::look(after), PATIENCE)).await;
        let members = answer.ok().and_then(|output| membership::parse(&output.stdout));
        views.extend(members.map(|members| EtcdView { via: host.name.clone(), members }));
        if !views.is_empty() {
            break;
        }
    }
    views.pop()
}

/// The pods on a node, as the cluster says.
pub async fn pods(lead: &str, node: &str, hosts: &Hosts) -> Result<Vec<Pod>, JobError> {
    let fail = |reason: String| {
        JobError::new(Kind::Host, format!("{lead} cannot list the pods on {node}: {reason}; nothing was changed"))
    };
    let machine = hosts.get(lead).ok_or_else(|| fail("there is no session to it".into()))?;
    let script = Script::calling(&nodes::pods(node), PATIENCE);
    let output = machine.run(&script).await.map_err(|error| fail(error.to_string()))?;
    match output.status {
        0 => Ok(nodes::read_pods(&output.stdout)),
        status => Err(fail(format!("exit status {status}: {}", output.stderr.trim()))),
    }
}
