//! The few fields of Kubernetes' objects that are read (Kubernetes' API reference, `core/v1`).

use serde::Deserialize;

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub struct List<T> {
    #[serde(default)]
    pub metadata: ListMetadata,
    pub items: Vec<T>,
}

/// What stands above a list.
#[derive(Debug, Default, Deserialize)]
pub struct ListMetadata {
    /// Asks for the next page; empty on the last one.
    #[serde(rename = "continue", default)]
    pub continue_token: String,
}

/// A node, as far as it says what it is.
#[derive(Debug, Deserialize)]
pub struct Node {
    #[serde(default)]
    pub status: NodeStatus,
}

/// `status` of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    pub node_info: NodeInfo,
}

/// `status.nodeInfo` of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// As Go names it.
    pub architecture: String,
    /// `Debian GNU/Linux 12 (bookworm)`: PRETTY_NAME of os-release.
    pub os_image: String,
    /// `v1.35.4`, `v1.35.4+k3s1`
    pub kubelet_version: String,
    /// `containerd://2.2.9`
    pub container_runtime_version: String,
}

/// A pod, as far as it names images.
#[derive(Debug, Deserialize)]
pub struct Pod {
    #[serde(default)]
    pub spec: PodSpec,
}

/// `spec` of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub containers: Vec<Container>,
    pub init_containers: Vec<Container>,
    pub ephemeral_containers: Vec<Container>,
}

/// A container of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Container {
    pub image: String,
}

impl Pod {
    /// The images of all its containers.
    pub fn images(self) -> impl Iterator<Item = String> {
        let PodSpec { containers, init_containers, ephemeral_containers } = self.spec;
        let all = containers.into_iter().chain(init_containers).chain(ephemeral_containers);
        all.map(|container| container.image)
    }
}
