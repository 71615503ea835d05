//! What changed between two inventories: the news of a delivery, and what a site that has the old one would still need.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::inventory::Inventory;
use crate::digest::Digest;

/// What changed from an old inventory to a new one; each list is sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryDiff {
    /// By name and arch: `kubeadm amd64`; the states are versions.
    pub components: Vec<Change>,
    /// By reference; the states are digests.
    pub images: Vec<Change>,
    /// By name; the states are versions.
    pub charts: Vec<Change>,
    /// By operating system and arch: `debian 12 amd64`; the states are digests.
    pub packages: Vec<Change>,
    /// By path; the states are digests.
    pub files: Vec<Change>,
    /// Bytes of content that only the new one has.
    pub bytes_added: u64,
    /// Bytes of content that only the old one has.
    pub bytes_removed: u64,
    /// Bytes of content that both have.
    pub bytes_kept: u64,
    /// What a delta bundle of the new one would carry where the old one is the base.
    pub delta: Carried,
}

/// What a bundle carries besides its inventory and what follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Blobs, components, charts, packages and files; a content under two paths counts twice.
    pub entries: usize,
    /// Their bytes, uncompressed.
    pub bytes: u64,
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
        let total = |digests: &BTreeMap<Digest, u64>, other: &BTreeMap<Digest, u64>, shared: bool| {
            sum(digests.iter().filter(|(digest, _)| other.contains_key(digest) == shared).map(|(_, size)| *size))
        };
        Self {
            components: changes(&components(old), &components(new)),
            images: changes(&images(old), &images(new)),
            charts: changes(&charts(old), &charts(new)),
            packages: changes(&packages(old), &packages(new)),
            files: changes(&files(old), &files(new)),
            bytes_added: total(&new_content, &old_content, false),
            bytes_removed: total(&old_content, &new_content, false),
            bytes_kept: total(&new_content, &old_content, true),
            delta: delta(&old_content, new),
        }
    }

    /// Whether both hold the same.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
            && self.images.is_empty()
            && self.charts.is_empty()
            && self.packages.is_empty()
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

/// What of `new` a site that has the old content lacks.
fn delta(old: &BTreeMap<Digest, u64>, new: &Inventory) -> Carried {
    let blobs = new.blobs.iter().map(|blob| (blob.digest, blob.size));
    let entries = new.entries().map(|entry| (entry.sha256, entry.size));
    let lacking = blobs.chain(entries).filter(|(digest, _)| !old.contains_key(digest));
    lacking.fold(Carried::default(), |sum, (_, size)| Carried {
        entries: sum.entries + 1,
        bytes: sum.bytes.saturating_add(size),
    })
}

/// Sizes come from outside.
fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
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
    states(
        inventory
            .components
            .iter()
            .map(|one| (format!("{} {}", one.name, one.arch), version(&one.version, &one.entry.sha256))),
    )
}

/// The same version with another content is a change too; nothing else would show it.
fn version(version: &str, digest: &Digest) -> String {
    format!("{version} ({})", digest.hex().get(..12).unwrap_or_default())
}

fn images(inventory: &Inventory) -> States {
    states(inventory.images.iter().map(|image| (image.reference.clone(), image.digest.to_string())))
}

fn charts(inventory: &Inventory) -> States {
    states(inventory.charts.iter().map(|one| (one.name.clone(), version(&one.version, &one.entry.sha256))))
}

fn packages(inventory: &Inventory) -> States {
    states(
        inventory
            .packages
            .iter()
            .map(|one| (format!("{} {} {}", one.id, one.version, one.arch), one.entry.sha256.to_string())),
    )
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
        assert_eq!(diff.delta, Carried::default());
    }

    #[test]
    fn a_content_that_is_absent_from_a_delta_is_no_news() {
        let whole = sample::sample().inventory;
        let mut delta = whole.clone();
        delta.blobs.iter_mut().for_each(|blob| blob.absent = true);
        assert!(InventoryDiff::between(&whole, &delta).is_empty());
    }

    #[test]
    fn charts_and_packages_are_told_by_name() {
        let entry = |path: &str, byte: u8| {
            let (sha256, blake3) = (Digest::of(&[byte]), crate::digest::Blake3("0".repeat(64)));
            super::super::inventory::Entry { path: path.into(), size: 1, sha256, blake3, absent: false }
        };
        let chart = |version: &str, byte: u8| super::super::inventory::Chart {
            name: "podinfo".into(),
            version: version.into(),
            source: String::new(),
            entry: entry("charts/podinfo.tgz", byte),
        };
        let packages = |byte: u8| super::super::inventory::Packages {
            id: "debian".into(),
            version: "12".into(),
            arch: "amd64".into(),
            source: String::new(),
            entry: entry("packages/debian.iso", byte),
        };
        let (mut old, mut new) = (sample::sample().inventory, sample::sample().inventory);
        (old.charts, new.charts) = (vec![chart("6.5.0", 1)], vec![chart("6.5.1", 2)]);
        (old.packages, new.packages) = (vec![packages(3)], vec![packages(4)]);
        let diff = InventoryDiff::between(&old, &new);
        let told: Vec<&str> = diff.charts.iter().chain(&diff.packages).map(|change| change.name.as_str()).collect();
        assert_eq!(told, ["podinfo", "debian 12 amd64"]);
        assert_eq!(diff.delta, Carried { entries: 2, bytes: 2 });
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
          "charts": [],
          "packages": [],
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
          "bytesKept": 1192,
          "delta": {
            "entries": 5,
            "bytes": 587
          }
        }
        "#);
    }
}
