//! Cluster files and manifests from end to end: what loads, and how what is wrong is told.

use std::path::Path;

use kk::jobs::{create_config, create_manifest, view_config};
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
    assert_eq!((host.address.as_str(), host.user.as_deref()), ("10.0.0.3", Some("operator")));
    let password = host.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
    assert_eq!(password, Some("012345"), "text keeps its zeros");
    assert_eq!(host.private_key_path, None);
    let host = cluster.host("node01").expect("is there");
    assert_eq!(host.private_key_path, None, "the usual keys and the agent are tried where none is named");

    let kubelet = serde_json::to_value(&cluster.spec.kubernetes.kubelet_configuration).expect("is JSON");
    let expected = serde_json::json!({
        "failSwapOn": false, "evictionHard": {"memory.available": "5%"}, "imageGCHighThresholdPercent": 85
    });
    assert_eq!(kubelet, expected);
    assert!(cluster.spec.kubesphere.enabled && cluster.spec.kubesphere.version == "v3.4.1");
}

/// A file of this text, beside the folder that keeps it.
fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.yaml");
    std::fs::write(&path, text).expect("is written");
    (folder, path)
}

#[test]
fn view_fills_in_defaults_and_hides_secrets() {
    for name in ["published-cluster.yaml", "published-manifest.yaml", "cluster-ranges.yaml"] {
        let shown = view_config::run(Path::new(&fixture(name))).expect("is shown");
        assert!(!shown.contains("secret\n") && !shown.contains("hunter") && !shown.contains("012345"), "{shown}");
        insta::assert_snapshot!(format!("view_{}", name.replace(".yaml", "")), shown);

        let (_folder, path) = written(&shown);
        let again = view_config::run(&path).unwrap_or_else(|error| panic!("{:#?}", error.details));
        assert_eq!(shown, again, "what is shown loads, and is shown alike");
    }
}

#[test]
fn the_annotated_cluster_file_loads() {
    let text = create_config::text("demo", Some("v1.35.4")).expect("is made");
    let (_folder, path) = written(&text);
    let cluster = cluster::load(&path).unwrap_or_else(|error| panic!("{:#?}", error.details()));
    assert_eq!((cluster.name.as_str(), cluster.nodes().len()), ("demo", 4));
    assert_eq!(cluster::unsupported(&cluster), []);
    insta::assert_snapshot!(text);
}

