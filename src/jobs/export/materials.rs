//! The bill of materials that a bundle carries of itself.

use std::io::{self, Read};

use super::assemble::Assembled;
use super::interrupt::Interrupt;
use crate::digest::Digest;
use crate::event::Events;
use crate::jobs::{JobError, Kind};
use crate::sbom::{self, Depth, Scanner};

/// Adds the bill of materials of what was assembled and sorted; nothing where none is wanted.
pub(super) async fn add(
    mut assembled: Assembled,
    depth: Option<Depth>,
    interrupt: &Interrupt,
    events: &Events,
) -> Result<Assembled, JobError> {
    let Some(depth) = depth else { return Ok(assembled) };
    let (interrupt, events) = (interrupt.clone(), events.clone());
    let making = tokio::task::spawn_blocking(move || {
        let bytes = bytes(&assembled, depth, &interrupt, &events)?;
        assembled.add_file(sbom::PATH, &bytes)?;
        assembled.sort();
        Ok(assembled)
    });
    making.await.map_err(|error| JobError::internal("the bill of materials cannot be made", error))?
}

fn bytes(assembled: &Assembled, depth: Depth, interrupt: &Interrupt, events: &Events) -> Result<Vec<u8>, JobError> {
    let open = |digest: &Digest| -> io::Result<Box<dyn Read + Send>> {
        if interrupt.is_set() {
            return Err(io::Error::other("interrupted"));
        }
        // By its digest: what the base holds was not fetched, and may lie in the cache all the same.
        let cached = assembled.cache.find(digest).map_err(io::Error::other)?;
        let cached = cached.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, digest.to_string()))?;
        cached.open()
    };
    let scans = match depth {
        Depth::Images => None,
        Depth::Packages => {
            let scanner = Scanner { open: &open, kept: Some(assembled.cache.root().join("layers")), events };
            match scanner.scan(&assembled.inventory) {
                Ok(scans) => Some(scans),
                Err(_) if interrupt.is_set() => return Err(Interrupt::error()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && assembled.has_base() => {
                    return Err(left_out(&error));
                }
                Err(error) => return Err(JobError::internal("the layers of images cannot be read", error)),
            }
        }
    };
    sbom::document(&assembled.inventory, scans.as_ref())
        .map_err(|error| JobError::internal("the bill of materials cannot be written", error))
}

/// A bill that lacked packages of layers which lie elsewhere would be another than that of the whole bundle.
fn left_out(error: &io::Error) -> JobError {
    JobError::new(
        Kind::Usage,
        format!("the packages in layer {error} cannot be listed: the base has it, and the cache has not"),
    )
    .hint("--sbom images needs no layers; or export once without --base, so that the cache knows them.")
}
