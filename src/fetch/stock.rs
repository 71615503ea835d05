//! What a cache holds, and what of it may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::note::note_path;
use super::{Cache, FetchError, exports};
use crate::digest::Digest;

/// What lies in the folder of a cache. Reading it needs no lock; it may change meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    /// Whole files, those used last first.
    pub files: Vec<Held>,
    /// What has arrived of downloads that are not complete.
    pub parts: Vec<Begun>,
    /// Digests of the inventories that were exported.
    pub exports: Vec<Digest>,
}

/// A whole file of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// When an export last used it.
    pub used: SystemTime,
}

/// A download that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub path: PathBuf,
    /// Bytes that have arrived.
    pub size: u64,
    /// When the last of them did.
    pub used: SystemTime,
}

/// What a cache may keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// What was last used longer ago goes.
    pub older_than: Option<Duration>,
    /// Bytes: what was used longest ago goes until no more than that is left.
    pub max_size: Option<u64>,
}

impl Stock {
    /// Looks into the folder of a cache. One that is not there holds nothing.
    pub fn read(root: &Path) -> Result<Self, FetchError> {
        let mut stock = Self::default();
        for (path, metadata) in entries(&root.join("blobs/sha256"))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Ok(digest) = Digest::from_hex(name) else { continue };
            let noted = fs::metadata(note_path(&path)).and_then(|note| note.modified());
            let used = noted.or_else(|_| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            stock.files.push(Held { digest, size: metadata.len(), used });
        }
        for (path, metadata) in entries(&root.join("parts"))? {
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            stock.parts.push(Begun { path, size: metadata.len(), used });
        }
        for (path, _) in entries(&root.join(exports::FOLDER))? {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            stock.exports.extend(Digest::from_hex(name));
        }
        stock.files.sort_by(|one, other| (other.used, &one.digest).cmp(&(one.used, &other.digest)));
        stock.parts.sort_by(|one, other| one.path.cmp(&other.path));
        stock.exports.sort();
        Ok(stock)
    }

    /// Bytes of all files and parts.
    pub fn size(&self) -> u64 {
        let sizes = self.files.iter().map(|file| file.size).chain(self.parts.iter().map(|part| part.size));
        sizes.fold(0, u64::saturating_add)
    }

    /// What is to go so that the limits hold. Without any limit that is everything but the records of exports, which are
    /// small and by which later exports know what a site has.
    pub fn beyond(&self, limits: &Limits, now: SystemTime) -> Self {
        if limits.older_than.is_none() && limits.max_size.is_none() {
            return Self { exports: Vec::new(), ..self.clone() };
        }
        let old = |used: SystemTime| {
            limits.older_than.is_some_and(|limit| now.duration_since(used).is_ok_and(|age| age > limit))
        };
        let mut left = limits.max_size.unwrap_or(u64::MAX);
        let mut gone = Self::default();
        // The files come newest first: what no longer fits was used longest ago.
        for file in &self.files {
            match left.checked_sub(file.size).filter(|_| !old(file.used)) {
                Some(rest) => left = rest,
                None => {
                    gone.files.push(file.clone());
                    left = if old(file.used) { left } else { 0 };
                }
            }
        }
        for part in &self.parts {
            match left.checked_sub(part.size).filter(|_| !old(part.used)) {
                Some(rest) => left = rest,
                None => gone.parts.push(part.clone()),
            }
        }
        gone
    }
}

impl Cache {
    /// Removes these files and parts. The cache is open, so no export uses them meanwhile.
    pub fn remove(&self, gone: &Stock) -> Result<(), FetchError> {
        gone.files.iter().try_for_each(|file| self.evict(&file.digest))?;
        for part in &gone.parts {
            match fs::remove_file(&part.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FetchError::disk(&part.path, "cannot be removed")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, FetchError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FetchError::disk(folder, "cannot be read")(error)),
    };
    // An entry that vanishes meanwhile was removed by the export that is at work.
    let files = listing.flatten().filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    Ok(files.filter(|(_, metadata)| metadata.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn held(days: &[u32], now: SystemTime) -> Stock {
        let files = days.iter().map(|days| Held {
            digest: Digest::of(&days.to_le_bytes()),
            size: 100,
            used: now.checked_sub(*days * DAY).unwrap(),
        });
        Stock { files: files.collect(), ..Stock::default() }
    }

    fn gone(stock: &Stock, limits: Limits, now: SystemTime) -> Vec<u64> {
        let gone = stock.beyond(&limits, now);
        gone.files.iter().map(|file| now.duration_since(file.used).unwrap().as_secs() / 86_400).collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let now = SystemTime::now();
        let stock = held(&[0, 3, 9, 40], now);
        let limits = |days: Option<u32>, max_size| Limits { older_than: days.map(|days| days * DAY), max_size };
        assert_eq!(gone(&stock, limits(None, None), now), [0, 3, 9, 40]);
        assert_eq!(gone(&stock, limits(Some(8), None), now), [9, 40]);
        assert_eq!(gone(&stock, limits(None, Some(250)), now), [9, 40]);
        assert_eq!(gone(&stock, limits(Some(30), Some(100)), now), [3, 9, 40]);
        assert_eq!(gone(&stock, limits(Some(90), Some(400)), now), [0u64; 0]);
    }

    #[tokio::test]
    async fn a_cache_tells_what_it_holds_and_lets_it_go() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Stock::read(&folder.path().join("none")).unwrap().size(), 0);
        let cache = Cache::open(folder.path().to_owned(), &crate::event::silent()).await.unwrap();
        cache.insert(b"hello").unwrap();
        cache.part("ab", true).unwrap().append(b"beg").unwrap();
        let stock = Stock::read(folder.path()).unwrap();
        assert_eq!((stock.files.len(), stock.parts.len(), stock.size()), (1, 1, 8));
        assert_eq!(stock.files[0].digest, Digest::of(b"hello"));
        cache.remove(&stock).unwrap();
        assert_eq!(Stock::read(folder.path()).unwrap().size(), 0);
    }
}
