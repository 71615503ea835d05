//! What is carried besides components and images: packages of operating systems, charts, and plain files.

use std::collections::BTreeSet;

use super::component::WantedComponent;
use super::source::Source;
use crate::digest::Digest;

/// One file of the bundle, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    pub what: What,
    pub origin: Origin,
    /// As the manifest has it.
    pub checksum: Option<Digest>,
}

/// What a file is, and so where it lies in the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    File { name: String },
    Packages { id: String, version: String, arch: String },
    Chart { name: String, version: String },
}

/// Where a file comes from, as the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Url(String),
    /// Relative to the manifest; a chart may be a folder.
    Path(String),
    /// A chart in the repository at this address, which has an index.
    Repository(String),
    /// A chart in a registry: `oci://host/path`, below which it has its name.
    Registry(String),
}

impl What {
    /// Where it lies in the bundle.
    pub fn path(&self) -> String {
        match self {
            Self::File { name } => format!("files/{name}"),
            Self::Packages { id, version, arch } => format!("packages/{id}-{version}-{arch}.iso"),
            Self::Chart { name, version } => format!("charts/{name}-{version}.tgz"),
        }
    }

    /// For messages.
    pub fn title(&self) -> String {
        match self {
            Self::File { name } => name.clone(),
            Self::Packages { id, version, arch } => format!("packages of {id} {version} for {arch}"),
            Self::Chart { name, version } => format!("chart {name} {version}"),
        }
    }
}

impl Origin {
    /// As the lock and the inventory have it.
    pub fn text(&self) -> &str {
        match self {
            Self::Url(text) | Self::Path(text) | Self::Repository(text) | Self::Registry(text) => text,
        }
    }

    fn of(url: &str, path: &str) -> Self {
        if url.is_empty() { Self::Path(path.to_owned()) } else { Self::Url(url.to_owned()) }
    }
}

/// Everything of this kind that a manifest names. Names and sources were checked when it was loaded.
pub(super) fn of(source: &Source, components: &[WantedComponent], mistakes: &mut Vec<String>) -> Vec<Carried> {
    let digest = |text: &str| Digest::from_hex(text.strip_prefix("sha256:").unwrap_or(text)).ok();
    let spec = &source.manifest.spec;
    let mut carried = Vec::new();
    for file in &spec.files {
        if components.iter().any(|one| file.name.split('/').next() == Some(one.name.as_str())) {
            mistakes.push(format!("the file \"{}\" would lie among those of the component of that name", file.name));
        }
        let (what, origin) = (What::File { name: file.name.clone() }, Origin::of(&file.url, &file.local_path));
        carried.push(Carried { what, origin, checksum: digest(&file.checksum) });
    }
    for system in &spec.operating_systems {
        let Some(iso) = &system.repository.iso else { continue };
        // Existing manifests leave both empty where there is nothing to carry.
        if iso.url.is_empty() && iso.local_path.is_empty() {
            continue;
        }
        let (id, version, arch) = (system.id.clone(), system.version.clone(), arch_of(&system.arch));
        let (what, origin) = (What::Packages { id, version, arch }, Origin::of(&iso.url, &iso.local_path));
        carried.push(Carried { what, origin, checksum: digest(&iso.checksum) });
    }
    for chart in &spec.charts {
        let origin = if !chart.path.is_empty() {
            Origin::Path(chart.path.clone())
        } else if chart.repo.starts_with("oci://") {
            Origin::Registry(chart.repo.clone())
        } else {
            Origin::Repository(chart.repo.clone())
        };
        let what = What::Chart { name: chart.name.clone(), version: chart.version.clone() };
        carried.push(Carried { what, origin, checksum: digest(&chart.checksum) });
    }
    let mut paths = BTreeSet::new();
    for one in &carried {
        if let Origin::Path(path) = &one.origin
            && !source.folder.join(path).exists()
        {
            mistakes.push(format!("{}: there is no {}", one.what.title(), source.folder.join(path).display()));
        }
        if !paths.insert(one.what.path()) {
            mistakes.push(format!("{} is named twice", one.what.title()));
        }
    }
    carried
}

/// As Go names it; manifests may write it as `uname` does.
fn arch_of(text: &str) -> String {
    match text {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
    .to_owned()
}
