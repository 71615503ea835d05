//! A manifest of what a running cluster has: its versions, its hosts' systems, and the images of all its pods.

use std::collections::BTreeSet;
use std::path::Path;

use super::draft::{Draft, System, sort};
use crate::apiserver::objects::{Node, NodeInfo, Pod};
use crate::apiserver::{Access, ApiError, Client};
use crate::catalog::Catalog;
use crate::cluster::names;
use crate::event::{Event, Events};
use crate::image::Reference;
use crate::jobs::{JobError, Kind};

/// Repositories of images, and the component that installs the same program.
const COMPONENTS_BY_IMAGE: [(&str, &str); 1] = [("registry.k8s.io/etcd", "etcd")];

/// Asks the cluster of a kubeconfig.
pub(super) async fn draft(
    name: &str,
    kubeconfig: &Path,
    catalog: &Catalog,
    events: &Events,
) -> Result<Draft, JobError> {
    let access = Access::read(kubeconfig).map_err(|error| {
        JobError::new(Kind::File, format!("the kubeconfig {} cannot be used", kubeconfig.display())).because(error)
    })?;
    let (nodes, images) = ask(&access).await.map_err(|error| {
        JobError::new(Kind::Network, "the cluster cannot be asked what it has")
            .because(error)
            .hint("the user of the kubeconfig must be allowed to list nodes, and pods of all namespaces")
    })?;
    if nodes.is_empty() {
        return Err(JobError::new(Kind::Network, format!("{} has no nodes", access.server)));
    }
    let (draft, notes) = describe(name, &nodes, &images, catalog);
    notes.into_iter().for_each(|message| events.emit(Event::Note { message }));
    Ok(draft)
}

async fn ask(access: &Access) -> Result<(Vec<NodeInfo>, BTreeSet<String>), ApiError> {
    let client = Client::new(access)?;
    let (mut nodes, mut images) = (Vec::new(), BTreeSet::new());
    client.list("/api/v1/nodes", |node: Node| nodes.push(node.status.node_info)).await?;
    client.list("/api/v1/pods", |pod: Pod| images.extend(pod.images())).await?;
    Ok((nodes, images))
}

/// Pure: what was found, as a draft; and what a person should know of it.
fn describe(name: &str, nodes: &[NodeInfo], images: &BTreeSet<String>, catalog: &Catalog) -> (Draft, Vec<String>) {
    let mut draft = Draft::new(name);
    let mut notes = Vec::new();
    let arches: BTreeSet<&str> = nodes.iter().map(|node| node.architecture.as_str()).collect();
    for arch in arches {
        match arch {
            "amd64" | "arm64" => draft.arches.push(arch.to_owned()),
            other => notes.push(format!("Nodes of architecture {other:?} are left out.")),
        }
    }
    let mut versions: Vec<String> = nodes.iter().map(|node| node.kubelet_version.clone()).collect();
    sort(&mut versions);
    versions.dedup();
    for version in versions {
        match names::version_trouble(&version) {
            None if version.contains("+k3s") => draft.distribution("k3s", &version),
            None => draft.distribution("kubernetes", &version),
            Some(_) => notes.push(format!("The version {version:?} of a node cannot be read.")),
        }
    }
    systems(nodes, &mut draft, &mut notes);
    runtimes(nodes, &mut draft, &mut notes);
    let mut named: BTreeSet<String> = BTreeSet::new();
    for text in images {
        match text.parse::<Reference>() {
            Ok(image) => drop(named.insert(without_digest(&image))),
            Err(error) => notes.push(format!("An image of a pod is left out: {error}.")),
        }
    }
    for image in &named {
        draft.image("The pods of the cluster", image);
        for (repository, component) in COMPONENTS_BY_IMAGE {
            // 3.6.6-0: the last number is that of the image's build.
            let tag = image.strip_prefix(repository).and_then(|rest| rest.strip_prefix(':'));
            if let Some(number) = tag.and_then(|tag| tag.split('-').next()).filter(|number| !number.is_empty()) {
                draft.component(component, &format!("v{number}"));
            }
        }
    }
    // The sandbox of pods is no pod's own.
    let defaults = draft.newest().and_then(|newest| catalog.defaults(&newest).cloned());
    for image in defaults.iter().flat_map(|defaults| &defaults.images).filter(|image| image.contains("/pause:")) {
        draft.image("The sandbox of every pod", image);
    }
    (draft, notes)
}

