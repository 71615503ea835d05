//! Whether an inventory agrees with itself. It may come from a hostile bundle.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use super::header;
use super::inventory::{Chart, Component, FORMAT, Inventory};
use super::layout::{CHECKSUMS, INVENTORY, SIGNATURE};
use crate::digest::{Blake3, Digest};

/// More entries than this are no bundle.
pub const MAX_ENTRIES: usize = 200_000;

/// No entry is larger than this many bytes (1 TiB).
const MAX_SIZE: u64 = 1 << 40;

/// No name, version or reference is longer than this many bytes.
const MAX_TEXT: usize = 1024;

/// Names that the layout itself uses.
const RESERVED: [&str; 5] = [INVENTORY, CHECKSUMS, SIGNATURE, "oci-layout", "index.json"];

/// What is wrong with an inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryFault {
    #[error("format {found} is unknown to this kk, which reads format {FORMAT}")]
    Format { found: u32 },
    #[error("it lists {count} entries; at most {MAX_ENTRIES} are allowed")]
    TooMany { count: usize },
    #[error("the path {path:?} is not allowed: {reason}")]
    Path { path: String, reason: &'static str },
    #[error("the path {path:?} is listed twice")]
    Twice { path: String },
    #[error("the path {path:?} is a file and also a directory of other files")]
    FileAndDirectory { path: String },
    #[error("{path}: {size} bytes are more than any entry may have")]
    Size { path: String, size: u64 },
    #[error("{path}: its blake3 digest is not 64 lower-case hex digits")]
    Blake3 { path: String },
    #[error("the list of {list} is not sorted, or repeats an item, at {item:?}")]
    Order { list: &'static str, item: String },
    #[error("the text {text:?} among the {list} is empty, too long or has control characters")]
    Text { list: &'static str, text: String },
    #[error("entries are marked absent, but no base is named")]
    NoBase,
    #[error("image {image} needs {digest}, which is not among the blobs")]
    MissingBlob { image: String, digest: Digest },
}

/// All that is wrong with an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryError {
    pub faults: Vec<InventoryFault>,
}

/// A message lists this many faults.
const SHOWN: usize = 10;

impl fmt::Display for InventoryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the inventory does not agree with itself")?;
        for fault in self.faults.iter().take(SHOWN) {
            write!(formatter, "\n  {fault}")?;
        }
        if self.faults.len() > SHOWN {
            write!(formatter, "\n  and {} more", self.faults.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for InventoryError {}

impl Inventory {
    /// Puts all lists into the order that [`Inventory::check`] asks for.
    pub fn sort(&mut self) {
        self.arches.sort();
        self.components.sort_by(component_order);
        self.images.sort_by(|one, other| one.reference.cmp(&other.reference));
        for image in &mut self.images {
            image.platforms.sort_by(|one, other| one.platform.cmp(&other.platform));
        }
        self.blobs.sort_by_key(|blob| blob.digest);
        self.charts.sort_by(chart_order);
        self.packages.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        self.files.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
    }

    /// Whether every list is sorted and without repetition, every path legal and unique, and every blob that an image
    /// needs is listed.
    pub fn check(&self) -> Result<(), InventoryError> {
        if self.format != FORMAT {
            return Err(InventoryError { faults: vec![InventoryFault::Format { found: self.format }] });
        }
        let count = self.entries().count() + self.blobs.len() + self.images.len();
        if count > MAX_ENTRIES {
            return Err(InventoryError { faults: vec![InventoryFault::TooMany { count }] });
        }
        let mut faults = Vec::new();
        self.check_texts(&mut faults);
        self.check_order(&mut faults);
        self.check_entries(&mut faults);
        self.check_images(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(InventoryError { faults }) }
    }

    fn check_texts(&self, faults: &mut Vec<InventoryFault>) {
        let mut check = |list: &'static str, text: &str| {
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                faults.push(InventoryFault::Text { list, text: text.chars().take(80).collect() });
            }
        };
        check("names", &self.name);
        self.arches.iter().for_each(|arch| check("arches", arch));
        for component in &self.components {
            for text in [&component.name, &component.version, &component.arch] {
                check("components", text);
            }
        }
        for text in self.charts.iter().flat_map(|chart| [&chart.name, &chart.version]) {
            check("charts", text);
        }
        for text in self.packages.iter().flat_map(|one| [&one.id, &one.version, &one.arch]) {
            check("packages", text);
        }
        if let Some(base) = &self.base {
            check("bases", &base.name);
        }
        for image in &self.images {
            check("images", &image.reference);
            check("images", &image.media_type);
            image.platforms.iter().for_each(|platform| check("images", &platform.platform));
        }
        self.blobs.iter().for_each(|blob| check("blobs", &blob.media_type));
    }

    fn check_order(&self, faults: &mut Vec<InventoryFault>) {
        rising("arches", &self.arches, |one, other| one.cmp(other), |one| one.clone(), faults);
        rising("components", &self.components, component_order, |one| one.name.clone(), faults);
        let by_reference =
            |one: &super::inventory::Image, other: &super::inventory::Image| one.reference.cmp(&other.reference);
        rising("images", &self.images, by_reference, |one| one.reference.clone(), faults);
        rising("blobs", &self.blobs, |one, other| one.digest.cmp(&other.digest), |one| one.digest.to_string(), faults);
        rising("charts", &self.charts, chart_order, |one| one.name.clone(), faults);
        rising(
            "packages",
            &self.packages,
            |one, other| one.entry.path.cmp(&other.entry.path),
            |one| one.entry.path.clone(),
            faults,
        );
        rising(
            "files",
            &self.files,
            |one, other| one.entry.path.cmp(&other.entry.path),
            |one| one.entry.path.clone(),
            faults,
        );
        for image in &self.images {
            let by_name = |one: &super::inventory::Platform, other: &super::inventory::Platform| {
                one.platform.cmp(&other.platform)
            };
            rising("platforms of an image", &image.platforms, by_name, |_| image.reference.clone(), faults);
        }
    }

    fn check_entries(&self, faults: &mut Vec<InventoryFault>) {
        let mut paths = HashSet::new();
        for entry in self.entries() {
            check_measure(&entry.path, entry.size, &entry.blake3, faults);
            if let Some(reason) = illegal(&entry.path) {
                faults.push(InventoryFault::Path { path: entry.path.chars().take(200).collect(), reason });
            } else if !paths.insert(entry.path.as_str()) {
                faults.push(InventoryFault::Twice { path: entry.path.clone() });
            }
        }
        let components = self.components.iter().map(|one| (&one.entry, "files/", "a component lies under files/"));
        let charts = self.charts.iter().map(|one| (&one.entry, "charts/", "a chart lies under charts/"));
        let packages = self.packages.iter().map(|one| (&one.entry, "packages/", "packages lie under packages/"));
        for (entry, folder, reason) in components.chain(charts).chain(packages) {
            if !entry.path.starts_with(folder) {
                faults.push(InventoryFault::Path { path: entry.path.chars().take(200).collect(), reason });
            }
        }
        let absent = self.entries().any(|entry| entry.absent) || self.blobs.iter().any(|blob| blob.absent);
        if absent && self.base.is_none() {
            faults.push(InventoryFault::NoBase);
        }
        for path in &paths {
            for (at, _) in path.match_indices('/') {
                if paths.contains(&path[..at]) {
                    faults.push(InventoryFault::FileAndDirectory { path: path[..at].to_owned() });
                }
            }
        }
        for blob in &self.blobs {
            check_measure(&blob.path(), blob.size, &blob.blake3, faults);
        }
    }

    fn check_images(&self, faults: &mut Vec<InventoryFault>) {
        let listed: HashSet<Digest> = self.blobs.iter().map(|blob| blob.digest).collect();
        for image in &self.images {
            let of_platforms =
                image.platforms.iter().flat_map(|platform| std::iter::once(&platform.manifest).chain(&platform.blobs));
            for digest in std::iter::once(&image.digest).chain(of_platforms) {
                if !listed.contains(digest) {
                    faults.push(InventoryFault::MissingBlob { image: image.reference.clone(), digest: *digest });
                }
            }
        }
    }
}

/// By name, then version (semantic where both are), then arch, then path.
fn component_order(one: &Component, other: &Component) -> Ordering {
    let version = |text: &str| semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok();
    one.name
        .cmp(&other.name)
        .then_with(|| version(&one.version).cmp(&version(&other.version)))
        .then_with(|| one.version.cmp(&other.version))
        .then_with(|| one.arch.cmp(&other.arch))
        .then_with(|| one.entry.path.cmp(&other.entry.path))
}

/// By name, then version as text, then path.
fn chart_order(one: &Chart, other: &Chart) -> Ordering {
    let key = |chart: &Chart| (chart.name.clone(), chart.version.clone(), chart.entry.path.clone());
    key(one).cmp(&key(other))
}

/// Reports the first item that does not come strictly after the one before it.
fn rising<T>(
    list: &'static str,
    items: &[T],
    order: impl Fn(&T, &T) -> Ordering,
    name: impl Fn(&T) -> String,
    faults: &mut Vec<InventoryFault>,
) {
    if let Some(pair) = items.windows(2).find(|pair| order(&pair[0], &pair[1]) != Ordering::Less) {
        faults.push(InventoryFault::Order { list, item: name(&pair[1]).chars().take(200).collect() });
    }
}

fn check_measure(path: &str, size: u64, blake3: &Blake3, faults: &mut Vec<InventoryFault>) {
    let path = || path.chars().take(200).collect();
    if size > MAX_SIZE {
        faults.push(InventoryFault::Size { path: path(), size });
    }
    if blake3.0.len() != 64 || !blake3.0.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        faults.push(InventoryFault::Blake3 { path: path() });
    }
}

