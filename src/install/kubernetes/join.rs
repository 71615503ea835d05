//! All hosts but the first.

use secrecy::{ExposeSecret, SecretString};

use super::init::{keys, kubeadm_command};
use super::{KUBECTL, kubeadm};
use crate::cluster::Host;
use crate::host::Step;
use crate::host::part::{Absent, Part};
use crate::install::{Inputs, InstallError, NodeState, config};

const CONFIG: &str = "/etc/kubernetes/kk-join.yaml";

/// `kubeadm join`, as a control plane or as a worker.
pub fn join(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let control_plane = inputs.cluster.has_role(&host.name, "control-plane");
    let mut parts = if control_plane { keys(inputs) } else { vec![Part::directory("/etc/kubernetes")] };
    // kubeadm brings a worker the authority, early, and refuses one that lies there already.
    let clean = if control_plane { "" } else { "rm -f /etc/kubernetes/pki/ca.crt\n" };
    if inputs.found(host)?.node == NodeState::Joined {
        // A run that was killed after the host had joined may have left the token.
        parts.push(Part::Absent(Absent { path: CONFIG.into() }));
    } else {
        let document =
            kubeadm::join(inputs, host, inputs.first_control_plane()?, inputs.bootstrap_token.expose_secret());
        parts.push(Part::secret_file(CONFIG, SecretString::from(config::yaml_stream("kk-join.yaml", &[document])?)));
    }
    parts.push(kubeadm_command(
        inputs,
        host,
        if control_plane { "Join as a control plane" } else { "Join as a worker" },
        &format!("{clean}kubeadm join --config {CONFIG}\nrm -f {CONFIG}"),
    )?);
    Ok(Step::new("kubernetes/join", "Join the cluster", parts))
}

/// Removes the nodes that hosts became halfway in an earlier run, so that they may join again under their names.
pub fn forget_half_joined(inputs: &Inputs) -> Option<Step> {
    let first = inputs.first_control_plane().ok()?;
    let parts: Vec<Part> = inputs
        .cluster
        .nodes()
        .into_iter()
        .filter(|host| host.name != first.name)
        .filter(|host| inputs.hosts.get(&host.name).is_some_and(|found| found.node == NodeState::Partial))
        .map(|host| {
            Part::command(
                format!("Forget the half-joined node {}", host.name),
                // A question that fails is no node that is gone.
                format!("node=$({KUBECTL} get node {} --ignore-not-found -o name) && [ -z \"$node\" ]", host.name),
                format!("{KUBECTL} delete node {} --ignore-not-found", host.name),
            )
        })
        .collect();
    (!parts.is_empty()).then(|| Step::new("kubernetes/forget", "Forget nodes that joined halfway", parts))
}
