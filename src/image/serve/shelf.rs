//! What is on offer: repositories with tags and digests, and nothing that cannot be read.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::page::order;
use super::route::{Name, Target};
use crate::bundle::inventory::{Image, Inventory};
use crate::digest::Digest;
use crate::image::reference::Reference;

/// All repositories, under the names of their source registries: `registry.k8s.io/pause`, `docker.io/library/nginx`.
#[derive(Debug, Default)]
pub struct Shelf {
    repositories: BTreeMap<String, Repository>,
    /// Names without their registry, as far as only one registry has them → the whole name.
    short: HashMap<String, Option<String>>,
    objects: HashMap<Digest, Object>,
}

/// One repository.
#[derive(Debug, Default)]
pub struct Repository {
    /// Sorted as lists are.
    tags: Vec<(String, Digest)>,
    manifests: HashSet<Digest>,
    blobs: HashSet<Digest>,
    /// What refers to a manifest, by the manifest.
    referrers: HashMap<Digest, Vec<Referrer>>,
}

/// Something with a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Bytes.
    pub size: u64,
    pub media_type: String,
}

/// A manifest that names another as its subject (image specification, manifest.md), as a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Shelf {
    /// What of an inventory can be read; `is_here` says whether a blob can.
    pub fn of(inventory: &Inventory, is_here: impl Fn(&Digest) -> bool) -> Self {
        let mut shelf = Self::default();
        for blob in inventory.blobs.iter().filter(|blob| is_here(&blob.digest)) {
            let object = Object { size: blob.size, media_type: blob.media_type.clone() };
            shelf.objects.insert(blob.digest, object);
        }
        for image in &inventory.images {
            // References were checked when the inventory was; one that cannot be read is one that nobody can ask for.
            if let Ok(reference) = image.reference.parse::<Reference>() {
                shelf.add(&reference, image);
            }
        }
        for repository in shelf.repositories.values_mut() {
            repository.tags.sort_by(|one, other| order(&one.0, &other.0));
        }
        shelf
    }

    fn add(&mut self, reference: &Reference, image: &Image) {
        let here = |digest: &Digest| self.objects.contains_key(digest);
        if !here(&image.digest) {
            return;
        }
        let name = format!("{}/{}", reference.host(), reference.repository());
        let short = self.short.entry(reference.repository().to_owned()).or_insert_with(|| Some(name.clone()));
        if short.as_ref().is_some_and(|known| *known != name) {
            *short = None;
        }
        let repository = self.repositories.entry(name).or_default();
        if let Some(tag) = reference.tag()
            && repository.tag(tag).is_none()
        {
            repository.tags.push((tag.to_owned(), image.digest));
        }
        repository.manifests.insert(image.digest);
        repository.manifests.extend(image.platforms.iter().map(|platform| platform.manifest).filter(|one| here(one)));
        repository.blobs.extend(image.platforms.iter().flat_map(|one| &one.blobs).filter(|one| here(one)));
    }

    /// Notes that a manifest names another as its subject, wherever that manifest is.
    pub fn refer(&mut self, subject: Digest, referrer: &Referrer) {
        for repository in self.repositories.values_mut().filter(|one| one.manifests.contains(&referrer.digest)) {
            let known = repository.referrers.entry(subject).or_default();
            if known.iter().all(|one| one.digest != referrer.digest) {
                known.push(referrer.clone());
            }
        }
    }

    /// Every manifest, with its media type.
    pub fn manifests(&self) -> impl Iterator<Item = (Digest, &Object)> {
        let all: HashSet<Digest> = self.repositories.values().flat_map(|one| &one.manifests).copied().collect();
        all.into_iter().filter_map(|digest| Some((digest, self.objects.get(&digest)?)))
    }

    /// The repository that is asked for: by its whole name; with a namespace by its path in there; without one by its path
    /// alone, where only one registry has such a repository.
    pub fn repository(&self, name: &Name) -> Option<&Repository> {
        let whole = match &name.namespace {
            Some(namespace) => self.repositories.get(&format!("{namespace}/{}", name.path)),
            None => None,
        };
        let short = || {
            let short = self.short.get(&name.path).filter(|_| name.namespace.is_none())?;
            self.repositories.get(short.as_ref()?)
        };
        whole.or_else(|| self.repositories.get(&name.path)).or_else(short)
    }

    /// Whole names, sorted as lists are.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.repositories.keys().map(String::as_str).collect();
        names.sort_by(|one, other| order(one, other));
        names
    }

    /// What is known of something that a repository has.
    pub fn object(&self, digest: &Digest) -> Option<&Object> {
        self.objects.get(digest)
    }
}

