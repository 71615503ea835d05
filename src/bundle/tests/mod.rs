//! What must hold of a bundle as a whole: written, read back, damaged, and given to stock tools.

mod delta;
mod flipped;
mod hostile;
mod parts;
mod round_trip;
mod signed;
mod stock_tools;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::sample::Sample;
use super::{Bundle, OpenError, Spelling, Verified, VerifyDepth, VerifyError, Written, write};
use crate::event::silent;

/// Why a bundle was refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

fn write_sample(sample: &Sample, folder: &TempDir, spelling: Spelling) -> (PathBuf, Written) {
    let path = folder.path().join(format!("sample{}", spelling.ending()));
    let written = write(&path, spelling, &sample.inventory, &|member| sample.open(member), &silent()).unwrap();
    (path, written)
}

fn prove(path: &Path, depth: VerifyDepth) -> Result<Bundle<Verified>, Refused> {
    Ok(Bundle::open(path)?.verify(depth, &silent())?)
}
