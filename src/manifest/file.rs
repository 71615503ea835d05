//! Loads a manifest: reads it, checks it, fills in its defaults.

use std::path::{Path, PathBuf};

use super::validate::validate;
use super::{ManifestFile, ManifestSpec};
use crate::yaml::{self, Diagnostics, LoadError, Source};

/// A manifest that was checked, with every default filled in.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// `metadata.name`.
    pub name: String,
    pub spec: ManifestSpec,
    /// The file that it was read from; paths in it are relative to its folder.
    pub path: PathBuf,
}

/// Loads and checks a manifest, and fills in every default.
pub fn load(path: &Path) -> Result<Manifest, LoadError> {
    let source = yaml::read(path)?;
    let file = read(&source).map_err(|diagnostics| LoadError::Faulty { path: path.to_owned(), diagnostics })?;
    Ok(Manifest { name: file.metadata.name, spec: file.spec, path: path.to_owned() })
}

/// Checks a file that was read, and fills in its defaults. All its errors come at once.
pub fn read(source: &Source) -> Result<ManifestFile, Diagnostics> {
    let others = |kind: &str| Some(format!("a second document of kind {kind:?}; a manifest file holds one Manifest"));
    let mut file: ManifestFile = source.check("Manifest", validate, others)?;
    let spec = &mut file.spec;
    if spec.arches.is_empty() {
        spec.arches.push("amd64".into());
    }
    // Lists that were joined by hand name things twice; that is nobody's mistake.
    once(&mut spec.arches);
    once(&mut spec.images);
    Ok(file)
}

fn once(list: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
}