impl Repository {
    fn tag(&self, tag: &str) -> Option<Digest> {
        self.tags.iter().find(|(known, _)| known == tag).map(|(_, digest)| *digest)
    }

    /// Sorted as lists are.
    pub fn tags(&self) -> Vec<&str> {
        self.tags.iter().map(|(tag, _)| tag.as_str()).collect()
    }

    /// The index or manifest that a tag or digest stands for.
    pub fn manifest(&self, target: &Target) -> Option<Digest> {
        match target {
            Target::Tag(tag) => self.tag(tag),
            Target::Digest(digest) => self.manifests.get(digest).copied(),
        }
    }

    /// Whether a config or layer belongs to an image of this repository.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blobs.contains(digest)
    }

    /// What refers to this manifest.
    pub fn referrers(&self, subject: &Digest) -> &[Referrer] {
        self.referrers.get(subject).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bundle::inventory::{Blob, FORMAT, Platform};
    use crate::digest::Hasher;

    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

    /// An inventory of images of one platform, with a config and a layer that all share.
    pub fn inventory(references: &[&str]) -> Inventory {
        let mut blobs = Vec::new();
        let mut blob = |media_type: &str, content: &str| {
            let mut hasher = Hasher::new();
            hasher.update(content.as_bytes());
            let measured = hasher.finish();
            let (digest, media_type) = (measured.sha256, media_type.to_owned());
            blobs.push(Blob { digest, size: measured.size, blake3: measured.blake3, media_type, absent: false });
            digest
        };
        let shared = vec![blob("config", "{}"), blob("layer+gzip", "layer")];
        let images = references.iter().map(|reference| {
            let manifest = blob(MANIFEST, reference);
            let platform = Platform { platform: "linux/amd64".into(), manifest, blobs: shared.clone() };
            let (reference, media_type) = ((*reference).to_owned(), MANIFEST.into());
            Image { reference, digest: manifest, media_type, platforms: vec![platform] }
        });
        let images = images.collect();
        Inventory {
            format: FORMAT,
            name: "sample".into(),
            release: None,
            base: None,
            arches: vec!["amd64".into()],
            components: Vec::new(),
            images,
            blobs,
            charts: Vec::new(),
            packages: Vec::new(),
            files: Vec::new(),
        }
    }

    fn tags(shelf: &Shelf, path: &str, namespace: Option<&str>) -> Option<Vec<String>> {
        let name = Name { path: path.into(), namespace: namespace.map(str::to_owned) };
        Some(shelf.repository(&name)?.tags().iter().map(|tag| (*tag).to_owned()).collect())
    }

    #[test]
    fn repositories_are_found_by_three_names() {
        let references = [
            "docker.io/library/nginx:1.29",
            "docker.io/library/nginx:1.28",
            "quay.io/calico/cni:v3",
            "docker.io/calico/cni:v2",
        ];
        let shelf = Shelf::of(&inventory(&references), |_| true);
        assert_eq!(shelf.names(), ["docker.io/calico/cni", "docker.io/library/nginx", "quay.io/calico/cni"]);
        let nginx = Some(vec!["1.28".to_owned(), "1.29".to_owned()]);
        assert_eq!(tags(&shelf, "docker.io/library/nginx", None), nginx);
        assert_eq!(tags(&shelf, "library/nginx", Some("docker.io")), nginx);
        assert_eq!(tags(&shelf, "library/nginx", None), nginx);
        assert_eq!(tags(&shelf, "library/nginx", Some("quay.io")), None, "another registry's image is not its own");
        assert_eq!(tags(&shelf, "calico/cni", None), None, "two registries have it");
        assert_eq!(tags(&shelf, "calico/cni", Some("quay.io")), Some(vec!["v3".to_owned()]));
        assert_eq!(tags(&shelf, "nginx", None), None);
    }

    #[test]
    fn what_is_absent_is_not_on_offer() {
        let inventory = inventory(&["quay.io/calico/cni:v3", "quay.io/calico/node:v3"]);
        let (gone, layer) = (inventory.images[0].digest, inventory.blobs[1].digest);
        let shelf = Shelf::of(&inventory, |digest| *digest != gone && *digest != layer);
        assert_eq!(shelf.names(), ["quay.io/calico/node"]);
        let name = Name { path: "quay.io/calico/node".into(), namespace: None };
        let repository = shelf.repository(&name).unwrap();
        assert!(!repository.has_blob(&layer) && repository.has_blob(&inventory.blobs[0].digest));
        assert_eq!(repository.manifest(&Target::Tag("v3".into())), Some(inventory.images[1].digest));
        assert_eq!(repository.manifest(&Target::Digest(gone)), None);
    }
}
