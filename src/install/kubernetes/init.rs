//! The first control plane.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{CLEAN, JOINED, KUBECTL, binaries, kubeadm};
use crate::cluster::Host;
use crate::host::Step;
use crate::host::part::{Directory, Part};
use crate::install::certs::Keys;
use crate::install::{Inputs, InstallError, config};

/// What kubeadm is told, on the control plane from which the cluster is worked on.
pub(super) const CONFIG: &str = "/etc/kubernetes/kk/kubeadm.yaml";

/// `kubeadm init`, with authorities that the operator keeps: a run that was interrupted is repeated with the same keys,
/// over the same etcd. What kubeadm is told stands on the host until it has ended; from then on the cluster itself knows.
pub fn initialise(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let mut parts = keys(inputs);
    if !inputs.is_node(host) {
        parts.push(private("/etc/kubernetes/kk"));
        parts.push(Part::file(CONFIG, config::yaml_stream("kubeadm.yaml", &documents(inputs, host)?)?));
    }
    let skip = if inputs.cluster.spec.kubernetes.disable_kube_proxy { " --skip-phases=addon/kube-proxy" } else { "" };
    parts.push(kubeadm_command(
        inputs,
        host,
        "Initialise the first control plane",
        &format!("kubeadm init --config {CONFIG} --skip-token-print --skip-certificate-key-print{skip}"),
    )?);
    Ok(Step::new("kubernetes/init", "Initialise Kubernetes", parts))
}

/// Everything that kubeadm is told of a cluster, in the order in which it is written.
pub(super) fn documents(inputs: &Inputs, host: &Host) -> Result<[Value; 4], InstallError> {
    let cluster = kubeadm::cluster(inputs)?;
    Ok([kubeadm::init(inputs, host), cluster, kubeadm::kubelet(inputs), kubeadm::kube_proxy(inputs)])
}

/// The keys that every control plane shares.
pub(super) fn keys(inputs: &Inputs) -> Vec<Part> {
    let pki = "/etc/kubernetes/pki";
    let keys = inputs.keys;
    let mut parts = vec![
        Part::directory("/etc/kubernetes"),
        Part::directory(pki),
        Part::directory(format!("{pki}/etcd")),
        Part::file(format!("{pki}/ca.crt"), keys.kubernetes_ca.certificate.clone()),
        Part::secret_file(format!("{pki}/ca.key"), keys.kubernetes_ca.key.clone()),
        Part::file(format!("{pki}/front-proxy-ca.crt"), keys.front_proxy_ca.certificate.clone()),
        Part::secret_file(format!("{pki}/front-proxy-ca.key"), keys.front_proxy_ca.key.clone()),
        Part::file(format!("{pki}/sa.pub"), keys.service_account.public.clone()),
        Part::secret_file(format!("{pki}/sa.key"), keys.service_account.private.clone()),
        Part::file(format!("{pki}/etcd/ca.crt"), keys.etcd_ca.certificate.clone()),
    ];
    parts.extend(etcd_client(keys));
    parts
}

/// What API servers show to etcd.
pub fn etcd_client(keys: &Keys) -> Vec<Part> {
    let file = "/etc/kubernetes/pki/apiserver-etcd-client";
    vec![
        Part::file(format!("{file}.crt"), keys.etcd_client.certificate.clone()),
        Part::secret_file(format!("{file}.key"), keys.etcd_client.key.clone()),
    ]
}

fn private(path: &str) -> Part {
    Part::Directory(Directory { path: path.into(), mode: 0o700, owner: "root".into() })
}

/// A kubeadm command that is done once: what an interrupted one left is cleaned first, and success is recorded last.
pub(super) fn kubeadm_command(inputs: &Inputs, host: &Host, title: &str, command: &str) -> Result<Part, InstallError> {
    let version = binaries::kubelet_version(inputs, host)?;
    let part = Part::command(
        title,
        format!("[ -s {JOINED} ] && [ -s /etc/kubernetes/kubelet.conf ]"),
        format!(
            "{CLEAN}{command}\nmkdir -p /var/lib/kk/kubernetes /var/lib/kk/units\n\
             printf %s {version} > /var/lib/kk/units/kubelet.service\n\
             sync\ndate -u +%FT%TZ > {JOINED}"
        ),
    )
    .within(Duration::from_secs(600));
    Ok(part)
}

/// Lets hosts join for an hour. Planned only when a host has yet to join.
pub fn token(inputs: &Inputs) -> Step {
    let token = inputs.bootstrap_token.expose_secret();
    let id = token.split('.').next().unwrap_or_default().to_owned();
    let file = "/etc/kubernetes/kk/token";
    let parts = vec![
        private("/etc/kubernetes/kk"),
        Part::secret_file(file, SecretString::from(token.to_owned())),
        Part::command(
            "Let hosts join for an hour",
            format!("{KUBECTL} -n kube-system get secret bootstrap-token-{id} >/dev/null 2>&1"),
            // The token comes from a file: arguments are in the process list.
            format!(
                "{KUBECTL} apply -f - >/dev/null <<KK_TOKEN\n\
                 apiVersion: v1\nkind: Secret\nmetadata:\n  name: bootstrap-token-{id}\n  namespace: kube-system\n\
                 type: bootstrap.kubernetes.io/token\nstringData:\n  token-id: {id}\n  \
                 token-secret: $(cut -d. -f2 {file})\n  \
                 expiration: $(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)\n  \
                 usage-bootstrap-authentication: \"true\"\n  usage-bootstrap-signing: \"true\"\n  \
                 auth-extra-groups: system:bootstrappers:kubeadm:default-node-token\nKK_TOKEN\nrm -f {file}"
            ),
        ),
    ];
    Step::new("kubernetes/token", "Let hosts join", parts)
}
