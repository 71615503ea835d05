//! What of the needs a bundle has, by the digests that nodes will use.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::needs::{Asked, NeededImage, Needs};
use crate::bundle::Inventory;
use crate::bundle::inventory::Image;
use crate::chart::archive::same_version;
use crate::digest::Digest;
use crate::image::Platform;
use crate::image::platform::choose;
use crate::install::sources::image_in;

/// Components that serve whoever installs, and no host.
const TOOLS: [&str; 2] = ["kk", "helm"];

/// Whether a bundle suffices, thing by thing. All lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What is needed and not there.
    pub missing: Vec<Missing>,
    /// What is there and not needed: no fault, but bytes.
    pub unused: Vec<Unused>,
    /// Images that may be asked for.
    pub maybe: Vec<Possible>,
    /// What is needed and there.
    pub found: Vec<Settled>,
}

/// One thing that is needed and that the bundle lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// `component kubelet v1.35.4 for amd64`, `image registry.k8s.io/pause`.
    pub what: String,
    /// What needs it.
    pub because: String,
}

/// One thing that the bundle has and that nothing asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unused {
    pub what: String,
    /// Bytes that are in the bundle for its sake alone.
    pub bytes: u64,
}

/// An image that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Possible {
    pub what: String,
    /// Why it is thought of.
    pub because: String,
    /// Whether the bundle has it for all architectures.
    pub there: bool,
}

/// One thing that is needed and there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Settled {
    pub what: String,
    pub arch: String,
    /// Of a file its own; of an image that of the manifest that nodes of this architecture run.
    pub digest: Digest,
    pub because: String,
}

/// Holds needs against an inventory.
pub fn report(needs: &Needs, inventory: &Inventory) -> Report {
    let mut ledger = Ledger { inventory, found: BTreeSet::new(), missing: BTreeSet::new(), used: Used::default() };
    for (what, because) in &needs.faults {
        ledger.lacks(what.clone(), because);
    }
    ledger.components(needs);
    ledger.packages(needs);
    ledger.charts(needs);
    for needed in &needs.images {
        ledger.image(needed, &needs.arches);
    }
    let mut maybe = Vec::new();
    for one in needs.possible.iter().filter(|one| !certainly(needs, one)) {
        let image = find(inventory, one);
        let there = image.is_some_and(|image| needs.arches.iter().all(|arch| manifest(image, arch).is_some()));
        ledger.used.images.extend(image.map(|image| image.reference.as_str()));
        maybe.push(Possible { what: format!("image {}", one.describe()), because: one.because.clone(), there });
    }
    let unused = ledger.unused(needs);
    Report { missing: ledger.missing.into_iter().collect(), unused, maybe, found: ledger.found.into_iter().collect() }
}

/// Whether the same image is needed for certain, for another reason.
fn certainly(needs: &Needs, possible: &NeededImage) -> bool {
    needs.images.iter().any(|one| one.repository == possible.repository && one.asked == possible.asked)
}

/// What was found, what was not, and what was looked at.
struct Ledger<'a> {
    inventory: &'a Inventory,
    found: BTreeSet<Settled>,
    missing: BTreeSet<Missing>,
    used: Used<'a>,
}

#[derive(Default)]
struct Used<'a> {
    /// By path.
    entries: BTreeSet<&'a str>,
    /// By reference.
    images: BTreeSet<&'a str>,
}

impl<'a> Ledger<'a> {
    fn lacks(&mut self, what: String, because: &str) {
        self.missing.insert(Missing { what, because: because.to_owned() });
    }

    fn has(&mut self, what: String, arch: &str, digest: Digest, because: &str) {
        self.found.insert(Settled { what, arch: arch.to_owned(), digest, because: because.to_owned() });
    }

    fn components(&mut self, needs: &Needs) {
        for needed in &needs.components {
            let (name, arch) = (needed.name.as_str(), needed.arch.as_str());
            let there = match &needed.version {
                Some(version) => self.inventory.component_at(name, version, arch),
                None => self.inventory.component(name, arch),
            };
            match there {
                Some(one) => {
                    self.used.entries.insert(&one.entry.path);
                    self.has(format!("component {name} {}", one.version), arch, one.entry.sha256, &needed.because);
                }
                None => {
                    let version = needed.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
                    self.lacks(format!("component {name}{version} for {arch}"), &needed.because);
                }
            }
        }
    }

    fn packages(&mut self, needs: &Needs) {
        for needed in &needs.packages {
            let mut any = false;
            for one in self.inventory.packages.iter().filter(|one| one.arch == needed.arch) {
                any = true;
                let what = format!("packages of {} {}", one.id, one.version);
                self.used.entries.insert(&one.entry.path);
                self.has(what, &needed.arch, one.entry.sha256, &needed.because);
            }
            if !any {
                self.lacks(format!("packages of the operating system for {}", needed.arch), &needed.because);
            }
        }
    }

