//! `kk artifact images export`: images of one platform as the tar that `docker load` reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::choose::choose;
use super::load_tar::{self, LoadImage};
use crate::bundle::inventory::Image;
use crate::bundle::{Bundle, Verified};
use crate::digest::Digest;
use crate::event::Events;
use crate::image::manifest::{self, Content, LARGEST_DOCUMENT};
use crate::image::{Platform, Reference, platform};
use crate::jobs::{JobError, Kind, gather};

/// What the command was asked to do.
pub struct Options {
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    /// The tar to write.
    pub output: PathBuf,
    /// Whether an output that exists may be replaced.
    pub overwrite: bool,
    /// Patterns of references; all images where there is none.
    pub images: Vec<String>,
    /// `linux/amd64`; may be left out where the bundle holds one architecture.
    pub platform: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    pub path: PathBuf,
    /// Bytes of the tar.
    pub size: u64,
    pub images: usize,
    pub platform: String,
}

/// Verifies the bundle and writes the tar, by way of a file beside it.
pub async fn run(options: Options, events: Events) -> Result<Exported, JobError> {
    if options.output.exists() && !options.overwrite {
        return Err(
            JobError::new(Kind::Declined, format!("{} exists", options.output.display())).hint("--yes replaces it")
        );
    }
    let bundle = gather::proven_bundle(&options.bundle, gather::Proof::Before, &events).await?;
    let written = tokio::task::spawn_blocking(move || write(&bundle, &options)).await;
    written.map_err(|source| JobError::internal("the export was cut off", source))?
}

fn write(bundle: &Arc<Bundle<Verified>>, options: &Options) -> Result<Exported, JobError> {
    let inventory = bundle.inventory();
    let platform = wanted_platform(options.platform.as_deref(), &inventory.arches)?;
    let mut found: BTreeMap<(Digest, Vec<Digest>), Vec<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for image in choose(inventory, &options.images)? {
        match of_platform(image, &platform) {
            Some(manifest) => {
                let parts = read_manifest(bundle, image, &manifest)?;
                found.entry(parts).or_default().extend(tag(image));
            }
            None => missing.push(format!("{} is not there for {platform}", image.reference)),
        }
    }
    if !missing.is_empty() {
        return Err(JobError::new(Kind::Bundle, format!("not every image is there for {platform}")).details(missing));
    }
    let mut images: Vec<LoadImage> =
        found.into_iter().map(|((config, layers), tags)| LoadImage { tags, config, layers }).collect();
    images.sort_by(|one, other| one.tags.cmp(&other.tags));
    let open = |digest: &Digest| -> io::Result<(u64, Box<dyn Read + Send>)> {
        let blob = bundle.inventory().blob(digest).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let reader = bundle.open_blob(digest).map_err(io::Error::other)?;
        Ok((blob.size, Box::new(reader)))
    };
    let size = write_beside(&options.output, |file| load_tar::write(file, &images, &open))
        .map_err(|source| JobError::internal(format!("{} cannot be written", options.output.display()), source))?;
    Ok(Exported { path: options.output.clone(), size, images: images.len(), platform: platform.to_string() })
}

fn wanted_platform(asked: Option<&str>, arches: &[String]) -> Result<Platform, JobError> {
    let text = match (asked, arches) {
        (Some(asked), _) => asked,
        (None, [only]) => only,
        (None, several) => {
            return Err(JobError::new(Kind::Usage, "a tar for docker load holds images of one platform")
                .hint(format!("choose one with --platform: the bundle has {}", several.join(", "))));
        }
    };
    text.parse().map_err(|error| JobError::new(Kind::Usage, "the platform cannot be read").because(error))
}

/// The manifest of an image for this platform.
fn of_platform(image: &Image, wanted: &Platform) -> Option<Digest> {
    let offers: Vec<Option<Platform>> = image.platforms.iter().map(|one| one.platform.parse().ok()).collect();
    let chosen = platform::choose(std::slice::from_ref(wanted), &offers).ok()?;
    Some(image.platforms.get(*chosen.first()?)?.manifest)
}

/// Config and layers of a manifest.
fn read_manifest(bundle: &Bundle<Verified>, image: &Image, digest: &Digest) -> Result<(Digest, Vec<Digest>), JobError> {
    let unreadable = || JobError::new(Kind::Bundle, format!("the manifest of {} cannot be read", image.reference));
    let reader = bundle.open_blob(digest).map_err(|error| unreadable().because(error))?;
    let mut bytes = Vec::new();
    reader.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes).map_err(|error| unreadable().because(error))?;
    match manifest::read(&bytes, "").map_err(|error| unreadable().because(error))? {
        Content::Image(read) => Ok((read.config.digest, read.layers.iter().map(|layer| layer.digest).collect())),
        Content::Index(_) => Err(unreadable()),
    }
}

/// The name and tag under which an image is loaded.
fn tag(image: &Image) -> Option<String> {
    let reference: Reference = image.reference.parse().ok()?;
    Some(format!("{}/{}:{}", reference.host(), reference.repository(), reference.tag()?))
}

/// Writes `<path>.part` and renames it once it is whole; gives its size.
fn write_beside(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<u64> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = || {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        write(&mut file)?;
        file.flush()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        Ok(file.metadata()?.len())
    };
    written().inspect_err(|_| {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&part);
    })
}
