//! What a bundle lacks.

use std::collections::BTreeSet;

use crate::bundle::inventory::{Chart, Image};
use crate::chart::{Named, images};
use crate::digest::Digest;
use crate::plan::Extent;
use crate::plan::suffice::{Needs, Report, missing, report};

use super::{cluster, inventory};

fn lacks(arch: &str, change: impl FnOnce(&mut crate::bundle::Inventory)) -> String {
    let mut inventory = inventory();
    change(&mut inventory);
    let lines: Vec<String> = missing(Extent::Cluster, &cluster(), &inventory, |_| arch.to_owned())
        .into_iter()
        .map(|missing| format!("{} ({})", missing.what, missing.because))
        .collect();
    lines.join("\n")
}

#[test]
fn a_bundle_that_has_everything_lacks_nothing() {
    assert_eq!(lacks("amd64", |_| {}), "");
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let text = lacks("amd64", |inventory| {
        inventory.components.retain(|component| component.name != "runc");
        inventory.images.retain(|image| !image.reference.contains("pause") && !image.reference.contains("kube-proxy"));
    });
    insta::assert_snapshot!(text, @"
    component runc for amd64 (hosts that become nodes)
    image registry.k8s.io/kube-proxy:v1.35.4 (services on every node)
    image registry.k8s.io/pause (the sandbox of every pod)
    ");
}

#[test]
fn another_version_of_kubernetes_is_not_the_one_that_is_asked_for() {
    let text = lacks("amd64", |inventory| {
        for component in &mut inventory.components {
            if component.name == "kubelet" {
                component.version = "v1.36.3".into();
            }
        }
    });
    assert_eq!(text, "component kubelet v1.35.4 for amd64 (hosts that become nodes)");
}

#[test]
fn images_are_wanted_for_the_hosts_architecture() {
    let text = lacks("arm64", |_| {});
    assert!(text.contains("image registry.k8s.io/pause:3.10.1 for arm64 (the sandbox of every pod)"), "{text}");
    assert!(text.contains("component etcd for arm64 (role etcd)"), "{text}");
}

/// A report on the sample, with what these objects ask for.
fn held(objects: &str, change: impl FnOnce(&mut crate::bundle::Inventory)) -> Report {
    let mut inventory = inventory();
    change(&mut inventory);
    let mut needs = Needs::of(&cluster(), |_| "amd64".to_owned());
    let named: BTreeSet<Named> = images::in_yaml(objects).0;
    needs.add("addon web", &named);
    report(&needs, &inventory)
}

fn shown(report: &Report) -> String {
    let missing = report.missing.iter().map(|one| format!("- {} ({})", one.what, one.because));
    let maybe = report.maybe.iter().map(|one| format!("? {} ({}) {}", one.what, one.because, one.there));
    let unused = report.unused.iter().map(|one| format!("+ {}", one.what));
    missing.chain(maybe).chain(unused).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_charts_ask_for_is_looked_for_too() {
    let report = held(
        "
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [
  {image: 'registry.k8s.io/pause:3.10.1', args: [--helper-image=quay.io/x/helper:1]},
  {image: nginx},
  {image: 'quay.io/x/web:1'}]}}}
---
kind: ConfigMap
metadata: {name: settings}
data: {a: 'quay.io/x/web:1 quay.io/x/other:1 ghcr.io/flannel-io/flannel:v0.28.4'}
",
        |inventory| {
            inventory.images.push(Image { reference: "quay.io/x/web:1".into(), ..inventory.images[0].clone() });
        },
    );
    insta::assert_snapshot!(shown(&report), @"
    - image docker.io/library/nginx:latest (addon web: Deployment web)
    - image quay.io/x/helper:1 (addon web: Deployment web, helper-image)
    ? image ghcr.io/flannel-io/flannel:v0.28.4 (addon web: ConfigMap settings, a) true
    ? image quay.io/x/other:1 (addon web: ConfigMap settings, a) false
    ");
}

