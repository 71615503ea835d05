//! Kubernetes itself: kubeadm's binaries and configuration, the first control plane, and joining it.

mod auto_renew;
mod binaries;
pub mod everywhere;
mod follow;
mod images;
mod init;
mod join;
mod kubeadm;
mod kubeconfig;
pub mod upgrade;

use crate::cluster::{Cluster, Host};

pub use auto_renew::{auto_renew, no_timer};
pub use binaries::install;
pub use follow::{api_server, cluster_configuration};
pub use images::{Needed, dns, needed, needed_by};
pub use init::{etcd_client, initialise, token};
pub use join::{forget_half_joined, join};
pub use kubeadm::bind_port;
pub use kubeconfig::kubeconfig;

/// Written on a host when kubeadm has ended well there.
pub const JOINED: &str = "/var/lib/kk/kubernetes/joined";

/// kubectl as the cluster's administrator, on a control plane.
///
/// What it keeps about the API goes with kk's other records, and not into the home of root.
pub const KUBECTL: &str =
    "kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /var/lib/kk/kubectl --request-timeout 20s";

/// Where a control plane's own API server is asked, whichever one the endpoint leads to.
pub fn api_server_url(cluster: &Cluster, host: &Host) -> String {
    format!("https://{}:{}", host.internal_ipv4(), kubeadm::bind_port(cluster))
}

/// Takes back what an interrupted kubeadm left, so that it can run again. Keys stay; etcd is not touched.
const CLEAN: &str = "\
rm -f /var/lib/kk/kubernetes/joined /var/lib/kk/kubernetes/upgraded /var/lib/kk/kubernetes/uploaded
systemctl stop kubelet 2>/dev/null || :
for pod in $(crictl pods -q 2>/dev/null); do crictl stopp \"$pod\" >/dev/null 2>&1 || :; crictl rmp -f \"$pod\" >/dev/null 2>&1 || :; done
rm -rf /etc/kubernetes/manifests /etc/kubernetes/*.conf /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/pki /var/lib/kubelet/instance-config.yaml
for file in apiserver apiserver-kubelet-client front-proxy-client; do rm -f /etc/kubernetes/pki/$file.crt /etc/kubernetes/pki/$file.key; done
";