/// By tag, so that the manifest can be kept up to date; a digest stays where there is no tag.
fn without_digest(image: &Reference) -> String {
    match image.tag() {
        Some(tag) => format!("{}/{}:{tag}", image.host(), image.repository()),
        None => image.to_string(),
    }
}

fn runtimes(nodes: &[NodeInfo], draft: &mut Draft, notes: &mut Vec<String>) {
    let found: BTreeSet<&str> = nodes.iter().map(|node| node.container_runtime_version.as_str()).collect();
    for text in found {
        match text.split_once("://") {
            Some(("containerd", version)) if names::is_label_value(version) => {
                draft.runtimes.push(("containerd".into(), format!("v{}", version.trim_start_matches('v'))));
            }
            // Docker's versions have no v.
            Some(("docker", version)) if names::is_label_value(version) => {
                draft.runtimes.push(("docker".into(), version.trim_start_matches('v').to_owned()));
            }
            _ => notes.push(format!("The container runtime {text:?} cannot be carried.")),
        }
    }
}

fn systems(nodes: &[NodeInfo], draft: &mut Draft, notes: &mut Vec<String>) {
    let mut unknown = BTreeSet::new();
    for node in nodes.iter().filter(|node| draft.arches.contains(&node.architecture)) {
        match system(&node.os_image) {
            Some((id, version)) => {
                let (arch, os_image) = (node.architecture.clone(), node.os_image.clone());
                let one = System { arch, id, version, os_image };
                let same =
                    |other: &System| (&other.arch, &other.id, &other.version) == (&one.arch, &one.id, &one.version);
                if !draft.systems.iter().any(same) {
                    draft.systems.insert(one);
                }
            }
            None => drop(unknown.insert(node.os_image.as_str())),
        }
    }
    for text in unknown {
        notes.push(format!("{text:?} is no operating system that kk knows by name: add it to operatingSystems."));
    }
}

