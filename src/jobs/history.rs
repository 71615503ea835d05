//! `kk history`: what was done on a site, from its journals. Nothing is locked and nothing is made.

use std::path::Path;

use super::site::Site;
use super::{JobError, Kind, files};
use crate::run::history::{self, Run};

/// All runs, the first one first.
pub fn list(cluster_file: &Path) -> Result<Vec<Run>, JobError> {
    let folder = Site::journal_of(&files::cluster(cluster_file)?)?;
    history::list(&folder)
        .map_err(|source| JobError::internal(format!("cannot read the journals in {}", folder.display()), source))
}

/// One run.
pub fn show(cluster_file: &Path, number: u32) -> Result<Run, JobError> {
    let runs = list(cluster_file)?;
    let last = runs.last().map(|run| run.number);
    runs.into_iter().find(|run| run.number == number).ok_or_else(|| {
        let error = JobError::new(Kind::Usage, format!("this site has no run {number}"));
        match last {
            Some(last) => error.hint(format!("the last one is {last}; kk history lists them all")),
            None => error.hint("nothing was run on this site yet"),
        }
    })
}
