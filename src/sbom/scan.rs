//! Many layers at once, each of them once; what they say is kept for the next time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::layer::{self, LayerScan};
use crate::bundle::Inventory;
use crate::digest::Digest;
use crate::event::{Event, Events};

/// What is kept of a layer is kept under the number of the way in which it was read.
const VERSION: &str = "1";

/// What is kept of a layer is not larger than this many bytes.
const LARGEST_NOTE: u64 = 64 << 20;

/// More threads than this are not fed by one disk.
const MOST_THREADS: usize = 16;

/// What layers say, by their digest.
pub type Scans = BTreeMap<Digest, LayerScan>;

/// Gives the bytes of a layer.
pub type Open<'a> = dyn Fn(&Digest) -> io::Result<Box<dyn Read + Send>> + Sync + 'a;

/// Reads layers.
pub struct Scanner<'a> {
    pub open: &'a Open<'a>,
    /// Where what layers say is kept, if anywhere.
    pub kept: Option<PathBuf>,
    pub events: &'a Events,
}

/// A layer to read.
struct Job<'a> {
    digest: Digest,
    media_type: &'a str,
    size: u64,
}

impl Scanner<'_> {
    /// Reads every layer of every image. A layer that cannot be opened is an error; one that makes no sense says so
    /// in its scan.
    pub fn scan(&self, inventory: &Inventory) -> io::Result<Scans> {
        let mut scans = Scans::new();
        let mut jobs = Vec::new();
        for job in jobs_of(inventory) {
            match self.recall(&job.digest) {
                Some(scan) => drop(scans.insert(job.digest, scan)),
                None => jobs.push(job),
            }
        }
        // The largest first, so that no long one is left over at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.size));
        self.events.emit(Event::BytesTotal { total: jobs.iter().fold(0, |sum, job| sum.saturating_add(job.size)) });
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get()).min(MOST_THREADS);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(scans));
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(jobs.len()) {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match self.one(job) {
                            Ok(scan) => drop(locked(&done).insert(job.digest, scan)),
                            Err(error) => {
                                locked(&failed).get_or_insert(error);
                                return;
                            }
                        }
                    }
                });
            }
        });
        let failed = locked(&failed).take();
        failed.map_or_else(|| Ok(done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())), Err)
    }

    fn one(&self, job: &Job<'_>) -> io::Result<LayerScan> {
        let layer = Counted { source: (self.open)(&job.digest)?, events: self.events, failed: None };
        let mut layer = layer;
        let scan = layer::scan(&mut layer, job.media_type);
        if let Some(error) = layer.failed {
            return Err(error);
        }
        self.keep(&job.digest, &scan);
        Ok(scan)
    }

    fn note(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.kept.as_ref()?.join(VERSION).join(format!("{}.json", digest.hex())))
    }

    fn recall(&self, digest: &Digest) -> Option<LayerScan> {
        let mut bytes = Vec::new();
        fs::File::open(self.note(digest)?).ok()?.take(LARGEST_NOTE).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Best effort: without the note the layer is read again.
    fn keep(&self, digest: &Digest, scan: &LayerScan) {
        let write = |path: &Path| {
            fs::create_dir_all(path.parent()?).ok()?;
            let temporary = path.with_extension(format!("{}.new", std::process::id()));
            fs::write(&temporary, serde_json::to_vec(scan).ok()?).ok()?;
            fs::rename(&temporary, path).ok()
        };
        let _ = self.note(digest).map(|path| write(&path));
    }
}

/// Every layer that is listed, once. A platform's first blob is its config.
fn jobs_of(inventory: &Inventory) -> Vec<Job<'_>> {
    let layers: std::collections::BTreeSet<Digest> = inventory
        .images
        .iter()
        .flat_map(|image| &image.platforms)
        .flat_map(|platform| platform.blobs.iter().skip(1))
        .copied()
        .collect();
    let blobs = inventory.blobs.iter().filter(|blob| layers.contains(&blob.digest));
    blobs.map(|blob| Job { digest: blob.digest, media_type: &blob.media_type, size: blob.size }).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Tells of progress, and keeps an error of the source apart from those of its content.
struct Counted<'a> {
    source: Box<dyn Read + Send>,
    events: &'a Events,
    failed: Option<io::Error>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(count) => {
                self.events.emit(Event::BytesMoved { bytes: count as u64 });
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.failed.get_or_insert(error);
                Err(copy)
            }
        }
    }
}
