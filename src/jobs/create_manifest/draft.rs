//! A manifest in the making, and its text: with headings over the images, so that people find their way in it.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::cluster::validate::API_VERSION;
use crate::host::local::own_arch;
use crate::manifest::ManifestSpec;

/// What a manifest will hold.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub name: String,
    pub arches: Vec<String>,
    pub systems: BTreeSet<System>,
    /// Type and version.
    pub distributions: Vec<(String, String)>,
    pub components: Vec<(String, String)>,
    pub runtimes: Vec<(String, String)>,
    /// Versions of etcd that lie on the way to its own.
    pub etcd_via: Vec<String>,
    /// Headings with their images, each image under the first that named it.
    pub images: Vec<(String, Vec<String>)>,
}

/// An operating system of the hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct System {
    pub arch: String,
    pub id: String,
    pub version: String,
    pub os_image: String,
}

impl Draft {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub fn distribution(&mut self, kind: &str, version: &str) {
        let one = (kind.to_owned(), version.to_owned());
        if !self.distributions.contains(&one) {
            self.distributions.push(one);
        }
    }

    /// The versions of one distribution, lowest first.
    pub fn versions_of(&self, kind: &str) -> Vec<String> {
        let of_kind = self.distributions.iter().filter(|(one, _)| one == kind);
        let mut versions: Vec<String> = of_kind.map(|(_, version)| version.clone()).collect();
        sort(&mut versions);
        versions
    }

    /// The highest version of Kubernetes.
    pub fn newest(&self) -> Option<String> {
        let mut versions: Vec<String> = self.distributions.iter().map(|(_, version)| version.clone()).collect();
        sort(&mut versions);
        versions.pop()
    }

    /// Names a component, unless it is named already.
    pub fn component(&mut self, name: &str, version: &str) {
        if !self.components.iter().any(|(known, _)| known == name) {
            self.components.push((name.to_owned(), version.to_owned()));
        }
    }

    /// Names an image, unless it is named already.
    pub fn image(&mut self, heading: &str, image: &str) {
        if self.images.iter().any(|(_, images)| images.iter().any(|known| known == image)) {
            return;
        }
        match self.images.iter_mut().find(|(known, _)| known == heading) {
            Some((_, images)) => images.push(image.to_owned()),
            None => self.images.push((heading.to_owned(), vec![image.to_owned()])),
        }
    }

    /// The manifest. Values were checked, or come out quoted.
    pub fn to_yaml(&self) -> String {
        let arches = if self.arches.is_empty() { ManifestSpec::default().arches } else { self.arches.clone() };
        let versions: Vec<String> = self.distributions.iter().map(|(_, version)| version.clone()).collect();
        let mut out = format!(
            "# What to carry across the gap for Kubernetes {}.\n\
             # `kk artifact export -m FILE` makes one file of it that holds all that the datacenter needs.\n\
             # Further images of your own belong at the end of the list; charts and files have lists of their own.\n\
             apiVersion: {API_VERSION}\nkind: Manifest\nmetadata:\n  name: {}\nspec:\n  arches: [{}]\n",
            versions.join(", "),
            self.name,
            arches.join(", "),
        );
        match self.systems.is_empty() {
            true => out += "  operatingSystems: []\n",
            false => out += "  operatingSystems:\n",
        }
        for system in &self.systems {
            let System { arch, id, version, os_image } = system;
            out += &format!(
                "    - arch: {arch}\n      type: linux\n      id: {}\n      version: {}\n      osImage: {}\n      repository: {{}}\n",
                quoted(id),
                quoted(version),
                quoted(os_image)
            );
        }
        out += "  kubernetesDistributions:\n";
        for (kind, version) in &self.distributions {
            out += &format!("    - {{type: {kind}, version: {version}}}\n");
        }
        out += "  components:\n";
        for (name, version) in &self.components {
            if name == "kk" && arches.iter().any(|arch| arch != own_arch()) {
                out += &format!(
                    "    # This program itself; for other architectures than {}, export names its file: --kk arm64=PATH\n    \
                     # kk: {{version: {version}}}\n",
                    own_arch()
                );
                continue;
            }
            match name == "etcd" && !self.etcd_via.is_empty() {
                true => {
                    out += "    # Members of an older etcd go through these first.\n";
                    out += &format!("    {name}: {{version: {version}, via: [{}]}}\n", self.etcd_via.join(", "));
                }
                false => out += &format!("    {name}: {{version: {version}}}\n"),
            }
        }
        out += "    containerRuntimes:\n";
        for (kind, version) in &self.runtimes {
            out += &format!("      - {{type: {kind}, version: {version}}}\n");
        }
        out += "  images:\n";
        for (heading, images) in &self.images {
            out += &format!("    # {heading}\n");
            images.iter().for_each(|image| out += &format!("    - {image}\n"));
        }
        out
    }
}

/// Lowest first, as numbers; what is equal as a number, by its text.
pub(super) fn sort(versions: &mut [String]) {
    versions.sort_by(|one, other| match (Catalog::is_before(one, other), Catalog::is_before(other, one)) {
        (true, _) => std::cmp::Ordering::Less,
        (_, true) => std::cmp::Ordering::Greater,
        _ => one.cmp(other),
    });
}

/// As JSON writes it, which YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