#[test]
fn what_nothing_asks_for_is_listed() {
    let report = held("", |inventory| {
        let mut later = inventory.clone();
        later.components.retain(|one| one.name == "kubelet");
        later.components[0].version = "v1.36.3".into();
        later.components[0].entry.path = "files/kubelet/v1.36.3/amd64/kubelet".into();
        inventory.components.extend(later.components.clone());
        // Tools are for whoever installs.
        for (name, path) in [("helm", "files/helm"), ("kk", "files/kk")] {
            later.components[0].name = name.into();
            later.components[0].entry.path = path.into();
            inventory.components.extend(later.components.clone());
        }
        let mut image = inventory.images[0].clone();
        image.reference = "docker.io/library/nginx:1".into();
        inventory.images.push(image);
        let mut arm = inventory.images[0].platforms[0].clone();
        (arm.platform, arm.manifest) = ("linux/arm64/v8".into(), Digest::of(b"arm"));
        inventory.images[0].platforms.push(arm);
    });
    insta::assert_snapshot!(shown(&report), @"
    + component kubelet v1.36.3 for amd64
    + image docker.io/library/haproxy:2.6.12 for linux/arm64/v8
    + image docker.io/library/nginx:1
    ");
}

#[test]
fn images_are_settled_by_the_digest_that_nodes_run() {
    let web = "quay.io/x/web";
    let (index, amd64, arm64) = (Digest::of(b"index"), Digest::of(b"amd64"), Digest::of(b"arm64"));
    let carry = |inventory: &mut crate::bundle::Inventory| {
        let mut image = inventory.images[0].clone();
        let mut arm = image.platforms[0].clone();
        (image.reference, image.digest, image.platforms[0].manifest) = (format!("{web}:1"), index, amd64);
        (arm.platform, arm.manifest) = ("linux/arm64".into(), arm64);
        image.platforms.push(arm);
        inventory.images.push(image);
    };
    let asked = |reference: String| {
        let report = held(
            &format!("{{kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{image: '{reference}'}}]}}}}"),
            carry,
        );
        let found = report.found.iter().filter(|one| one.because.starts_with("addon")).map(|one| one.digest);
        (found.collect::<Vec<_>>(), report.missing.into_iter().map(|one| one.what).collect::<Vec<_>>())
    };
    for reference in
        [format!("{web}:1"), format!("{web}@{index}"), format!("{web}:other@{index}"), format!("{web}@{amd64}")]
    {
        assert_eq!(asked(reference), (vec![amd64], Vec::new()));
    }
    // A node of one architecture cannot run another's.
    assert_eq!(asked(format!("{web}@{arm64}")), (Vec::new(), vec![format!("image {web}:1 for amd64")]));
    assert_eq!(asked(format!("{web}:2")), (Vec::new(), vec![format!("image {web}:2")]));
    assert_eq!(asked(format!("quay.io/y/web@{index}")), (Vec::new(), vec![format!("image quay.io/y/web@{index}")]));
}

#[test]
fn charts_and_packages_are_wanted_as_the_cluster_file_names_them() {
    let mut cluster = cluster();
    cluster.spec.system.debs = vec!["socat".into()];
    let addon = |name: &str, version: &str| crate::cluster::Addon {
        name: name.into(),
        sources: crate::cluster::AddonSources {
            chart: Some(crate::cluster::ChartSource {
                name: name.into(),
                version: version.into(),
                ..crate::cluster::ChartSource::default()
            }),
            yaml: None,
        },
        ..crate::cluster::Addon::default()
    };
    cluster.spec.addons = vec![addon("web", "v1.2.3"), addon("db", "2.0.0"), addon("any", "")];
    let mut inventory = inventory();
    let entry = inventory.components[0].entry.clone();
    let chart = |name: &str, version: &str| Chart {
        name: name.into(),
        version: version.into(),
        source: String::new(),
        entry: crate::bundle::inventory::Entry { path: format!("charts/{name}-{version}.tgz"), ..entry.clone() },
    };
    inventory.charts = vec![chart("db", "1.0.0"), chart("web", "1.2.3"), chart("any", "7.0.0")];
    let report = report(&Needs::of(&cluster, |_| "amd64".to_owned()), &inventory);
    insta::assert_snapshot!(shown(&report), @"
    - chart db 2.0.0 (addon db)
    - packages of the operating system for amd64 (spec.system.debs)
    ");
}

#[test]
fn kubeadm_pulls_by_its_own_names() {
    let listed: Vec<crate::image::Reference> = [
        "registry.k8s.io/kube-apiserver:v1.35.4",
        "registry.k8s.io/kube-proxy:v1.35.4",
        "registry.k8s.io/coredns/coredns:v1.13.9",
        "registry.k8s.io/pause:3.10.9",
        "registry.k8s.io/etcd:3.6.6-0",
    ]
    .map(|text| text.parse().unwrap())
    .to_vec();
    let mut needs = Needs::of(&cluster(), |_| "amd64".to_owned());
    needs.add_kubeadms(&cluster(), &listed);
    // The sandbox is the pause that there is; kubeadm wants its own besides.
    assert_eq!(shown(&report(&needs, &inventory())), "- image registry.k8s.io/pause:3.10.9 (kubeadm v1.35.4)");
}