/// `ID` and `VERSION_ID` of os-release, as far as its `PRETTY_NAME` tells them.
fn system(pretty: &str) -> Option<(String, String)> {
    const KNOWN: [(&str, &str); 12] = [
        ("Debian GNU/Linux ", "debian"),
        ("Ubuntu ", "ubuntu"),
        ("CentOS Linux ", "centos"),
        ("CentOS Stream ", "centos"),
        ("Red Hat Enterprise Linux ", "rhel"),
        ("Rocky Linux ", "rocky"),
        ("AlmaLinux ", "almalinux"),
        ("Oracle Linux Server ", "ol"),
        ("openEuler ", "openEuler"),
        ("Kylin Linux Advanced Server ", "kylin"),
        ("SUSE Linux Enterprise Server ", "sles"),
        ("openSUSE Leap ", "opensuse-leap"),
    ];
    let (rest, id) = KNOWN.iter().find_map(|(name, id)| Some((pretty.strip_prefix(name)?, *id)))?;
    let mut version: String = rest.chars().take_while(|letter| !letter.is_whitespace()).collect();
    if id == "ubuntu" {
        // 22.04.4: the third number is of no release of its own.
        version = version.split('.').take(2).collect::<Vec<_>>().join(".");
    }
    names::is_label_value(&version).then(|| (id.to_owned(), version)).filter(|(_, version)| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(arch: &str, os: &str, kubelet: &str, runtime: &str) -> NodeInfo {
        NodeInfo {
            architecture: arch.into(),
            os_image: os.into(),
            kubelet_version: kubelet.into(),
            container_runtime_version: runtime.into(),
        }
    }

    #[test]
    fn a_cluster_in_the_middle_of_an_upgrade() {
        let nodes = [
            node("amd64", "Ubuntu 22.04.4 LTS", "v1.36.3", "containerd://2.2.9"),
            node("arm64", "Debian GNU/Linux 12 (bookworm)", "v1.35.4", "containerd://2.2.9"),
            node("amd64", "Ubuntu 22.04.5 LTS", "v1.35.4", "containerd://2.0.1"),
            node("riscv64", "Home Grown 1", "v1.35.4", "cri-o://1.30"),
            node("amd64", "Home Grown 1", "v1.35.4", "containerd://2.0.1"),
        ];
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let images = [
            "nginx".to_owned(),
            "docker.io/library/nginx:latest".to_owned(),
            format!("quay.io/x/web:1@{digest}"),
            format!("quay.io/x/pinned@{digest}"),
            "registry.k8s.io/etcd:3.6.6-0".to_owned(),
            "not an image".to_owned(),
        ];
        let (draft, notes) = describe("sample", &nodes, &images.into(), &Catalog::built_in().unwrap());
        insta::assert_snapshot!(format!("{}\n{}", draft.to_yaml(), notes.join("\n")), @r#"
        # What to carry across the gap for Kubernetes v1.35.4, v1.36.3.
        # `kk artifact export -m FILE` makes one file of it that holds all that the datacenter needs.
        # Further images of your own belong at the end of the list; charts and files have lists of their own.
        apiVersion: kubekey.kubesphere.io/v1alpha2
        kind: Manifest
        metadata:
          name: sample
        spec:
          arches: [amd64, arm64]
          operatingSystems:
            - arch: amd64
              type: linux
              id: "ubuntu"
              version: "22.04"
              osImage: "Ubuntu 22.04.4 LTS"
              repository: {}
            - arch: arm64
              type: linux
              id: "debian"
              version: "12"
              osImage: "Debian GNU/Linux 12 (bookworm)"
              repository: {}
          kubernetesDistributions:
            - {type: kubernetes, version: v1.35.4}
            - {type: kubernetes, version: v1.36.3}
          components:
            etcd: {version: v3.6.6}
            containerRuntimes:
              - {type: containerd, version: v2.0.1}
              - {type: containerd, version: v2.2.9}
          images:
            # The pods of the cluster
            - docker.io/library/nginx:latest
            - quay.io/x/pinned@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
            - quay.io/x/web:1
            - registry.k8s.io/etcd:3.6.6-0
            # The sandbox of every pod
            - registry.k8s.io/pause:3.10.2

        Nodes of architecture "riscv64" are left out.
        "Home Grown 1" is no operating system that kk knows by name: add it to operatingSystems.
        The container runtime "cri-o://1.30" cannot be carried.
        An image of a pod is left out: "not an image" is not an image reference: it contains ' '.
        "#);
        let source = crate::yaml::parse("manifest.yaml", draft.to_yaml().as_bytes()).unwrap();
        assert!(crate::manifest::read(&source).is_ok());
    }

    #[test]
    fn systems_are_told_by_their_names() {
        let known = |text| system(text).map(|(id, version)| format!("{id} {version}"));
        assert_eq!(known("Red Hat Enterprise Linux 9.4 (Plow)").as_deref(), Some("rhel 9.4"));
        assert_eq!(known("openEuler 22.03 (LTS-SP3)").as_deref(), Some("openEuler 22.03"));
        assert_eq!(known("Kylin Linux Advanced Server V10 (Tercel)").as_deref(), Some("kylin V10"));
        assert_eq!(known("Talos (v1.9)"), None);
        assert_eq!(known("Ubuntu "), None);
    }
}
