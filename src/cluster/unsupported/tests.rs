use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::cluster::{ClusterFile, ClusterSpec};

fn cluster(spec: &Value) -> Cluster {
    let spec: ClusterSpec = serde_json::from_value(spec.clone()).unwrap();
    Cluster { name: "x".into(), spec, path: PathBuf::new() }
}

/// Every field of a schema below an address, structs and the elements of lists of structs included.
fn fields(root: &Value, schema: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    let mut schema = schema;
    while let Some(name) = schema["$ref"].as_str().or_else(|| schema["anyOf"][0]["$ref"].as_str()) {
        schema = &root["$defs"][name.trim_start_matches("#/$defs/")];
    }
    match schema["properties"].as_object() {
        Some(properties) => {
            for (key, property) in properties {
                fields(root, property, &format!("{at}/{key}"), found);
            }
        }
        None => found.push((at.to_owned(), schema.clone())),
    }
}

/// Something else than what stands there.
fn other(schema: &Value, now: &Value) -> Value {
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => json!("other"),
        Some("boolean") => json!(!now.as_bool().unwrap_or_default()),
        Some("integer") => json!(now.as_u64().unwrap_or_default() + 1),
        Some("array") => match schema["items"]["$ref"].as_str() {
            Some(_) => json!([{}]),
            None => json!(["other"]),
        },
        Some("object") => match schema["additionalProperties"]["type"].as_str() {
            Some("boolean") => json!({"other": true}),
            Some("array") => json!({"other": []}),
            Some("string") => json!({"other": "other"}),
            _ => json!({"other": {}}),
        },
        _ => json!({"other": {}}),
    }
}

