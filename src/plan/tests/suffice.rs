//! What a bundle lacks.

use super::{cluster, inventory};
use crate::plan::suffice::missing;

fn lacks(arch: &str, change: impl FnOnce(&mut crate::bundle::Inventory)) -> String {
    let mut inventory = inventory();
    change(&mut inventory);
    let lines: Vec<String> = missing(&cluster(), &inventory, |_| arch.to_owned())
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