#[test]
fn every_default_of_the_annotated_cluster_file_can_be_put_into_force() {
    let text = create_config::text("demo", Some("v1.35.4")).expect("is made");
    let uncommented: String = text
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(field) if !field.starts_with(' ') || field.starts_with("  ") => {
                format!("{}{field}\n", &line[..line.len() - line.trim_start().len()])
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let (_folder, path) = written(&uncommented);
    let all = cluster::load(&path).unwrap_or_else(|error| panic!("{:#?}", error.details()));
    let (_folder, path) = written(&text);
    let few = cluster::load(&path).expect("loads");
    // A rewrite of namespaces has no default: to be there is to be on.
    let without = |cluster: &cluster::Cluster| {
        let mut spec = serde_json::to_value(&cluster.spec).expect("is JSON");
        spec["registry"]["namespaceRewrite"] = serde_json::Value::Null;
        spec
    };
    assert_eq!(without(&all), without(&few));
}

/// The text of a manifest for one version and architecture, with a registry.
fn made_manifest(version: &str, arch: &str) -> Result<String, kk::jobs::JobError> {
    let options = create_manifest::Options {
        name: "quickstart".into(),
        kubernetes: vec![version.into()],
        from: None,
        arches: vec![arch.into()],
        registry: Some("registry".into()),
        network: "flannel".into(),
        kubeconfig: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
    runtime.block_on(create_manifest::text(&options, &kk::event::silent()))
}

#[test]
fn a_made_manifest_loads_and_is_that_of_the_samples() {
    for (sample, version) in [("manifest-v1.35.yaml", "v1.35.4"), ("manifest-v1.36.yaml", "v1.36.3")] {
        let text = made_manifest(version, "amd64").expect("is made");
        let (_folder, path) = written(&text);
        let made = manifest::load(&path).unwrap_or_else(|error| panic!("{:#?}", error.details()));
        let sample = manifest::load(&Path::new("manifests/samples").join(sample)).expect("loads");
        // The samples carry a web server for the quickstart, and not the image for etcd in pods, which kk does not run.
        let of = |images: &[String], left_out: &str| {
            let mut images: Vec<String> = images.iter().filter(|image| !image.contains(left_out)).cloned().collect();
            images.sort();
            images
        };
        assert_eq!(of(&made.spec.images, "k8s.io/etcd:"), of(&sample.spec.images, "/nginx:"));
        let mut components = made.spec.components.wanted();
        components.retain(|(name, _)| name != "kk");
        assert_eq!(components, sample.spec.components.wanted());
    }
}

#[test]
fn what_cannot_be_made_says_why() {
    let error = |result: Result<String, kk::jobs::JobError>| {
        let error = result.expect_err("is refused");
        format!("{error}; {}", error.hints.join("; "))
    };
    let mut all = vec![
        error(create_config::text("../x", None)),
        error(create_config::text("x", Some("1.35"))),
        error(made_manifest("v1.35", "amd64")),
        error(made_manifest("v1.35.4", "x86_64")),
        error(made_manifest("v1.2.3", "amd64")),
    ];
    let (_folder, path) = written("mine");
    let refused = create_config::write(&path, "", false).expect_err("is there").hints.join("");
    assert_eq!(std::fs::read_to_string(&path).expect("is there"), "mine");
    all.push(refused);
    insta::assert_snapshot!(all.join("\n"));
}

/// Runs the command; gives the exit code, standard output and standard error.
fn kk(arguments: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::Command::cargo_bin("kk").expect("is built").args(arguments).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is text");
    (output.status.code().expect("ends by itself"), text(output.stdout), text(output.stderr))
}

#[test]
fn the_commands_keep_data_and_errors_apart() {
    let (code, out, error) = kk(&["config", "view", "-f", &fixture("published-cluster.yaml")]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.starts_with("apiVersion:"), "{out}");

    let (code, out, error) = kk(&["config", "view", "-f", &fixture("cluster-alias.yaml")]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(error.contains("cluster-alias.yaml:7:50: this alias names no anchor above it"), "{error}");

    let (code, out, _) = kk(&["config", "schema", "manifest"]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(schema["title"], "ManifestFile");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cluster.yaml");
    let file = file.to_str().expect("is text");
    assert_eq!(kk(&["create", "config", "-f", file, "--with-kubernetes", "v1.36.3"]).0, 0);
    assert_eq!(kk(&["create", "config", "-f", file]).0, 2, "what is there is not replaced");
    assert_eq!(kk(&["create", "config", "-f", file, "--overwrite", "--name", "other"]).0, 0);
    assert!(kk(&["config", "view", "-f", file]).1.contains("name: other"));
}

mod damage {
    use proptest::prelude::*;

    use super::*;

    /// Where a text is cut, what is taken away, and what is put there instead.
    fn any_damage() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
        let inserted = prop_oneof![
            "[-:,{}\\[\\]&*!|>'\"%@`#?~ \n\t]{0,4}",
            "\\PC{0,6}",
            Just("<<: *a".to_owned()),
            Just("spec".to_owned()),
        ];
        (any::<prop::sample::Index>(), 0usize..12, inserted)
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic_or_point_outside_of_the_file(
            file in prop::sample::select(vec!["published-cluster.yaml", "cluster-ranges.yaml", "manifest-faulty.yaml"]),
            damages in proptest::collection::vec(any_damage(), 1..4),
        ) {
            let mut text: Vec<char> = std::fs::read_to_string(fixture(file)).expect("is there").chars().collect();
            for (place, length, inserted) in damages {
                let start = place.index(text.len());
                let end = (start + length).min(text.len());
                text.splice(start..end, inserted.chars());
                if text.is_empty() {
                    text.push(' ');
                }
            }
            let text: String = text.into_iter().collect();
            let lines = text.lines().count() + 1;
            let outcome = kk::yaml::parse("x.yaml", text.as_bytes());
            let diagnostics = match outcome {
                Err(diagnostics) => diagnostics.0,
                Ok(source) => [cluster::read(&source).err(), manifest::read(&source).err()]
                    .into_iter()
                    .flatten()
                    .flat_map(|diagnostics| diagnostics.0)
                    .collect(),
            };
            prop_assert!(diagnostics.iter().all(|found| (1..=lines).contains(&found.line) && found.column > 0));
        }
    }
}
