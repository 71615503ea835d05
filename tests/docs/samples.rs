//! The files that pages show, and the samples that they lead to, load.

use std::fs;

use crate::pages::{self, checkout};

#[test]
fn every_file_that_a_page_shows_loads() {
    for page in pages::all() {
        for block in page.blocks().into_iter().filter(|block| block.language == "yaml") {
            let place = format!("{}:{}", page.path.display(), block.line);
            loads(&place, &block.text);
        }
    }
}

#[test]
fn every_sample_loads() {
    for entry in fs::read_dir(checkout().join("manifests/samples")).unwrap() {
        let path = entry.unwrap().path();
        // The lab fills in what is left open.
        let mut text = fs::read_to_string(&path).unwrap();
        for number in 1..=5 {
            text = text
                .replace(&format!("${{ADDRESS_{number}}}"), &format!("192.0.2.{number}"))
                .replace(&format!("${{PASSWORD_{number}}}"), "secret");
        }
        loads(&path.display().to_string(), &text.replace("${PRIVATE_KEY}", "~/.ssh/id_ed25519"));
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Part<Spec> {
    spec: Spec,
}

/// A whole cluster file or manifest loads, and asks for nothing that is refused; a part of one is YAML.
fn loads(place: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.yaml");
    fs::write(&path, text).unwrap();
    let explain = |error: kk::yaml::LoadError| -> String { format!("{place}: {}", error.details().join("\n")) };
    if text.contains("kind: Cluster") {
        let cluster = kk::cluster::load(&path).unwrap_or_else(|error| panic!("{}", explain(error)));
        let refused: Vec<String> = kk::cluster::unsupported(&cluster).iter().map(ToString::to_string).collect();
        assert!(refused.is_empty(), "{place}: {}", refused.join("\n"));
    } else if text.contains("kind: Manifest") {
        kk::manifest::load(&path).unwrap_or_else(|error| panic!("{}", explain(error)));
    } else {
        // A part of a file, of either kind: a faulty field would be one of neither.
        let cluster = serde_yaml::from_str::<Part<kk::cluster::ClusterSpec>>(text).map(|part| part.spec);
        let manifest = serde_yaml::from_str::<Part<kk::manifest::ManifestSpec>>(text).map(|part| part.spec);
        if let (Err(cluster), Err(manifest)) = (cluster, manifest) {
            panic!("{place}: no part of a cluster file ({cluster}), nor of a manifest ({manifest})");
        }
    }
}
