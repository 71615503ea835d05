//! What one layer of an image says of installed packages, whatever lies below and above it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::archive::{self, Entry, Kind};
use super::package::{DatabaseError, Package};
use super::release::Release;
use super::{apk, dpkg, release, rpm};

/// No layer is decompressed further than this many bytes.
pub const LARGEST_LAYER: u64 = 64 << 30;

/// No database is larger than this many bytes.
const LARGEST_DATABASE: u64 = 512 << 20;

/// No file of `status.d` and no os-release is larger than this many bytes.
const LARGEST_NOTE: u64 = 1 << 20;

/// No frame of zstd may ask for more memory than 2 to this power bytes; `zstd -19` asks for 8 MiB.
const ZSTD_WINDOW: u32 = 25;

/// Packages, and files that matter, that are kept of one layer: they bound the memory that it takes.
const HEAVIEST: usize = 60_000;

/// Where distroless images keep a file for each package of Debian.
const NOTES: &str = "var/lib/dpkg/status.d";

/// What a layer marks as removed begins with this (image specification, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";

/// In a folder that hides all that lower layers have in it.
const OPAQUE: &str = ".wh..wh..opq";

/// What lies at a path that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Release,
    Dpkg,
    DpkgNote,
    Apk,
    Rpm,
    /// Of a kind that is not read.
    Unread(&'static str),
}

const BERKELEY: Place = Place::Unread("a database of rpm in Berkeley DB's format, which is not read");
const NDB: Place = Place::Unread("a database of rpm in the format ndb, which is not read");
const JOURNAL: Place = Place::Unread("a journal of rpm's database, whose changes are not read");

/// Files that matter. New releases of Alpine and of rpm's distributions have theirs below usr.
const PLACES: [(&str, Place); 13] = [
    ("etc/os-release", Place::Release),
    ("usr/lib/os-release", Place::Release),
    ("var/lib/dpkg/status", Place::Dpkg),
    ("lib/apk/db/installed", Place::Apk),
    ("usr/lib/apk/db/installed", Place::Apk),
    ("var/lib/rpm/rpmdb.sqlite", Place::Rpm),
    ("usr/lib/sysimage/rpm/rpmdb.sqlite", Place::Rpm),
    ("var/lib/rpm/rpmdb.sqlite-wal", JOURNAL),
    ("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", JOURNAL),
    ("var/lib/rpm/Packages", BERKELEY),
    ("usr/lib/sysimage/rpm/Packages", BERKELEY),
    ("var/lib/rpm/Packages.db", NDB),
    ("usr/lib/sysimage/rpm/Packages.db", NDB),
];

fn place(path: &str) -> Option<Place> {
    if let Some((folder, name)) = path.rsplit_once('/')
        && folder == NOTES
    {
        // Beside each package's file lies one with the checksums of its files.
        return (!name.ends_with(".md5sums")).then_some(Place::DpkgNote);
    }
    PLACES.iter().find(|(own, _)| *own == path).map(|(_, place)| *place)
}

/// Whether a path that matters is this one, or lies below it.
fn matters_below(path: &str) -> bool {
    let below = |own: &str| own == path || own.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    PLACES.iter().any(|(own, _)| below(own)) || below(NOTES) || place(path).is_some()
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Found {
    Release(Release),
    /// Sorted.
    Packages(Vec<Package>),
    /// Why it was not read.
    Unread(String),
    /// A file that says nothing, and hides one of a lower layer.
    Nothing,
}

/// What a layer says. Follows from its bytes alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayerScan {
    /// Paths at and below which nothing of lower layers is left.
    pub hidden: BTreeSet<String>,
    /// Folders in which nothing of lower layers is left.
    pub emptied: BTreeSet<String>,
    /// By path.
    pub found: BTreeMap<String, Found>,
    /// Why the layer was not read to its end.
    pub unread: Option<String>,
}

/// Reads a layer of this media type to its end.
pub fn scan(layer: impl Read, media_type: &str) -> LayerScan {
    let mut gathering = Gathering::default();
    let result = decompressed(layer, media_type).and_then(|tar| {
        archive::walk(Bounded { source: tar, left: LARGEST_LAYER }, &mut |entry, content| {
            gathering.entry(entry, content)
        })
        .map_err(|error| error.to_string())
    });
    let mut scan = gathering.scan;
    scan.unread = result.err().or(scan.unread);
    scan
}

