//! kubeadm's configuration (kubeadm.k8s.io/v1beta4), as plain documents.

use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Host};
use crate::install::{Inputs, InstallError, config, etcd};

pub(super) const API: &str = "kubeadm.k8s.io/v1beta4";
pub(super) const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// InitConfiguration of the first control plane.
pub fn init(inputs: &Inputs, host: &Host) -> Value {
    json!({
        "apiVersion": API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": { "advertiseAddress": host.internal_ipv4(), "bindPort": bind_port(inputs.cluster) },
        "nodeRegistration": node_registration(inputs, host),
    })
}

/// JoinConfiguration of any other host. Holds the token, so it is a secret.
pub fn join(inputs: &Inputs, host: &Host, first: &Host, token: &str) -> Value {
    let mut document = json!({
        "apiVersion": API,
        "kind": "JoinConfiguration",
        "nodeRegistration": node_registration(inputs, host),
        "discovery": {
            "bootstrapToken": {
                "apiServerEndpoint": format!("{}:{}", first.internal_ipv4(), bind_port(inputs.cluster)),
                "token": token,
                "caCertHashes": inputs.keys.discovery_hash().into_iter().collect::<Vec<_>>(),
            },
        },
    });
    if inputs.cluster.has_role(&host.name, "control-plane") {
        document["controlPlane"] = json!({
            "localAPIEndpoint": { "advertiseAddress": host.internal_ipv4(), "bindPort": bind_port(inputs.cluster) },
        });
    }
    document
}

/// The API servers' own port. Only an endpoint that stands elsewhere can have another one.
pub fn bind_port(cluster: &Cluster) -> u16 {
    let endpoint = &cluster.spec.control_plane_endpoint;
    if endpoint.address.is_empty() && !endpoint.external_dns { endpoint.port } else { 6443 }
}

fn node_registration(inputs: &Inputs, host: &Host) -> Value {
    let mut registration = json!({
        "name": host.name,
        "criSocket": SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "ignorePreflightErrors": inputs.cluster.spec.kubernetes.ignore_preflight_errors,
        "kubeletExtraArgs": config::extra_args(
            &inputs.cluster.spec.kubernetes.kubelet_args,
            &[("node-ip", host.internal_ipv4().to_owned())],
        ),
    });
    if inputs.cluster.has_role(&host.name, "control-plane") && inputs.cluster.has_role(&host.name, "worker") {
        registration["taints"] = json!([]);
    }
    registration
}

/// ClusterConfiguration.
pub fn cluster(inputs: &Inputs) -> Result<Value, InstallError> {
    let spec = &inputs.cluster.spec;
    let kubernetes = &spec.kubernetes;
    let endpoint = &spec.control_plane_endpoint;
    let mut gates: Vec<String> =
        kubernetes.feature_gates.iter().map(|(gate, enabled)| format!("{gate}={enabled}")).collect();
    gates.sort();
    let gates: Vec<(&str, String)> =
        if gates.is_empty() { Vec::new() } else { vec![("feature-gates", gates.join(","))] };
    let mut manager = gates.clone();
    manager.push(("node-cidr-mask-size", kubernetes.node_cidr_mask_size.to_string()));
    let coredns = inputs.image_of_release("registry.k8s.io/coredns/coredns")?;
    let (_, coredns_tag) = coredns.rsplit_once(':').unwrap_or((coredns, ""));
    Ok(json!({
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "clusterName": kubernetes.cluster_name,
        "kubernetesVersion": kubernetes.version,
        "controlPlaneEndpoint": format!("{}:{}", endpoint.domain, endpoint.port),
        "imageRepository": "registry.k8s.io",
        "certificatesDir": "/etc/kubernetes/pki",
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {
            "dnsDomain": kubernetes.dns_domain.as_deref().unwrap_or(&kubernetes.cluster_name),
            "podSubnet": spec.network.kube_pods_cidr,
            "serviceSubnet": spec.network.kube_service_cidr,
        },
        "etcd": {
            "external": {
                "endpoints": etcd::endpoints(inputs.cluster),
                "caFile": "/etc/kubernetes/pki/etcd/ca.crt",
                "certFile": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
                "keyFile": "/etc/kubernetes/pki/apiserver-etcd-client.key",
            },
        },
        "dns": { "imageRepository": "registry.k8s.io/coredns", "imageTag": coredns_tag },
        "apiServer": {
            "certSANs": names(inputs.cluster),
            "extraArgs": config::extra_args(&kubernetes.apiserver_args, &gates),
        },
        "controllerManager": { "extraArgs": config::extra_args(&kubernetes.controller_manager_args, &manager) },
        "scheduler": { "extraArgs": config::extra_args(&kubernetes.scheduler_args, &gates) },
    }))
}

/// All names and addresses by which somebody may reach an API server.
pub(super) fn names(cluster: &Cluster) -> Vec<String> {
    let endpoint = &cluster.spec.control_plane_endpoint;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), endpoint.domain.clone()];
    names.extend((!endpoint.address.is_empty()).then(|| endpoint.address.clone()));
    for host in cluster.nodes() {
        names.extend([host.name.clone(), host.internal_ipv4().to_owned(), host.address.clone()]);
    }
    names.extend(cluster.spec.kubernetes.apiserver_cert_extra_sans.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// KubeletConfiguration, the user's laid over.
pub fn kubelet(inputs: &Inputs) -> Value {
    let kubernetes = &inputs.cluster.spec.kubernetes;
    let base = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "maxPods": kubernetes.max_pods,
        "podPidsLimit": kubernetes.pod_pids_limit,
        "rotateCertificates": true,
        "featureGates": kubernetes.feature_gates,
    });
    over(base, &kubernetes.kubelet_configuration)
}

/// KubeProxyConfiguration, the user's laid over.
pub fn kube_proxy(inputs: &Inputs) -> Value {
    let spec = &inputs.cluster.spec;
    let base = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clusterCIDR": spec.network.kube_pods_cidr,
        "mode": spec.kubernetes.proxy_mode,
        "iptables": { "masqueradeAll": spec.kubernetes.masquerade_all },
    });
    over(base, &spec.kubernetes.kube_proxy_configuration)
}

fn over(base: Value, settings: &Map<String, Value>) -> Value {
    let mut document = base.as_object().cloned().unwrap_or_default();
    config::merge(&mut document, settings);
    Value::Object(document)
}
