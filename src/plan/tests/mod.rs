//! Plans of a whole installation, without a host.

pub mod create;
pub use create::outline;
mod etcd;
mod init;
mod renew;
mod rotate;
mod suffice;

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::bundle::inventory::{Component, Entry, Image, Inventory, Platform};
use crate::cluster::{Cluster, ClusterFile, filled};
use crate::digest::{Blake3, Digest};
use crate::install::certs::{KeyStore, Keys};
use crate::install::templates::Templates;
use crate::install::{EtcdState, Found, Inputs, NodeState, RegistryLogin};
use crate::plan::{Finding, Plan, Preview, StepPlace, Survey, Task};

/// Three control planes with etcd, one worker, one registry.
const CLUSTER: &str = r#"
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: sample}
spec:
  hosts:
    - {name: node1, address: 192.0.2.11}
    - {name: node2, address: 192.0.2.12}
    - {name: node3, address: 192.0.2.13}
    - {name: node4, address: 192.0.2.14, labels: {disk: ssd}}
    - {name: node5, address: 192.0.2.15}
  roleGroups: {etcd: [node1, node2, node3], control-plane: [node1, node2, node3], worker: [node4], registry: [node5]}
  controlPlaneEndpoint: {internalLoadbalancer: haproxy}
  kubernetes: {version: v1.35.4}
  network: {plugin: flannel}
"#;

pub fn cluster() -> Cluster {
    let file: ClusterFile = serde_saphyr::from_str(CLUSTER).expect("the sample is a cluster file");
    let file = filled(file);
    Cluster { name: file.metadata.name, spec: file.spec, path: "cluster.yaml".into() }
}

pub fn inventory() -> Inventory {
    let component = |name: &str, version: &str| Component {
        name: name.into(),
        version: version.into(),
        arch: "amd64".into(),
        source: format!("https://example.org/{name}"),
        entry: Entry {
            path: format!("files/{name}/{version}/amd64/{name}"),
            size: 1,
            sha256: Digest::of(name.as_bytes()),
            blake3: Blake3(String::new()),
            absent: false,
        },
    };
    let image = |reference: &str| Image {
        reference: reference.into(),
        digest: Digest::of(reference.as_bytes()),
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        platforms: vec![Platform {
            platform: "linux/amd64".into(),
            manifest: Digest::of(reference.as_bytes()),
            blobs: Vec::new(),
        }],
    };
    Inventory {
        format: 1,
        name: "sample".into(),
        release: None,
        base: None,
        arches: vec!["amd64".into()],
        components: vec![
            component("cni", "v1.9.1"),
            component("containerd", "v2.2.9"),
            component("crictl", "v1.36.0"),
            component("docker-registry", "v3.1.2"),
            component("etcd", "v3.6.15"),
            component("kubeadm", "v1.35.4"),
            component("kubectl", "v1.35.4"),
            component("kubelet", "v1.35.4"),
            component("runc", "v1.4.3"),
        ],
        images: [
            "docker.io/library/haproxy:2.6.12",
            "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1",
            "ghcr.io/flannel-io/flannel:v0.28.4",
            "registry.k8s.io/coredns/coredns:v1.13.1",
            "registry.k8s.io/kube-apiserver:v1.35.4",
            "registry.k8s.io/kube-controller-manager:v1.35.4",
            "registry.k8s.io/kube-proxy:v1.35.4",
            "registry.k8s.io/kube-scheduler:v1.35.4",
            "registry.k8s.io/pause:3.10.1",
        ]
        .map(image)
        .to_vec(),
        blobs: Vec::new(),
        charts: Vec::new(),
        packages: Vec::new(),
        files: Vec::new(),
    }
}

/// Keeps nothing: every run of a test has keys of its own.
struct Forgetful;

impl KeyStore for Forgetful {
    fn load(&self, _name: &str) -> std::io::Result<Option<String>> {
        Ok(None)
    }

    fn save(&self, _name: &str, _text: &SecretString) -> std::io::Result<()> {
        Ok(())
    }

    fn remove(&self, _name: &str) -> std::io::Result<()> {
        Ok(())
    }
}

