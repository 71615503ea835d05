//! The cluster file that a site starts from.

use serde_json::{Value, json};

use super::ClusterFile;
use super::validate::API_VERSION;
use crate::yaml;

/// What stands above the fields.
const HEAD: &str = "\
# A cluster of kk's: three control planes that also run etcd, a worker, and the registry that all of them pull from.
# Replace names, addresses, users and keys by yours. A line that begins with # and no space after it is a field
# with its default: take the # away to change it. What kk knows and does not act on yet, kk create cluster refuses with a
# sentence for each.
#
#   kk config view -f FILE     shows this file with every default filled in
#   kk create cluster -f FILE -a BUNDLE     installs it
";

/// An annotated cluster file. Without a version, the one that the bundle holds is installed.
pub fn sample(name: &str, version: Option<&str>) -> String {
    let host = |number: usize| {
        json!({
            "name": format!("node{number}"),
            "address": format!("192.168.0.{}", number + 10),
            "internalAddress": format!("192.168.0.{}", number + 10),
            "user": "root",
            "privateKeyPath": "~/.ssh/id_rsa",
        })
    };
    let mut kubernetes = json!({ "clusterName": "cluster.local" });
    if let Some(version) = version {
        kubernetes["version"] = version.into();
    }
    let sample = json!({
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": { "name": name },
        "spec": {
            "hosts": (1..=5).map(host).collect::<Vec<_>>(),
            "roleGroups": {
                "etcd": ["node1", "node2", "node3"],
                "control-plane": ["node1", "node2", "node3"],
                "worker": ["node4"],
                "registry": ["node5"],
            },
            "controlPlaneEndpoint": {
                "internalLoadbalancer": "haproxy",
                "domain": "lb.kubesphere.local",
                "address": "",
                "port": 6443,
            },
            "kubernetes": kubernetes,
            "network": {
                "plugin": "flannel",
                "kubePodsCIDR": "10.233.64.0/18",
                "kubeServiceCIDR": "10.233.0.0/18",
            },
            "registry": { "type": "registry", "privateRegistry": "dockerhub.kubekey.local" },
        },
    });
    let schema = Value::from(schemars::schema_for!(ClusterFile));
    format!("{HEAD}\n{}", yaml::annotated(&schema, &sample))
}
