//! From a cluster file to a [`Cluster`]: every default filled in.

use std::path::Path;

use secrecy::ExposeSecret;

use super::validate::MASTER;
use super::{CONTROL_PLANE, Cluster, ClusterFile, REGISTRY, ranges};

/// The cluster of a file, with every default filled in.
pub fn resolve(file: ClusterFile, path: &Path) -> Cluster {
    let ClusterFile { metadata, spec, .. } = filled(file);
    Cluster { name: metadata.name, spec, path: path.to_owned() }
}

/// The file with every default written out.
pub fn filled(mut file: ClusterFile) -> ClusterFile {
    let spec = &mut file.spec;
    for host in &mut spec.hosts {
        // Left empty is not given.
        for secret in [&mut host.password, &mut host.private_key, &mut host.private_key_passphrase] {
            secret.take_if(|secret| secret.expose_secret().is_empty());
        }
        host.private_key_path.take_if(|path| path.is_empty());
        host.proxy_jump.take_if(|jump| jump.is_empty());
        if host.address.is_empty() {
            host.address_left_out = true;
            host.address = host.internal_ipv4().to_owned();
        }
        if host.internal_address.is_empty() {
            host.internal_address = host.address.clone();
        }
    }

    // KubeKey takes this address for none; no other host reaches it.
    if spec.control_plane_endpoint.address == "127.0.0.1" {
        spec.control_plane_endpoint.address.clear();
    }

    let mut masters = Vec::new();
    for (role, names) in std::mem::take(&mut spec.role_groups.0) {
        let names = names.iter().flat_map(|name| ranges::expand(name).unwrap_or_else(|_| vec![name.clone()]));
        if role == MASTER {
            masters.extend(names);
        } else {
            let mut unique: Vec<String> = Vec::new();
            for name in names {
                if !unique.contains(&name) {
                    unique.push(name);
                }
            }
            spec.role_groups.0.insert(role, unique);
        }
    }
    if !masters.is_empty() {
        let control_planes = spec.role_groups.0.entry(CONTROL_PLANE.to_owned()).or_default();
        for master in masters {
            if !control_planes.contains(&master) {
                control_planes.push(master);
            }
        }
    }

    let has_registry = spec.role_groups.0.get(REGISTRY).is_some_and(|hosts| !hosts.is_empty());
    let registry = &mut spec.registry;
    if has_registry && registry.kind.is_empty() {
        registry.kind = "registry".into();
    }
    if has_registry && registry.private_registry.is_empty() {
        let mut hosts = registry.auths.keys();
        registry.private_registry = match (hosts.next(), hosts.next()) {
            (Some(only), None) => only.clone(),
            _ => "dockerhub.kubekey.local".into(),
        };
    }

    for distribution in ["k3s", "k8e"] {
        if spec.kubernetes.version.ends_with(&format!("-{distribution}")) {
            spec.kubernetes.distribution = distribution.into();
        }
    }
    if spec.kubernetes.dns_domain.is_none() {
        spec.kubernetes.dns_domain = Some(spec.kubernetes.cluster_name.clone());
    }
    let network = &mut spec.network;
    let kubernetes = &mut spec.kubernetes;
    kubernetes.nodelocaldns.get_or_insert(false);
    for switch in
        [&mut kubernetes.node_feature_discovery, &mut kubernetes.kata, &mut kubernetes.audit, &mut network.multus_cni]
    {
        switch.enabled.get_or_insert(false);
    }
    file
}
