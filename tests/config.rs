//! Cluster files and manifests from end to end: what loads, and how what is wrong is told.

use std::path::Path;

use kk::{cluster, manifest};

fn fixture(name: &str) -> String {
    format!("tests/fixtures/files/{name}")
}

/// The errors of a cluster file, as people see them.
fn errors_of_cluster(name: &str) -> String {
    let error = cluster::load(Path::new(&fixture(name))).expect_err("the file is faulty");
    let details = error.details().join("\n");
    assert!(!details.contains("hunter") && !details.contains("zwei"), "a secret is shown: {details}");
    details.replace("tests/fixtures/files/", "")
}

fn errors_of_manifest(name: &str) -> String {
    let error = manifest::load(Path::new(&fixture(name))).expect_err("the file is faulty");
    let details = error.details().join("\n");
    assert!(!details.contains("hunter"), "a secret is shown: {details}");
    details.replace("tests/fixtures/files/", "")
}

#[test]
fn all_errors_of_a_cluster_file_come_at_once() {
    insta::assert_snapshot!(errors_of_cluster("cluster-faulty.yaml"));
}

#[test]
fn all_errors_of_a_manifest_come_at_once() {
    insta::assert_snapshot!(errors_of_manifest("manifest-faulty.yaml"));
}

#[test]
fn syntax_is_explained_without_showing_secrets() {
    let mut all = String::new();
    for name in ["alias", "tab", "bomb", "empty", "headless"] {
        all.push_str(&errors_of_cluster(&format!("cluster-{name}.yaml")));
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_manifest_is_not_a_cluster() {
    insta::assert_snapshot!(errors_of_cluster("published-manifest.yaml"));
}

#[test]
fn the_published_files_load_as_they_stand() {
    let manifest = manifest::load(Path::new(&fixture("published-manifest.yaml"))).expect("loads");
    assert_eq!(manifest.name, "sample");
    assert!(manifest.spec.components.wanted().contains(&("docker".into(), "20.10.8".into())));

    let cluster = cluster::load(Path::new(&fixture("published-cluster.yaml"))).expect("loads");
    assert_eq!(cluster.nodes().len(), 4);
    assert_eq!(cluster.registry_name().as_deref(), Some("dockerhub.kubekey.local"));
    let refusals: Vec<String> = cluster::unsupported(&cluster).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn the_samples_load() {
    for name in ["manifest-v1.35.yaml", "manifest-v1.36.yaml"] {
        manifest::load(&Path::new("manifests/samples").join(name)).expect("loads");
    }
    let text = std::fs::read_to_string("manifests/samples/cluster-ha.yaml").expect("is there");
    let mut filled = text.replace("${PRIVATE_KEY}", "~/.ssh/id_ed25519");
    for number in 1..=5 {
        filled = filled.replace(&format!("${{ADDRESS_{number}}}"), &format!("172.30.0.1{number}"));
        filled = filled.replace(&format!("${{PASSWORD_{number}}}"), "secret");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cluster.yaml");
    std::fs::write(&path, filled).expect("is written");
    let cluster = cluster::load(&path).unwrap_or_else(|error| panic!("{:#?}", error.details()));
    assert_eq!(cluster::unsupported(&cluster), []);
}

#[test]
fn ranges_merge_keys_and_defaults_are_resolved() {
    let cluster = cluster::load(Path::new(&fixture("cluster-ranges.yaml")))
        .unwrap_or_else(|error| panic!("{:#?}", error.details()));
    let names = |hosts: Vec<&cluster::Host>| hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(cluster.etcd_hosts()), ["node01", "node02", "node03"]);
    assert_eq!(names(cluster.control_planes()), ["node03", "node01", "node02"]);
    assert_eq!(names(cluster.nodes()), ["node03", "node01", "node02", "node04"]);
    assert_eq!(cluster.roles_of("node03"), ["control-plane", "etcd", "worker"]);
    assert_eq!(cluster.registry_name().as_deref(), Some("dockerhub.kubekey.local"));

    let host = cluster.host("node03").expect("is there");
    assert_eq!((host.address.as_str(), host.user.as_str()), ("10.0.0.3", "operator"));
    let password = host.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
    assert_eq!(password, Some("012345"), "text keeps its zeros");
    assert_eq!(host.private_key_path, None);
    assert_eq!(cluster.host("node01").and_then(|host| host.private_key_path.as_deref()), Some("~/.ssh/id_rsa"));

    let kubelet = serde_json::to_value(&cluster.spec.kubernetes.kubelet_configuration).expect("is JSON");
    let expected = serde_json::json!({
        "failSwapOn": false, "evictionHard": {"memory.available": "5%"}, "imageGCHighThresholdPercent": 85
    });
    assert_eq!(kubelet, expected);
    assert!(cluster.spec.kubesphere.enabled && cluster.spec.kubesphere.version == "v3.4.1");
}
