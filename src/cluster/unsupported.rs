//! What a cluster file may ask for that `kk create cluster` does not act on yet: it refuses, before it touches a host.
//!
//! Every field of the file is either acted upon by the planner or looked at here. Settings of something that is not
//! chosen (those of Calico beside `plugin: flannel`, say) have no effect for anyone, and are passed over.

use std::fmt;

use super::{CONTROL_PLANE, Dns, ETCD, System};
use super::{Cluster, ControlPlaneEndpoint, Etcd, Host, Kubernetes, Network, Openebs, REGISTRY, Registry, WORKER};
use crate::yaml::Path;

/// A field that is understood and shown, but that nothing acts on yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Address in the cluster file, such as `spec.registry.type`.
    pub path: Path,
    /// A full sentence that says so.
    pub sentence: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.sentence)
    }
}

/// Everything in the file that would have to be ignored, so that a job can refuse instead.
pub fn unsupported(cluster: &Cluster) -> Vec<Unsupported> {
    let mut found = Findings::default();
    let spec = &cluster.spec;
    hosts(&spec.hosts, &mut found);
    roles(cluster, &mut found);
    endpoint(&spec.control_plane_endpoint, &mut found);
    system(&spec.system, &mut found);
    kubernetes(&spec.kubernetes, &mut found);
    etcd(&spec.etcd, &mut found);
    dns(&spec.dns, &mut found);
    network(&spec.network, &mut found);
    found.when(
        spec.storage.openebs.base_path != Openebs::default().base_path,
        "spec.storage.openebs.basePath",
        "kk does not install OpenEBS yet.",
    );
    registry(cluster, &spec.registry, &mut found);
    found.when(!spec.addons.is_empty(), "spec.addons", "kk does not install addons yet.");
    let kubesphere = &spec.kubesphere;
    found.when(
        kubesphere.enabled || !kubesphere.version.is_empty() || !kubesphere.configurations.is_null(),
        "spec.kubesphere",
        "kk does not install KubeSphere yet.",
    );
    found.0
}

#[derive(Default)]
struct Findings(Vec<Unsupported>);

impl Findings {
    fn add(&mut self, path: Path, sentence: impl Into<String>) {
        self.0.push(Unsupported { path, sentence: sentence.into() });
    }

    fn when(&mut self, set: bool, path: &str, sentence: &str) {
        if set {
            self.add(Path::of(path), sentence);
        }
    }
}

fn hosts(hosts: &[Host], found: &mut Findings) {
    for (index, host) in hosts.iter().enumerate() {
        let path = Path::of("spec.hosts").index(index).key("internalAddress");
        if host.internal_address.contains(',') {
            found.add(path, "kk does not make dual-stack clusters yet; name the IPv4 address alone.");
        } else if host.internal_address.contains(':') {
            found.add(path, "kk does not make IPv6 clusters yet; name an IPv4 address.");
        }
    }
}

fn roles(cluster: &Cluster, found: &mut Findings) {
    let all = Path::of("spec.roleGroups");
    for role in cluster.spec.role_groups.0.keys() {
        if ![CONTROL_PLANE, WORKER, ETCD, REGISTRY].contains(&role.as_str()) {
            found.add(all.key(role), "kk does nothing with roles of one's own yet.");
        }
    }
    let registries = cluster.registry_hosts().len();
    if registries == 0 && cluster.registry_name().is_none() {
        let sentence =
            "kk needs a host of role registry, or the name of the site's own in spec.registry.privateRegistry.";
        found.add(all, sentence);
    } else if registries > 1 {
        found.add(all.key(REGISTRY), "kk installs a registry on one host only so far.");
    }
}

fn endpoint(endpoint: &ControlPlaneEndpoint, found: &mut Findings) {
    found.when(
        endpoint.internal_loadbalancer == "kube-vip",
        "spec.controlPlaneEndpoint.internalLoadbalancer",
        "kk does not install kube-vip yet; haproxy is what it installs.",
    );
}

