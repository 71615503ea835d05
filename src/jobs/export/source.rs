//! The manifest of an export, as its user wrote it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::jobs::{JobError, Kind, files};
use crate::manifest::{self, ManifestFile};
use crate::yaml::{self, LoadError};

/// A manifest and where it was read.
pub(super) struct Source {
    pub manifest: ManifestFile,
    /// As written.
    pub text: String,
    /// Paths in the manifest are relative to this.
    pub folder: PathBuf,
}

impl Source {
    /// Reads a manifest file; all its errors come at once.
    pub fn read(path: &Path) -> Result<Self, JobError> {
        let text = fs::read_to_string(path).map_err(|error| {
            JobError::new(Kind::File, format!("the manifest {} cannot be read", path.display())).because(error)
        })?;
        let faulty = |diagnostics| files::faulty(LoadError::Faulty { path: path.to_owned(), diagnostics });
        let document = yaml::parse(&path.display().to_string(), text.as_bytes()).map_err(faulty)?;
        let manifest = manifest::read(&document).map_err(faulty)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { manifest, text, folder })
    }
}
