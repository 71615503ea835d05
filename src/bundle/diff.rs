//! What changed between two inventories: the news of a delivery, and what a site that has the old one would still need.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::inventory::Inventory;
use crate::digest::Digest;

/// What changed from an old inventory to a new one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryDiff {
    /// By name and arch: `kubeadm amd64`; the states are versions.
    pub components: Vec<Change>,
    /// By reference; the states are digests.
    pub images: Vec<Change>,
    /// By path; the states are digests.
    pub files: Vec<Change>,
    /// Bytes of content that only the new one has.
    pub bytes_added: u64,
    /// Bytes of content that only the old one has.
    pub bytes_removed: u64,
    /// Bytes of content that both have.
    pub bytes_kept: u64,
}

/// One thing that was added (no `old`), removed (no `new`) or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl InventoryDiff {
    /// What changed from `old` to `new`.
    pub fn between(old: &Inventory, new: &Inventory) -> Self {
        let (old_content, new_content) = (content(old), content(new));
        let sum = |digests: &BTreeMap<Digest, u64>, other: &BTreeMap<Digest, u64>, shared: bool| {
            digests.iter().filter(|(digest, _)| other.contains_key(digest) == shared).map(|(_, size)| size).sum()
        };
        Self {
            components: changes(&components(old), &components(new)),
            images: changes(&images(old), &images(new)),
            files: changes(&files(old), &files(new)),
            bytes_added: sum(&new_content, &old_content, false),
            bytes_removed: sum(&old_content, &new_content, false),
            bytes_kept: sum(&new_content, &old_content, true),
        }
    }

    /// Whether both hold the same.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
            && self.images.is_empty()
            && self.files.is_empty()
            && self.bytes_added == 0
            && self.bytes_removed == 0
    }
}

/// Sizes of everything that is carried, once for each digest.
fn content(inventory: &Inventory) -> BTreeMap<Digest, u64> {
    let blobs = inventory.blobs.iter().map(|blob| (blob.digest, blob.size));
    blobs.chain(inventory.entries().map(|entry| (entry.sha256, entry.size))).collect()
}

/// A name may have several states: a bundle for an upgrade holds several versions of kubeadm.
type States = BTreeMap<String, BTreeSet<String>>;

fn states(pairs: impl Iterator<Item = (String, String)>) -> States {
    let mut out = States::new();
    pairs.for_each(|(name, state)| {
        out.entry(name).or_default().insert(state);
    });
    out
}

fn components(inventory: &Inventory) -> States {
    states(inventory.components.iter().map(|one| {
        // The same version with another content is a change too; nothing else would show it.
        let digest = &one.entry.sha256.hex()[..12];
        (format!("{} {}", one.name, one.arch), format!("{} ({digest})", one.version))
    }))
}

fn images(inventory: &Inventory) -> States {
    states(inventory.images.iter().map(|image| (image.reference.clone(), image.digest.to_string())))
}

fn files(inventory: &Inventory) -> States {
    states(inventory.files.iter().map(|file| (file.entry.path.clone(), file.entry.sha256.to_string())))
}

fn changes(old: &States, new: &States) -> Vec<Change> {
    let none = BTreeSet::new();
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for name in names {
        let (before, after) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        let mut gone = before.difference(after).cloned();
        let mut come = after.difference(before).cloned();
        loop {
            match (gone.next(), come.next()) {
                (None, None) => break,
                (old, new) => out.push(Change { name: name.clone(), old, new }),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn an_inventory_does_not_differ_from_itself() {
        let inventory = sample::sample().inventory;
        let diff = InventoryDiff::between(&inventory, &inventory);
        assert!(diff.is_empty());
        assert_eq!(diff.bytes_kept, content(&inventory).values().sum::<u64>());
    }

    #[test]
    fn what_came_went_and_changed_is_told() {
        let old = sample::sample();
        let mut new = sample::empty();
        new.image("registry.k8s.io/pause:3.10.1", b"\x1f\x8b not really a layer");
        new.image("docker.io/calico/node:v3.30.0", b"\x1f\x8b calico");
        new.component("kubeadm", "v1.34.2", "kubeadm", b"a program, a program, a program".repeat(20));
        new.component("kubeadm", "v1.35.0", "kubeadm", b"newer".to_vec());
        new.file("manifest.yaml", b"kind: Manifest # newer\n".to_vec());
        new.inventory.sort();
        let diff = InventoryDiff::between(&old.inventory, &new.inventory);
        let text = serde_json::to_string_pretty(&diff).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "components": [
            {
              "name": "etcd amd64",
              "old": "v3.6.5 (ee98dc6af27a)"
            },
            {
              "name": "kubeadm amd64",
              "new": "v1.35.0 (804f51f71254)"
            }
          ],
          "images": [
            {
              "name": "docker.io/calico/node:v3.30.0",
              "new": "sha256:81bcda56ea739d50a25aee8560ff8bf5bf6aeec0b1633a066c9ada996fdc537d"
            }
          ],
          "files": [
            {
              "name": "charts/empty",
              "old": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            },
            {
              "name": "manifest.yaml",
              "old": "sha256:66fd996f4a61a83600be31add4d4d5b178217873cf87c019f76e89686c863b31",
              "new": "sha256:3435a639c68b7fb84a5613b30e5edea0dc64e6b3e6ae5da47c0799cf217bb64f"
            }
          ],
          "bytesAdded": 587,
          "bytesRemoved": 17,
          "bytesKept": 1192
        }
        "#);
    }
}