    fn charts(&mut self, needs: &Needs) {
        for needed in &needs.charts {
            let fits = |version: &str| needed.version.as_ref().is_none_or(|asked| same_version(asked, version));
            let there = self.inventory.charts.iter().rev().find(|one| one.name == needed.name && fits(&one.version));
            match there {
                Some(one) => {
                    self.used.entries.insert(&one.entry.path);
                    self.has(format!("chart {} {}", one.name, one.version), "", one.entry.sha256, &needed.because);
                }
                None => {
                    let version = needed.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
                    self.lacks(format!("chart {}{version}", needed.name), &needed.because);
                }
            }
        }
    }

    fn image(&mut self, needed: &NeededImage, arches: &BTreeSet<String>) {
        let Some(image) = find(self.inventory, needed) else {
            self.lacks(format!("image {}", needed.describe()), &needed.because);
            return;
        };
        self.used.images.insert(&image.reference);
        for arch in arches {
            let manifest = match needed.asked {
                // Asked for by the digest of a platform, it is that platform for every node.
                Asked::Digest(digest) if digest != image.digest => {
                    manifest(image, arch).filter(|manifest| *manifest == digest)
                }
                _ => manifest(image, arch),
            };
            match manifest {
                Some(digest) => self.has(format!("image {}", image.reference), arch, digest, &needed.because),
                None => self.lacks(format!("image {} for {arch}", image.reference), &needed.because),
            }
        }
    }

    fn unused(&self, needs: &Needs) -> Vec<Unused> {
        let inventory = self.inventory;
        let idle = |path: &str| !self.used.entries.contains(path);
        let mut unused = BTreeSet::new();
        for one in inventory.components.iter().filter(|one| idle(&one.entry.path)) {
            if !TOOLS.contains(&one.name.as_str()) {
                let what = format!("component {} {} for {}", one.name, one.version, one.arch);
                unused.insert(Unused { what, bytes: one.entry.size });
            }
        }
        for one in inventory.packages.iter().filter(|one| idle(&one.entry.path)) {
            let what = format!("packages of {} {} for {}", one.id, one.version, one.arch);
            unused.insert(Unused { what, bytes: one.entry.size });
        }
        // Charts that no addon names are the user's own to install.
        let shared = Shared::of(inventory);
        for image in &inventory.images {
            let in_use = self.used.images.contains(image.reference.as_str());
            if !in_use {
                unused.insert(Unused { what: format!("image {}", image.reference), bytes: shared.own_bytes(image) });
                continue;
            }
            for platform in &image.platforms {
                if !needs.arches.iter().any(|arch| manifest(image, arch) == Some(platform.manifest)) {
                    let what = format!("image {} for {}", image.reference, platform.platform);
                    unused.insert(Unused { what, bytes: shared.bytes_of(&platform.blobs) });
                }
            }
        }
        unused.into_iter().collect()
    }
}

/// How many images have each blob, and how large it is.
struct Shared {
    blobs: BTreeMap<Digest, (usize, u64)>,
}

impl Shared {
    fn of(inventory: &Inventory) -> Self {
        let mut blobs: BTreeMap<Digest, (usize, u64)> =
            inventory.blobs.iter().map(|blob| (blob.digest, (0, blob.size))).collect();
        for image in &inventory.images {
            let all: BTreeSet<&Digest> = image.platforms.iter().flat_map(|one| &one.blobs).collect();
            for digest in all {
                blobs.entry(*digest).or_default().0 += 1;
            }
        }
        Self { blobs }
    }

    fn own_bytes(&self, image: &Image) -> u64 {
        let all: BTreeSet<Digest> = image.platforms.iter().flat_map(|one| one.blobs.iter().copied()).collect();
        self.bytes_of(&all)
    }

    /// Of the blobs that one image alone has.
    fn bytes_of<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> u64 {
        let own = digests.into_iter().filter_map(|digest| self.blobs.get(digest)).filter(|(images, _)| *images <= 1);
        own.fold(0, |sum, (_, size)| sum.saturating_add(*size))
    }
}

/// The bundle's image for a need.
fn find<'a>(inventory: &'a Inventory, needed: &NeededImage) -> Option<&'a Image> {
    match &needed.asked {
        Asked::Any => inventory.image(image_in(inventory, &needed.repository)?),
        Asked::Tag(tag) => {
            let asked = format!("{}:{tag}", needed.repository);
            // An image that was carried by tag and digest answers to its tag.
            inventory.images.iter().find(|image| image.reference.split('@').next() == Some(asked.as_str()))
        }
        Asked::Digest(digest) => inventory.images.iter().find(|image| {
            let rest = image.reference.strip_prefix(needed.repository.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
                && (image.digest == *digest || image.platforms.iter().any(|one| one.manifest == *digest))
        }),
    }
}

/// The manifest of an image that hosts of an architecture run, chosen as container runtimes choose.
fn manifest(image: &Image, arch: &str) -> Option<Digest> {
    let offers: Vec<Option<Platform>> = image.platforms.iter().map(|one| one.platform.parse().ok()).collect();
    let chosen = choose(&[arch.parse().ok()?], &offers).ok()?;
    image.platforms.get(*chosen.first()?).map(|one| one.manifest)
}
