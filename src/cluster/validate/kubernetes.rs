//! Version and settings of Kubernetes.

use super::{Problems, addresses};
use crate::cluster::{ClusterSpec, names};
use crate::yaml::{Path, Problem};

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.kubernetes");
    let kubernetes = &spec.kubernetes;
    problems.one_of(all.key("type"), &kubernetes.distribution, &["kubernetes", "k3s", "k8e"]);
    if !kubernetes.version.is_empty()
        && let Some(hint) = names::version_trouble(&kubernetes.version)
    {
        let message = format!("{:?} is not a version of Kubernetes", kubernetes.version);
        problems.push(Problem::new(all.key("version"), message).hint(hint));
    }
    for (key, name) in [("clusterName", Some(&kubernetes.cluster_name)), ("dnsDomain", kubernetes.dns_domain.as_ref())]
    {
        if let Some(name) = name.filter(|name| !names::is_dns_name(name)) {
            problems.add(all.key(key), format!("{name:?} cannot be a domain"));
        }
    }
    problems.one_of(all.key("proxyMode"), &kubernetes.proxy_mode, &["iptables", "ipvs", "nftables"]);
    let managers = ["containerd", "docker", "crio", "isula"];
    problems.one_of(all.key("containerManager"), &kubernetes.container_manager, &managers);
    if kubernetes.max_pods == 0 {
        problems.add(all.key("maxPods"), "spec.kubernetes.maxPods must be at least 1");
    }
    if kubernetes.pod_pids_limit == 0 || kubernetes.pod_pids_limit < -1 {
        let message = "spec.kubernetes.podPidsLimit must be at least 1, or -1 for no limit";
        problems.add(all.key("podPidsLimit"), message);
    }
    for (index, name) in kubernetes.apiserver_cert_extra_sans.iter().enumerate() {
        let path = all.key("apiserverCertExtraSans").index(index);
        let name_or_wildcard = name.strip_prefix("*.").unwrap_or(name);
        if !names::is_host(name_or_wildcard) {
            problems.add(path, format!("{name:?} is neither an address nor a host name"));
        }
    }
    problems.flags(&all.key("apiserverArgs"), &kubernetes.apiserver_args);
    problems.flags(&all.key("controllerManagerArgs"), &kubernetes.controller_manager_args);
    problems.flags(&all.key("schedulerArgs"), &kubernetes.scheduler_args);
    problems.flags(&all.key("kubeletArgs"), &kubernetes.kubelet_args);
    problems.flags(&all.key("kubeProxyArgs"), &kubernetes.kube_proxy_args);
    node_ranges(spec, problems);
}

/// Every node gets a part of the range for pods: there must be enough parts, and each must be large enough.
fn node_ranges(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.kubernetes");
    let kubernetes = &spec.kubernetes;
    let Some(pods) = addresses::ipv4(&spec.network.kube_pods_cidr) else { return };
    let (mask, prefix) = (kubernetes.node_cidr_mask_size, pods.prefix_len());
    if mask < prefix || mask > 30 {
        let message = format!("spec.kubernetes.nodeCidrMaskSize must lie between {prefix} and 30: {pods} is cut by it");
        problems.add(all.key("nodeCidrMaskSize"), message);
        return;
    }
    let nodes = 1u64 << (mask - prefix);
    if spec.hosts.len() as u64 > nodes {
        let message = format!("{pods} has room for {nodes} nodes of /{mask} each, and there are {}", spec.hosts.len());
        let hint = "widen spec.network.kubePodsCIDR, or raise nodeCidrMaskSize";
        problems.push(Problem::new(all.key("nodeCidrMaskSize"), message).hint(hint));
    }
    let addresses = (1u64 << (32 - mask)) - 2;
    if u64::from(kubernetes.max_pods) > addresses {
        let message = format!("a node has {addresses} addresses for its pods, and maxPods is {}", kubernetes.max_pods);
        let hint = "lower maxPods or nodeCidrMaskSize";
        problems.push(Problem::new(all.key("maxPods"), message).hint(hint));
    }
}
