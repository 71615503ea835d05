//! The plan of `kk delete node`.

use super::Leaving;
use crate::cluster::{Cluster, Host};
use crate::host::{Clearing, Step};
use crate::install::{InstallError, clearing, kubernetes, loadbalancer, membership, nodes, os, remove};
use crate::plan::chain::Chain;
use crate::plan::{OperatorWork, Order, Plan};

/// The node is emptied, etcd and Kubernetes forget it, the host is cleaned, and all others follow. What others follow is
/// the cluster file without the host, so that a create with that file has nothing to change.
///
/// Each stage waits for the one before. Every step holds or is made to hold: a run that was cut off is continued by the
/// same command.
pub fn leave(leaving: &Leaving) -> Result<Plan, InstallError> {
    let (before, name) = (leaving.cluster, leaving.name);
    let after = before.without(name);
    let unknown = || InstallError::UnknownHost { host: name.to_owned() };
    let host = before.host(name).ok_or_else(unknown)?;
    let is_node = before.nodes().iter().any(|node| node.name == name);
    let [was_control_plane, was_member] = ["control-plane", "etcd"].map(|role| before.has_role(name, role));
    let mut stages = Chain::default();

    // Hosts that reach the API through this control plane alone are led to another one before it ends; where it has ended
    // already, before anything is asked of the API.
    let endpoint = was_control_plane && before.endpoint_address() == host.internal_ipv4();
    if endpoint && leaving.gone {
        endpoint_elsewhere(&mut stages, &after)?;
    }
    if is_node && !leaving.gone {
        let step = nodes::drain(name, leaving.drain, leaving.force);
        stages.on("drain", "Empty the node", leaving.lead, vec![step]);
    }
    if was_member && !leaving.gone {
        stages.on("begin", "Remember that the host is being cleared", name, vec![clearing::begun(Clearing::Node)]);
    }
    if let Some(etcd) = leaving.etcd.filter(|_| was_member) {
        stages.on("etcd", "Take the host out of etcd", &etcd.via, vec![membership::remove(before, host)]);
    }
    if is_node && !leaving.gone {
        stages.on("kubelet", "Stop the kubelet", name, vec![remove::kubelet()]);
    }
    if is_node {
        stages.on("node", "Take the node out of the cluster", leaving.lead, vec![nodes::forget(name)]);
    }
    if endpoint && !leaving.gone {
        endpoint_elsewhere(&mut stages, &after)?;
    }
    if !leaving.gone {
        let mut steps = Vec::new();
        steps.extend(is_node.then(|| remove::kubernetes(before)));
        steps.extend(was_member.then(|| remove::etcd(before, false)));
        steps.push(remove::system(before, host, true));
        stages.on("clean", "Clean the host", name, steps);
    }
    if was_member {
        stages.each("etcd-follow", "Keep etcd's members", Order::Parallel, after.etcd_hosts(), |host| {
            membership::follow(&after, leaving.templates, host).map(Some)
        })?;
    }
    if is_node || was_member {
        let step = kubernetes::cluster_configuration(&after);
        stages.on("configuration", "Keep kubeadm's record", leaving.lead, vec![step]);
    }
    if was_member {
        let control_planes = after.control_planes();
        stages.each("api-servers", "Let API servers follow", Order::OneByOne, control_planes, |host| {
            Ok(Some(kubernetes::api_server(&after, host)))
        })?;
    }
    if was_control_plane && after.spec.kubernetes.auto_renew_certs {
        // Each has an hour by its place among them.
        stages.each(
            "auto-renew",
            "Set when certificates are renewed",
            Order::Parallel,
            after.control_planes(),
            |host| kubernetes::auto_renew(&after, leaving.templates, host).map(Some),
        )?;
    }
    if was_control_plane {
        stages.each("balancers", "Let load balancers follow", Order::OneByOne, after.workers(), |host| {
            loadbalancer::follow(&after, leaving.templates, host)
        })?;
    }
    stages.each("hosts", "Forget the host's name", Order::Parallel, &after.spec.hosts, |host| {
        let parts = [Some(os::hosts_file(&after)), os::endpoint_after_join(&after, host)];
        Ok(Some(step_of_endpoint(parts.into_iter().flatten().collect())))
    })?;
    if let Some((path, content)) = leaving.kubeconfig.clone() {
        let work = OperatorWork::KeepFile { path, content };
        stages.operator("kubeconfig", "Write the kubeconfig", work);
    }
    Ok(Plan { cluster: before.name.clone(), stages: stages.finish() })
}

fn step_of_endpoint(parts: Vec<crate::host::Part>) -> Step {
    Step::new("os/hosts", "Keep /etc/hosts", parts)
}

/// Leads all hosts that stay to a control plane that stays.
fn endpoint_elsewhere(stages: &mut Chain, after: &Cluster) -> Result<(), InstallError> {
    let steps = |host: &Host| Ok(os::endpoint_after_join(after, host).map(|part| step_of_endpoint(vec![part])));
    stages.each("endpoint", "Lead hosts to another control plane", Order::Parallel, &after.spec.hosts, steps)
}
