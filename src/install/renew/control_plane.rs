//! Control planes: kubeadm's certificates and kubeconfigs, renewed by kubeadm with the authority's key on the host, and
//! static pods that use them.

use std::time::Duration;

use super::{Due, Renewal};
use crate::cluster::Host;
use crate::host::Step;
use crate::host::part::Part;
use crate::install::certs::Name;
use crate::install::certs::on_hosts::{APISERVER, CONTROLLER_MANAGER, Reader, SCHEDULER, read_by};
use crate::install::kubernetes::{KUBECTL, bind_port, etcd_client};
use crate::install::started::restart_container;

/// Authorities whom the API server and the controller manager trust, which they read when they begin.
const TRUSTED: &[&str] =
    &["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/front-proxy-ca.crt", "/etc/kubernetes/pki/etcd/ca.crt"];

/// What is due on the host.
pub fn renew(renewal: &Renewal, host: &Host) -> Step {
    let mut parts = Vec::new();
    if renewal.names.contains(&Name::ApiserverEtcdClient) {
        parts.extend(etcd_client(renewal.keys));
    }
    let due = renewal.due_on(&host.name).iter().filter(|due| due.name.is_kubeadms());
    parts.extend(due.map(|due| kubeadm(renewal, host, due)));
    Step::new("renew/control-plane", "Renew the certificates of the control plane", parts)
}

/// kubeadm takes names and groups from the certificate that it replaces. Without a configuration it would ask the API
/// server, which may not answer, or the internet for a version.
fn kubeadm(renewal: &Renewal, host: &Host, due: &Due) -> Part {
    let (name, address, port) = (due.name, host.internal_ipv4(), bind_port(renewal.cluster));
    Part::command(
        format!("Renew {name}"),
        due.is_replaced(),
        format!(
            "kk_config=$(mktemp)\ntrap 'rm -f \"$kk_config\"' EXIT\ncat >\"$kk_config\" <<KK_CONFIG\n\
             apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
             localAPIEndpoint: {{advertiseAddress: {address}, bindPort: {port}}}\n\
             nodeRegistration: {{name: {node}, criSocket: \"unix:///run/containerd/containerd.sock\"}}\n---\n\
             apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
             kubernetesVersion: $(kubeadm version -o short)\ncertificatesDir: /etc/kubernetes/pki\n\
             encryptionAlgorithm: ECDSA-P256\nKK_CONFIG\n\
             kubeadm certs renew {name} --config \"$kk_config\"",
            node = host.name,
        ),
    )
}

/// The static pods use what lies there, and the API server shows it.
pub fn restart(renewal: &Renewal, host: &Host) -> Step {
    let mut parts: Vec<Part> = [(APISERVER, TRUSTED), (CONTROLLER_MANAGER, TRUSTED), (SCHEDULER, &[])]
        .iter()
        .map(|(name, trusted)| {
            let files = [read_by(Reader::Container(name)), trusted.to_vec()].concat();
            restart_container(name, &files)
        })
        .collect();
    parts.insert(1, answers(renewal, host));
    Step::new("renew/restart", "Restart the control plane", parts)
}

/// The API server answers, with that very certificate: it is the only one that is trusted here. Go's TLS takes a
/// certificate for trusted that is itself among the trusted ones.
fn answers(renewal: &Renewal, host: &Host) -> Part {
    let ask = format!(
        "--server https://{}:{} --certificate-authority /etc/kubernetes/pki/apiserver.crt get --raw /readyz",
        host.internal_ipv4(),
        bind_port(renewal.cluster)
    );
    let part = Part::command(
        "Wait until the API server answers with the certificate that lies there",
        // The administrator's own certificate may not be among those that are renewed. Whoever shows none may ask this too;
        // kubectl wants a name then, which API servers pass over.
        format!(
            "{KUBECTL} {ask} >/dev/null 2>&1 || \
             kubectl --kubeconfig /dev/null --request-timeout 10s --username nobody --password nobody {ask} >/dev/null 2>&1"
        ),
        ":",
    );
    part.settling(Duration::from_secs(300))
}