/// Layers name their compression at the end of their media type (image specification, layer.md; Docker's schema 2).
fn decompressed<'a>(layer: impl Read + 'a, media_type: &str) -> Result<Box<dyn Read + 'a>, String> {
    let is_layer = media_type.contains(".layer.") || media_type.contains(".rootfs.");
    let kind = media_type.rsplit(['.', '+']).next().unwrap_or_default();
    let layer = BufReader::with_capacity(128 << 10, layer);
    match kind {
        "gzip" if is_layer => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(layer))),
        "zstd" if is_layer => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(layer).map_err(|error| error.to_string())?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(|error| error.to_string())?;
            Ok(Box::new(decoder))
        }
        "tar" if is_layer => Ok(Box::new(layer)),
        _ => Err(format!("its media type {media_type} is not that of a layer that is read")),
    }
}

/// Ends with an error after as many bytes.
struct Bounded<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(format!("it decompresses to more than {LARGEST_LAYER} bytes")))?;
        Ok(count)
    }
}

/// Gathers what a walk meets.
#[derive(Default)]
struct Gathering {
    scan: LayerScan,
    weight: usize,
}

impl Gathering {
    fn entry(&mut self, entry: &Entry, content: &mut dyn BufRead) {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        if name == OPAQUE {
            if matters_below(folder) || folder.is_empty() {
                self.grow(1);
                self.scan.emptied.insert(folder.to_owned());
            }
            return;
        }
        if let Some(removed) = name.strip_prefix(WHITEOUT) {
            let path = if folder.is_empty() { removed.to_owned() } else { format!("{folder}/{removed}") };
            if matters_below(&path) {
                self.hide(path);
            }
            return;
        }
        match (place(&entry.path), &entry.kind) {
            (_, Kind::Folder) => {}
            (Some(place), Kind::File) => {
                let found = read(place, content).unwrap_or_else(|error| Found::Unread(error.to_string()));
                self.put(&entry.path, found);
            }
            (Some(_), Kind::HardLink(target)) => {
                let found = self.scan.found.get(target).cloned();
                self.put(&entry.path, found.unwrap_or_else(|| Found::Unread("it is a link to another file".into())));
            }
            // A symbolic link points to another of the places, or to nothing that would be looked for.
            (Some(_), Kind::Other) => self.put(&entry.path, Found::Nothing),
            (None, _) => {
                if matters_below(&entry.path) {
                    self.hide(entry.path.clone());
                }
            }
        }
    }

    fn put(&mut self, path: &str, found: Found) {
        self.grow(1 + if let Found::Packages(list) = &found { list.len() } else { 0 });
        if self.weight <= HEAVIEST {
            self.scan.found.insert(path.to_owned(), found);
        }
    }

    fn hide(&mut self, path: String) {
        self.grow(1);
        if self.weight <= HEAVIEST {
            self.scan.hidden.insert(path);
        }
    }

    fn grow(&mut self, by: usize) {
        self.weight += by;
        if self.weight > HEAVIEST {
            self.scan.unread = Some(format!("it tells of more than {HEAVIEST} packages and files of theirs"));
        }
    }
}

fn read(place: Place, content: &mut dyn BufRead) -> Result<Found, DatabaseError> {
    let large = || content_too_large(LARGEST_DATABASE);
    Ok(match place {
        Place::Release => release::read(content.take(LARGEST_NOTE))?.map_or(Found::Nothing, Found::Release),
        Place::DpkgNote => Found::Packages(dpkg::read(content.take(LARGEST_NOTE))?),
        Place::Dpkg | Place::Apk => {
            let mut content = content.take(LARGEST_DATABASE);
            let packages = if place == Place::Dpkg { dpkg::read(&mut content) } else { apk::read(&mut content) }?;
            if content.limit() == 0 { large() } else { Found::Packages(packages) }
        }
        Place::Rpm => {
            let mut content = content.take(LARGEST_DATABASE);
            // A file without a name, so that the pages can be read at random and nothing is left behind.
            let mut file = tempfile::tempfile()?;
            io::copy(&mut content, &mut file)?;
            file.flush()?;
            if content.limit() == 0 { large() } else { Found::Packages(rpm::read(&file as &File)?) }
        }
        Place::Unread(_) if content.fill_buf()?.is_empty() => Found::Nothing,
        Place::Unread(why) => Found::Unread(why.into()),
    })
}

fn content_too_large(most: u64) -> Found {
    Found::Unread(format!("it has more than {most} bytes"))
}