/// The plan for hosts that are in these states; etcd runs where kubeadm has begun.
fn planned(node: impl Fn(&str) -> NodeState) -> super::Plan {
    planned_for(&cluster(), |host| Found {
        arch: "amd64".into(),
        node: node(host),
        swap: false,
        etcd: if node(host) == NodeState::Absent { EtcdState::Absent } else { EtcdState::Member },
        etcd_runs: node(host) != NodeState::Absent,
    })
}

/// The plan for this cluster on hosts of which this was found.
fn planned_for(cluster: &Cluster, found: impl Fn(&str) -> Found) -> super::Plan {
    with_found(cluster, found, |inputs| super::create(inputs, true).expect("a plan can be made"))
}

/// The sample with so many hosts, all but five of them further workers.
pub fn many(count: usize) -> Cluster {
    let mut cluster = cluster();
    let worker = cluster.spec.hosts[3].clone();
    for number in cluster.spec.hosts.len()..count {
        let mut host = worker.clone();
        host.name = format!("worker{number}");
        // Documentation has no thousand addresses.
        host.address = format!("198.18.{}.{}", number / 250, number % 250 + 1);
        host.internal_address.clone_from(&host.address);
        cluster.spec.role_groups.0.entry("worker".into()).or_default().push(host.name.clone());
        cluster.spec.hosts.push(host);
    }
    cluster
}

/// The plan for hosts on which nothing is yet.
pub fn bare(cluster: &Cluster) -> super::Plan {
    planned_for(cluster, |_| Found {
        arch: "amd64".into(),
        node: NodeState::Absent,
        swap: false,
        etcd: EtcdState::Absent,
        etcd_runs: false,
    })
}

/// The plans that end early, for hosts on which nothing is yet: operating systems, the registry, and with its images.
pub fn beginnings(cluster: &Cluster) -> [super::Plan; 3] {
    let bare = |_: &str| Found {
        arch: "amd64".into(),
        node: NodeState::Absent,
        swap: false,
        etcd: EtcdState::Absent,
        etcd_runs: false,
    };
    with_found(cluster, bare, |inputs| {
        [super::init_os(inputs), super::init_registry(inputs, false), super::init_registry(inputs, true)]
            .map(|plan| plan.expect("a plan can be made"))
    })
}

/// What is built from a cluster whose hosts are all nodes.
pub fn with_inputs<T>(cluster: &Cluster, then: impl FnOnce(&Inputs) -> T) -> T {
    let found = |_: &str| Found {
        arch: "amd64".into(),
        node: NodeState::Joined,
        swap: false,
        etcd: EtcdState::Member,
        etcd_runs: true,
    };
    with_found(cluster, found, then)
}

fn with_found<T>(cluster: &Cluster, found: impl Fn(&str) -> Found, then: impl FnOnce(&Inputs) -> T) -> T {
    let inventory = inventory();
    let hosts: BTreeMap<String, Found> =
        cluster.spec.hosts.iter().map(|host| (host.name.clone(), found(&host.name))).collect();
    let inputs = Inputs {
        cluster,
        inventory: &inventory,
        hosts: &hosts,
        keys: &Keys::prepare(cluster, &Forgetful).expect("keys can be made"),
        registry: &RegistryLogin {
            username: "admin".into(),
            password: SecretString::from("hush".to_owned()),
            htpasswd: SecretString::from("admin:hushed".to_owned()),
        },
        bootstrap_token: &SecretString::from("abcdef.0123456789abcdef".to_owned()),
        templates: &Templates::new(&BTreeMap::new()).expect("the built-in templates are templates"),
    };
    then(&inputs)
}

/// The whole plan as a dry run shows it on hosts where nothing holds.
pub(crate) fn render(plan: &Plan) -> String {
    let mut survey = Survey::default();
    for (stage, body) in plan.stages.iter().enumerate() {
        for (task, content) in body.tasks.iter().enumerate() {
            let Task::Host { steps, .. } = content else { continue };
            for (step, content) in steps.iter().enumerate() {
                let findings = vec![Finding::Differs(None); content.parts.len()];
                survey.steps.insert(StepPlace { stage, task, step }, findings);
            }
        }
    }
    let text = Preview::new(plan, &survey).text;
    let (headline, rest) = text.split_once('\n').unwrap();
    format!("{}\n{rest}", headline.split_once(';').unwrap().0)
}