fn system(system: &System, found: &mut Findings) {
    found.when(!system.ntp_servers.is_empty(), "spec.system.ntpServers", "kk does not configure NTP yet.");
    found.when(!system.timezone.is_empty(), "spec.system.timezone", "kk does not set the time zone yet.");
    let packages = "kk does not install packages of the operating system yet.";
    found.when(!system.rpms.is_empty(), "spec.system.rpms", packages);
    found.when(!system.debs.is_empty(), "spec.system.debs", packages);
    let scripts = "kk does not run scripts yet.";
    found.when(!system.pre_install.is_empty(), "spec.system.preInstall", scripts);
    found.when(!system.post_cluster_install.is_empty(), "spec.system.postClusterInstall", scripts);
    found.when(!system.post_install.is_empty(), "spec.system.postInstall", scripts);
}

/// The first release whose kubeadm reads the configuration that kk writes (kubeadm's API v1beta4).
const OLDEST: semver::Version = semver::Version::new(1, 31, 0);

fn kubernetes(kubernetes: &Kubernetes, found: &mut Findings) {
    let all = Path::of("spec.kubernetes");
    if kubernetes.distribution != "kubernetes" {
        let sentence = format!("kk does not install {} yet; kubernetes is what it installs.", kubernetes.distribution);
        found.add(all.key("type"), sentence);
    } else if let Ok(version) = semver::Version::parse(kubernetes.version.trim_start_matches('v'))
        && version < OLDEST
    {
        found.add(all.key("version"), format!("kk installs Kubernetes v{OLDEST} and later only."));
    }
    if kubernetes.container_manager != "containerd" {
        let sentence =
            format!("kk does not install {} yet; containerd is what it installs.", kubernetes.container_manager);
        found.add(all.key("containerManager"), sentence);
    }
    let defaults = Kubernetes::default();
    let default_endpoints = ["", "unix:///run/containerd/containerd.sock", "/run/containerd/containerd.sock"];
    for (set, key, sentence) in [
        (
            !default_endpoints.contains(&kubernetes.container_runtime_endpoint.as_str()),
            "containerRuntimeEndpoint",
            "kk uses containerd at unix:///run/containerd/containerd.sock only so far.",
        ),
        (
            kubernetes.node_cidr_mask_size_ipv6 != defaults.node_cidr_mask_size_ipv6,
            "nodeCidrMaskSizeIPv6",
            "kk does not make dual-stack clusters yet.",
        ),
        (kubernetes.nodelocaldns == Some(true), "nodelocaldns", "kk does not install nodelocaldns yet."),
        (
            kubernetes.node_feature_discovery.enabled == Some(true),
            "nodeFeatureDiscovery",
            "kk does not install node-feature-discovery yet.",
        ),
        (kubernetes.kata.enabled == Some(true), "kata", "kk does not install Kata Containers yet."),
        (kubernetes.audit.enabled == Some(true), "audit", "kk does not configure audit logs yet."),
        (
            !kubernetes.kube_proxy_args.is_empty(),
            "kubeProxyArgs",
            "kk passes no arguments to kube-proxy; spec.kubernetes.kubeProxyConfiguration has all of its settings.",
        ),
        (kubernetes.nvidia_runtime, "nvidiaRuntime", "kk does not configure NVIDIA's runtime yet."),
    ] {
        if set {
            found.add(all.key(key), sentence);
        }
    }
}

fn etcd(etcd: &Etcd, found: &mut Findings) {
    if etcd.kind != "kubekey" {
        let sentence = format!("kk does not make clusters with etcd of type {} yet; kubekey is the one.", etcd.kind);
        found.add(Path::of("spec.etcd.type"), sentence);
    }
}

fn dns(dns: &Dns, found: &mut Findings) {
    let coredns = "kk does not change the configuration of CoreDNS yet.";
    found.when(!dns.dns_etc_hosts.is_empty(), "spec.dns.dnsEtcHosts", coredns);
    found.when(!dns.coredns.additional_configs.is_empty(), "spec.dns.coredns.additionalConfigs", coredns);
    found.when(!dns.coredns.external_zones.is_empty(), "spec.dns.coredns.externalZones", coredns);
    found.when(!dns.coredns.rewrite_block.is_empty(), "spec.dns.coredns.rewriteBlock", coredns);
    found.when(!dns.coredns.upstream_dns_servers.is_empty(), "spec.dns.coredns.upstreamDNSServers", coredns);
    found.when(
        !dns.nodelocaldns.external_zones.is_empty(),
        "spec.dns.nodelocaldns.externalZones",
        "kk does not install nodelocaldns yet.",
    );
}

