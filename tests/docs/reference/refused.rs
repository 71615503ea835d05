//! What loads and is shown, and what `kk create cluster` refuses: its own sentences, for files that ask for it.

use std::fs;

use super::cell;
use crate::pages::checkout;

/// What the file asks for, and what it asks for instead: values that exclude each other.
const VARIANTS: &[(&str, &str)] = &[
    ("plugin: calico", "plugin: cilium"),
    ("plugin: calico", "plugin: kubeovn"),
    ("plugin: calico", "plugin: hybridnet"),
    ("version: v1.35.4", "version: v1.21.5"),
    ("type: k3s", "type: kubernetes"),
    ("containerManager: docker", "containerManager: crio"),
];

/// The last section of the page about the cluster file.
pub fn section() -> String {
    let asks_for_all = fs::read_to_string(checkout().join("tests/docs/reference/refused.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.yaml");
    let mut rows: Vec<String> = Vec::new();
    let without_type = asks_for_all.replace("type: k3s", "type: kubernetes");
    let variants = VARIANTS.iter().map(|(from, to)| without_type.replace(from, to));
    for text in std::iter::once(asks_for_all.clone()).chain(variants) {
        fs::write(&path, text).unwrap();
        let cluster = kk::cluster::load(&path).unwrap_or_else(|error| panic!("{}", error.details().join("\n")));
        for refused in kk::cluster::unsupported(&cluster) {
            let row = format!("| `{}` | {} |\n", refused.path, cell(&refused.sentence));
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows.sort();
    format!(
        "\n## What loads and is refused\n\nThese fields and values are understood and shown, and `kk create cluster` \
         refuses a file that uses them (exit code 3) before it touches a host: nothing of a file is silently ignored. The \
         sentences are those of the command. Settings of what is not chosen, such as those of Calico beside \
         `plugin: flannel`, are passed over.\n\n| field | what the command says |\n|---|---|\n{}",
        rows.concat()
    )
}