/// Why a path may not stand in an inventory.
fn illegal(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("it is empty")
    } else if path.starts_with('/') {
        Some("it is absolute")
    } else if path.split('/').any(|part| part == "..") {
        Some("it has ..")
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        Some("it has an empty part")
    } else if path.chars().any(|char| char.is_control() || char == '\\') {
        Some("it has control characters or backslashes")
    } else if path == "blobs"
        || path.starts_with("blobs/")
        || RESERVED.contains(&path.split('/').next().unwrap_or(path))
    {
        Some("the layout itself uses this name")
    } else if header::header(path, 0, 0o644).is_err() {
        Some("it is too long for a tar header")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_sample_agrees_with_itself() {
        sample::sample().inventory.check().unwrap();
    }

    #[test]
    fn paths_that_leave_the_root_or_clash_are_refused() {
        let long = "n".repeat(101);
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a\\b",
            "a\nb",
            "bundle.json",
            "index.json",
            "blobs",
            "blobs/sha256/00",
            "bundle.json/x",
            long.as_str(),
        ] {
            let mut inventory = sample::sample().inventory;
            inventory.files[0].entry.path = path.into();
            inventory.sort();
            assert!(inventory.check().is_err(), "{path:?}");
        }
    }

    #[test]
    fn all_faults_come_at_once() {
        let mut inventory = sample::sample().inventory;
        inventory.files[0].entry.path = "../x".into();
        inventory.files[0].entry.size = u64::MAX;
        inventory.files[0].entry.blake3 = Blake3("AB".into());
        inventory.images[0].digest = Digest::of(b"elsewhere");
        inventory.components.reverse();
        insta::assert_snapshot!(inventory.check().unwrap_err(), @r#"
        the inventory does not agree with itself
          the list of components is not sorted, or repeats an item, at "etcd"
          ../x: 18446744073709551615 bytes are more than any entry may have
          ../x: its blake3 digest is not 64 lower-case hex digits
          the path "../x" is not allowed: it has ..
          image registry.k8s.io/pause:3.10.1 needs sha256:7b1b763ee8f62eb88e4742a760f912d0b19bcd58b2b948999784bacc15a7f4d7, which is not among the blobs
        "#);
    }

    #[test]
    fn versions_sort_as_versions() {
        let mut inventory = sample::sample().inventory;
        let mut newer = inventory.components[0].clone();
        inventory.components[0].version = "v1.9.0".into();
        newer.version = "v1.10.0".into();
        newer.entry.path += "-new";
        inventory.components.insert(0, newer.clone());
        inventory.sort();
        inventory.check().unwrap();
        assert_eq!(inventory.component(&newer.name, &newer.arch), Some(&newer));
    }

    #[test]
    fn a_file_that_is_also_a_directory_is_refused() {
        let mut inventory = sample::sample().inventory;
        let mut below = inventory.files[0].clone();
        below.entry.path += "/below";
        inventory.files.push(below);
        inventory.sort();
        let path = "charts/empty".to_owned();
        assert_eq!(inventory.check().unwrap_err().faults, [InventoryFault::FileAndDirectory { path }]);
    }
}
