//! What is known before anything is fetched: output, catalog, cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::interrupt::Interrupt;
use super::{Inputs, Options, network};
use crate::bundle::Spelling;
use crate::catalog::Catalog;
use crate::event::Events;
use crate::fetch::{Cache, staging};
use crate::jobs::{JobError, Kind};

/// How the bundle is spelled; it does not replace another file unasked.
pub(super) fn output_spelling(options: &Options) -> Result<Spelling, JobError> {
    let spelling = Spelling::of_name(&options.output).map_err(|error| JobError::new(Kind::Usage, error.to_string()))?;
    let folder = options.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(JobError::new(Kind::Usage, format!("{} is not a folder to write a bundle to", folder.display())));
    }
    if options.output.is_dir() {
        return Err(JobError::new(Kind::Usage, format!("{} is a folder, not a file", options.output.display())));
    }
    if options.output.exists() && !options.overwrite {
        let message = format!("{} exists already", options.output.display());
        return Err(JobError::new(Kind::Declined, message).hint("Give another name with -o, or --yes to replace it."));
    }
    Ok(spelling)
}

pub(super) fn read_catalog(inputs: &Inputs) -> Result<Catalog, JobError> {
    let wrong = |place: String| move |error| JobError::new(Kind::File, place).because(error);
    let Some(path) = &inputs.catalog else {
        return Catalog::built_in().map_err(wrong("the built-in catalog cannot be read".into()));
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        JobError::new(Kind::File, format!("the catalog {} cannot be read", path.display())).because(error)
    })?;
    Catalog::parse(&text).map_err(wrong(format!("the catalog {} cannot be used", path.display())))
}

/// The folder in which downloads are kept, and the record of what was exported.
pub(super) fn cache_root(inputs: &Inputs) -> Result<PathBuf, JobError> {
    inputs.cache.clone().map_or_else(crate::jobs::cache::path, Ok)
}

pub(super) async fn open_cache(
    inputs: &Inputs,
    beside: Option<(&Path, Spelling)>,
    interrupt: &Interrupt,
    events: &Events,
) -> Result<Arc<Cache>, JobError> {
    if let Some((output, spelling)) = beside {
        let opening = async { staging::open(output, spelling, events).await.map(Arc::new).map_err(network) };
        return interrupt.race(opening).await;
    }
    let root = cache_root(inputs)?;
    let opening = async { Cache::open(root, events).await.map(Arc::new).map_err(network) };
    interrupt.race(opening).await
}
