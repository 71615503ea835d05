//! `kk artifact sbom`: what is inside a bundle and inside its images.

use std::io::{self, Read};
use std::path::PathBuf;

pub use super::files::write_whole;
use super::{JobError, Kind, gather};
use crate::bundle::{Bundle, Verified};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::sbom::{self, Depth, Scanner};

/// No bill of materials is larger than this many bytes.
const LARGEST: u64 = 1 << 30;

/// The bill of materials that a bundle carries, or, where `anew` says how deep it should look, one that is made now.
pub async fn run(paths: &[PathBuf], anew: Option<Depth>, events: &Events) -> Result<Vec<u8>, JobError> {
    let bundle = gather::proven_bundle(paths, gather::Proof::Before, events).await?;
    let events = events.clone();
    let making = tokio::task::spawn_blocking(move || match anew {
        Some(depth) => made(&bundle, depth, &events),
        None => carried(&bundle),
    });
    making.await.map_err(|source| JobError::internal("the bill of materials cannot be made", source))?
}

fn carried(bundle: &Bundle<Verified>) -> Result<Vec<u8>, JobError> {
    let hint = "--recompute makes one from the bundle's content.";
    if !bundle.inventory().files.iter().any(|file| file.entry.path == sbom::PATH) {
        let message = format!("the bundle {} carries no bill of materials", bundle.path().display());
        return Err(JobError::new(Kind::Bundle, message).hint(hint));
    }
    let mut bytes = Vec::new();
    let read = bundle.open_entry(sbom::PATH).map_err(io::Error::other);
    read.and_then(|entry| entry.take(LARGEST).read_to_end(&mut bytes)).map_err(|error| unread(&error))?;
    Ok(bytes)
}

fn made(bundle: &Bundle<Verified>, depth: Depth, events: &Events) -> Result<Vec<u8>, JobError> {
    let open = |digest: &Digest| -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(bundle.open_blob(digest).map_err(io::Error::other)?))
    };
    let scans = match depth {
        Depth::Images => None,
        Depth::Packages => {
            let title = "Read the packages of images".to_owned();
            let started = std::time::Instant::now();
            events.emit(Event::PhaseStarted { title: title.clone() });
            let scanner = Scanner { open: &open, kept: None, events };
            let scans = scanner.scan(bundle.inventory()).map_err(|error| unread(&error))?;
            events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
            Some(scans)
        }
    };
    sbom::document(bundle.inventory(), scans.as_ref())
        .map_err(|error| JobError::internal("the bill of materials cannot be written", error))
}

fn unread(error: &io::Error) -> JobError {
    JobError::new(Kind::Bundle, format!("the bundle cannot be read: {error}"))
}