fn network(network: &Network, found: &mut Findings) {
    let name = match network.plugin.as_str() {
        "calico" => Some("Calico"),
        "cilium" => Some("Cilium"),
        "kubeovn" => Some("Kube-OVN"),
        "hybridnet" => Some("Hybridnet"),
        _ => None,
    };
    if let Some(name) = name {
        let sentence = format!("kk does not install {name} yet; flannel is what it installs.");
        found.add(Path::of("spec.network.plugin"), sentence);
    }
    found.when(
        network.plugin == "flannel" && ["ipsec", "extension"].contains(&network.flannel.backend_mode.as_str()),
        "spec.network.flannel.backendMode",
        "kk does not configure this backend of flannel yet; vxlan and host-gw are usual.",
    );
    found.when(network.multus_cni.enabled == Some(true), "spec.network.multusCNI", "kk does not install Multus yet.");
    for (key, range) in [("kubePodsCIDR", &network.kube_pods_cidr), ("kubeServiceCIDR", &network.kube_service_cidr)] {
        if range.contains(':') {
            let sentence = "kk does not make dual-stack or IPv6 clusters yet; name an IPv4 range alone.";
            found.add(Path::of("spec.network").key(key), sentence);
        }
    }
}

fn registry(cluster: &Cluster, registry: &Registry, found: &mut Findings) {
    let all = Path::of("spec.registry");
    if registry.kind.starts_with("harbor") {
        let sentence =
            "kk does not install Harbor yet; the distribution registry (type: registry) is what it installs.";
        found.add(all.key("type"), sentence);
    }
    found.when(
        registry.private_registry.contains('/'),
        "spec.registry.privateRegistry",
        "kk does not put images below a path of a registry yet; name the host alone.",
    );
    for (set, key, sentence) in [
        (!registry.namespace_override.is_empty(), "namespaceOverride", "kk does not rename images yet."),
        (registry.namespace_rewrite.is_some(), "namespaceRewrite", "kk does not rename images yet."),
        (
            !registry.registry_mirrors.is_empty(),
            "registryMirrors",
            "kk lets hosts pull from the private registry only.",
        ),
        (
            !registry.insecure_registries.is_empty(),
            "insecureRegistries",
            "kk lets hosts pull from the private registry only; registry.auths says how that one is reached.",
        ),
        (!registry.remote_mirrors.is_empty(), "remoteMirrors", "kk lets hosts pull from the private registry only."),
        (!registry.bridge_ip.is_empty(), "bridgeIP", "kk does not install Docker yet."),
        (!registry.docker_data_dir.is_empty(), "dockerDataDir", "kk does not install Docker yet."),
        (!registry.data_root.is_empty(), "dataRoot", "kk knows this folder as registry.containerdDataDir."),
    ] {
        if set {
            found.add(all.key(key), sentence);
        }
    }
    let own = cluster.registry_name();
    for (name, auth) in &registry.auths {
        let path = all.key("auths").key(name);
        if own.as_deref() != Some(name) {
            found.add(path, "kk lets hosts pull from the private registry only.");
            continue;
        }
        // KubeKey's own files name the folder where KubeKey keeps what it generated.
        let certs_path = ["", &format!("/etc/docker/certs.d/{name}")].contains(&auth.certs_path.as_str());
        let installed = !cluster.registry_hosts().is_empty();
        let tls = "the registry that kk installs has TLS, and its certificate is checked.";
        let generated = "kk makes the certificate of the registry that it installs itself so far.";
        let client = "kk does not show certificates of its own to a registry yet.";
        for (set, key, sentence) in [
            (installed && auth.plain_http, "plainHTTP", tls),
            (installed && auth.skip_tls_verify, "skipTLSVerify", tls),
            (installed && !auth.ca_file.is_empty(), "caFile", generated),
            (!certs_path, "certsPath", if installed { generated } else { "kk knows caFile only so far." }),
            (!auth.cert_file.is_empty(), "certFile", if installed { generated } else { client }),
            (!auth.key_file.is_empty(), "keyFile", if installed { generated } else { client }),
        ] {
            if set {
                found.add(path.key(key), sentence);
            }
        }
    }
}

#[cfg(test)]
mod tests;
