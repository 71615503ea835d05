//! The Manifest kind: what to carry. KubeKey's `kubekey.kubesphere.io/v1alpha2`, with every field of its 3.x line;
//! fields that `kk` adds are marked (kk).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::{Metadata, RegistryAuth};

/// A whole manifest file, as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestFile {
    /// `kubekey.kubesphere.io/v1alpha2`.
    pub api_version: String,
    /// `Manifest`.
    pub kind: String,
    pub metadata: Metadata,
    pub spec: ManifestSpec,
}

/// What to carry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ManifestSpec {
    /// Architectures of the hosts: `amd64`, `arm64`.
    pub arches: Vec<String>,
    /// Operating systems whose packages are carried.
    pub operating_systems: Vec<OperatingSystem>,
    /// Kubernetes releases; several versions are allowed, of one type.
    pub kubernetes_distributions: Vec<KubernetesDistribution>,
    /// Programs that are installed on hosts, by version.
    pub components: Components,
    /// References of images: with a tag or a digest, any registry and port; a name without a registry is of Docker Hub.
    pub images: Vec<String>,
    /// The registries that images are pulled from.
    pub registry: SourceRegistries,
    /// Helm charts. (kk)
    pub charts: Vec<ChartSource>,
    /// Number of the delivery, higher each time: a site does not take a lower one than it has. (kk)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Further files, carried as they are. (kk)
    pub files: Vec<FileSource>,
}

impl Default for ManifestSpec {
    fn default() -> Self {
        Self {
            arches: vec!["amd64".into()],
            operating_systems: Vec::new(),
            kubernetes_distributions: Vec::new(),
            components: Components::default(),
            images: Vec::new(),
            registry: SourceRegistries::default(),
            charts: Vec::new(),
            release: None,
            files: Vec::new(),
        }
    }
}

/// An operating system of the hosts, for one version and architecture.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OperatingSystem {
    /// `amd64` or `arm64`.
    pub arch: String,
    /// `linux`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ID` of os-release, such as `debian`.
    pub id: String,
    /// `VERSION_ID` of os-release, such as `12`.
    pub version: String,
    /// Name for people.
    pub os_image: String,
    pub repository: Repository,
}

/// Where an operating system's packages come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Repository {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<Iso>,
}

/// An ISO image with a package repository; `url` wins over `localPath`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Iso {
    /// Path on the machine that exports, relative to the manifest.
    pub local_path: String,
    pub url: String,
    /// SHA-256 of the image, as hex digits. Checked always.
    pub checksum: String,
}

/// A Kubernetes release.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesDistribution {
    /// `kubernetes`, `k3s` or `k8e`.
    #[serde(rename = "type", default = "kubernetes")]
    pub kind: String,
    /// With its `v`.
    pub version: String,
}

fn kubernetes() -> String {
    "kubernetes".into()
}

/// Programs that are installed on hosts. One without a version is not carried.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Components {
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub helm: Component,
    /// The CNI plugins of containernetworking.
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub cni: Component,
    #[serde(skip_serializing_if = "Etcd::is_absent")]
    pub etcd: Etcd,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub container_runtimes: Vec<ContainerRuntime>,
    /// (kk) KubeKey picks a version itself.
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub runc: Component,
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub crictl: Component,
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub calicoctl: Component,
    /// (kk) KubeKey picks a version itself.
    #[serde(rename = "cri-dockerd", skip_serializing_if = "Component::is_absent")]
    pub cri_dockerd: Component,
    /// The distribution registry.
    #[serde(rename = "docker-registry", skip_serializing_if = "Component::is_absent")]
    pub docker_registry: Component,
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub harbor: Component,
    #[serde(rename = "docker-compose", skip_serializing_if = "Component::is_absent")]
    pub docker_compose: Component,
    /// This program itself, for the machine inside that installs from the bundle. (kk)
    #[serde(skip_serializing_if = "Component::is_absent")]
    pub kk: Component,
}

impl Components {
    /// Every component that has a version, under its name in the catalogue and in the bundle's inventory.
    pub fn wanted(&self) -> Vec<(String, String)> {
        let named = [
            ("helm", &self.helm),
            ("cni", &self.cni),
            ("runc", &self.runc),
            ("crictl", &self.crictl),
            ("calicoctl", &self.calicoctl),
            ("cri-dockerd", &self.cri_dockerd),
            ("docker-registry", &self.docker_registry),
            ("harbor", &self.harbor),
            ("docker-compose", &self.docker_compose),
            ("kk", &self.kk),
        ];
        let versions = named.into_iter().filter(|(_, component)| !component.is_absent());
        let etcd = self.etcd.via.iter().chain([&self.etcd.version]).filter(|version| !version.is_empty());
        let etcd = etcd.map(|version| ("etcd".to_owned(), version.clone()));
        let runtimes = self.container_runtimes.iter().map(|runtime| (runtime.kind.clone(), runtime.version.clone()));
        versions
            .map(|(name, component)| (name.to_owned(), component.version.clone()))
            .chain(etcd)
            .chain(runtimes)
            .collect()
    }
}

/// A program and its version.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Component {
    /// As the program's releases spell it, mostly with a `v`.
    pub version: String,
}

impl Component {
    /// Whether no version is named, so that the component is not carried.
    pub fn is_absent(&self) -> bool {
        self.version.is_empty()
    }
}

/// etcd's version, and those that lie on the way to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Etcd {
    /// With its `v`.
    pub version: String,
    /// (kk) Versions that members of older ones go through first: from etcd 3.5 to 3.6 the way leads over 3.5.26 or a
    /// later 3.5. kk upgrade plan writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

impl Etcd {
    /// Whether no version is named, so that etcd is not carried.
    pub fn is_absent(&self) -> bool {
        self.version.is_empty() && self.via.is_empty()
    }
}

/// A container runtime and its version.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerRuntime {
    /// `containerd` or `docker`.
    #[serde(rename = "type")]
    pub kind: String,
    pub version: String,
}

/// The registries that images are pulled from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SourceRegistries {
    /// Registry host → credentials and TLS settings.
    pub auths: BTreeMap<String, RegistryAuth>,
}

/// A file that is carried as it is; `url` wins over `localPath`. (kk)
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FileSource {
    /// Name below `files/` in the bundle.
    pub name: String,
    /// Path on the machine that exports, relative to the manifest.
    pub local_path: String,
    pub url: String,
    /// SHA-256, as hex digits. A file from a URL needs it; without it, the lock pins what was fetched first.
    pub checksum: String,
}

/// A Helm chart, from a repository or from this machine's disk. (kk)
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChartSource {
    /// As in its Chart.yaml.
    pub name: String,
    /// As in its Chart.yaml: one version, not a range.
    pub version: String,
    /// Where it is published: `https://charts.example.org/stable`, which has an `index.yaml`, or
    /// `oci://registry.example.org/charts`, below which the registry has the chart by its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// In place of `repo`: an archive (`.tgz`) or a chart's folder on the machine that exports, relative to the
    /// manifest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// SHA-256 of the archive, as hex digits. Without it, the repository's index decides, or what was fetched first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
}