/// The fields that are not refused when they are changed: the planner must act upon every one of these.
///
/// Whoever adds a field to the file sees it appear here, and either teaches the planner or refuses it above.
#[test]
fn every_field_is_acted_upon_or_refused() {
    let base = json!({
        "roleGroups": {"control-plane": ["a"], "etcd": ["a"], "worker": [], "registry": ["a"]},
        "hosts": [{"name": "a", "address": "10.0.0.1", "internalAddress": "10.0.0.1"}],
        "registry": {"type": "registry", "privateRegistry": "r.local"},
        "network": {"plugin": "flannel"},
    });
    let base = serde_json::to_value(cluster(&base).spec).unwrap();
    assert_eq!(unsupported(&cluster(&base)), []);

    let root = Value::from(schemars::schema_for!(ClusterFile));
    let mut all = Vec::new();
    fields(&root, &root["$defs"]["ClusterSpec"], "", &mut all);
    assert!(all.len() > 120, "{}", all.len());
    // Settings of networks that are not chosen.
    all.retain(|(at, _)| {
        !["/network/calico", "/network/kubeovn", "/network/hybridnet"].iter().any(|not| at.starts_with(not))
    });
    let mut free = Vec::new();
    for (at, schema) in all {
        let mut changed = base.clone();
        let (parent, key) = at.rsplit_once('/').unwrap();
        if changed.pointer(parent).is_none_or(Value::is_null) {
            // Such as a rewrite of namespaces, which is not there by default.
            *changed.pointer_mut(parent.rsplit_once('/').unwrap().0).unwrap() = json!({});
            changed.pointer_mut(parent.rsplit_once('/').unwrap().0).unwrap()[parent.rsplit('/').next().unwrap()] =
                json!({});
        }
        let slot = changed.pointer_mut(parent).unwrap();
        slot[key] = other(&schema, &slot[key]);
        if unsupported(&cluster(&changed)).is_empty() {
            free.push(at);
        }
    }
    insta::assert_snapshot!(free.join("\n"), @r"
    /hosts
    /controlPlaneEndpoint/internalLoadbalancer
    /controlPlaneEndpoint/domain
    /controlPlaneEndpoint/externalDNS
    /controlPlaneEndpoint/address
    /controlPlaneEndpoint/port
    /controlPlaneEndpoint/kubevip/mode
    /system/skipConfigureOS
    /kubernetes/version
    /kubernetes/clusterName
    /kubernetes/dnsDomain
    /kubernetes/disableKubeProxy
    /kubernetes/masqueradeAll
    /kubernetes/maxPods
    /kubernetes/podPidsLimit
    /kubernetes/nodeCidrMaskSize
    /kubernetes/apiserverCertExtraSans
    /kubernetes/proxyMode
    /kubernetes/autoRenewCerts
    /kubernetes/apiserverArgs
    /kubernetes/controllerManagerArgs
    /kubernetes/schedulerArgs
    /kubernetes/kubeletArgs
    /kubernetes/featureGates
    /kubernetes/kubeletConfiguration
    /kubernetes/kubeProxyConfiguration
    /kubernetes/ignorePreflightErrors
    /kubernetes/containerd/config
    /etcd/external/endpoints
    /etcd/external/caFile
    /etcd/external/certFile
    /etcd/external/keyFile
    /etcd/port
    /etcd/peerPort
    /etcd/extraArgs
    /etcd/backupDir
    /etcd/backupPeriod
    /etcd/keepBackupNumber
    /etcd/backupScript
    /etcd/dataDir
    /etcd/heartbeatInterval
    /etcd/electionTimeout
    /etcd/snapshotCount
    /etcd/autoCompactionRetention
    /etcd/metrics
    /etcd/quotaBackendBytes
    /etcd/maxRequestBytes
    /etcd/maxSnapshots
    /etcd/maxWals
    /etcd/logLevel
    /dns/nodeEtcHosts
    /network/plugin
    /network/kubePodsCIDR
    /network/kubeServiceCIDR
    /network/flannel/backendMode
    /network/flannel/directRouting
    /registry/type
    /registry/privateRegistry
    /registry/containerdDataDir
    /registry/registryDataDir
    /preflight/ignore
    /artifact/trustedKeys
    /artifact/revokedKeys
    ");
}

#[test]
fn elements_of_lists_are_looked_at_too() {
    let spec = json!({
        "hosts": [
            {"name": "a", "internalAddress": "10.0.0.1,fd00::1"},
            {"name": "b", "internalAddress": "fd00::2"},
        ],
        "roleGroups": {"registry": ["a", "b"], "storage": ["a"]},
        "kubernetes": {"type": "k3s", "version": "v1.21.6-k3s"},
        "network": {"plugin": "kubeovn", "kubePodsCIDR": "fd01::/64"},
        "registry": {
            "type": "harbor", "privateRegistry": "r.local/team",
            "auths": {"r.local": {"plainHTTP": true, "keyFile": "k", "certsPath": "/etc/docker/certs.d/r.local"}, "other": {}},
        },
    });
    let found: Vec<String> = unsupported(&cluster(&spec)).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    spec.hosts[0].internalAddress: kk does not make dual-stack clusters yet; name the IPv4 address alone.
    spec.hosts[1].internalAddress: kk does not make IPv6 clusters yet; name an IPv4 address.
    spec.roleGroups.storage: kk does nothing with roles of one's own yet.
    spec.roleGroups.registry: kk installs a registry on one host only so far.
    spec.kubernetes.type: kk does not install k3s yet; kubernetes is what it installs.
    spec.network.plugin: kk does not install Kube-OVN yet; flannel is what it installs.
    spec.network.kubePodsCIDR: kk does not make dual-stack or IPv6 clusters yet; name an IPv4 range alone.
    spec.registry.type: kk does not install Harbor yet; the distribution registry (type: registry) is what it installs.
    spec.registry.privateRegistry: kk does not put images below a path of a registry yet; name the host alone.
    spec.registry.auths.other: kk lets hosts pull from the private registry only.
    spec.registry.auths["r.local"].plainHTTP: the registry that kk installs has TLS, and its certificate is checked.
    spec.registry.auths["r.local"].keyFile: kk makes the certificate of the registry that it installs itself so far.
    "#);
}
