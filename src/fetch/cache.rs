//! The cache of what was fetched, by content: an export that was interrupted, or the next release's, fetches only what
//! it does not have yet.
//!
//! ```text
//! blobs/sha256/<hex>       complete, and checked before it got this name
//! blobs/sha256/<hex>.b3    its BLAKE3 digest and its size, so that SHA-256 is never taken a second time
//! parts/<key>              what has arrived of a download
//! records/<key>            what is known about the address: validators, and the digest of the last whole download
//! exports/<hex>.json       inventories of the bundles that were made; see super::exports
//! lock                     held by the process that writes here
//! ```
//!
//! Nothing here is synced to disk: that would cost as much as the bundle itself. What a loss of power tears is seen by its
//! size, or by its BLAKE3 digest when it is packed, and fetched again by that same export.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;

use super::FetchError;
use super::note::{Form, Note, note_path};
use super::part::Part;
use crate::bundle::squeezed::Squeezed;
use crate::digest::{Digest, Hasher, Measured};
use crate::event::{Event, Events};

/// A cache that this process alone writes to. Clones are views of the same one.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    /// Of what is taken in.
    form: Form,
    /// Held while an entry and its note are looked at or changed: two addresses may turn out to hold the same bytes.
    entries: Arc<Mutex<()>>,
    /// Downloads under way, by key.
    flights: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    /// Held for as long as the cache is open.
    _lock: Arc<File>,
}

/// A file of the cache and what its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    pub path: PathBuf,
    pub measured: Measured,
    pub form: Form,
}

impl Cached {
    /// Something that is known, and lies elsewhere: there is nothing to open.
    pub fn elsewhere(measured: Measured) -> Self {
        Self { path: PathBuf::new(), measured, form: Form::Plain }
    }

    /// Whether there is a file.
    pub fn is_here(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    /// Its content, whatever its form.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self.form {
            Form::Plain => Ok(Box::new(File::open(&self.path)?)),
            Form::Squeezed(spelling) => Ok(Box::new(Squeezed::open(&self.path, spelling)?.content(self.measured.size))),
        }
    }
}

impl Cache {
    /// The folder that is meant where nobody says otherwise: `export` in `$KK_CACHE`, else in `kk` of the user's cache
    /// folder. `None` where neither is known.
    pub fn default_root() -> Option<PathBuf> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = set("KK_CACHE");
        let user = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        own.or_else(|| user().map(|folder| folder.join("kk"))).map(|folder| folder.join("export"))
    }

    /// Opens the cache, and waits while another process uses it.
    pub async fn open(root: PathBuf, events: &Events) -> Result<Self, FetchError> {
        for folder in ["blobs/sha256", "parts", "records"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(FetchError::disk(&folder, "cannot be created"))?;
        }
        let path = root.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(FetchError::disk(&path, "cannot be opened"))?;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let (form, entries, flights) = (Form::Plain, Arc::default(), Arc::default());
                    return Ok(Self { root, form, entries, flights, _lock: Arc::new(lock) });
                }
                Err(TryLockError::Error(error)) => return Err(FetchError::disk(&path, "cannot be locked")(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if !told {
                let message = format!("Another export uses the cache {}; waiting for it to end.", root.display());
                events.emit(Event::Note { message });
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The same cache, which takes in what follows in this form.
    pub fn in_form(&self, form: Form) -> Arc<Self> {
        Arc::new(Self { form, ..self.clone() })
    }

    /// The folder that it lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of this digest, where it is there whole.
    pub fn find(&self, digest: &Digest) -> Result<Option<Cached>, FetchError> {
        let _held = self.hold();
        self.entry(digest)
    }

    fn entry(&self, digest: &Digest) -> Result<Option<Cached>, FetchError> {
        let path = self.blob(digest);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FetchError::disk(&path, "cannot be looked at")(error)),
        };
        match self.note(digest).filter(|noted| noted.length == length) {
            Some(Note { measured, form, .. }) => Ok(Some(Cached { path, measured, form })),
            // Cut by a full disk, or by hand: fetched anew.
            None => self.drop_entry(digest).map(|()| None),
        }
    }

    /// Notes that the file of this digest was used now, which keeps it from being pruned for its age.
    pub fn touch(&self, digest: &Digest) {
        let note = File::options().append(true).open(note_path(&self.blob(digest)));
        // What cannot be noted is fetched again one day.
        let _ = note.and_then(|note| note.set_modified(SystemTime::now()));
    }

    /// What is noted of the file of this digest, whether or not the file is there.
    pub(super) fn note(&self, digest: &Digest) -> Option<Note> {
        Note::read(&fs::read_to_string(note_path(&self.blob(digest))).ok()?, digest)
    }

    /// Forgets the file of this digest.
    pub fn evict(&self, digest: &Digest) -> Result<(), FetchError> {
        let _held = self.hold();
        self.drop_entry(digest)
    }

    fn drop_entry(&self, digest: &Digest) -> Result<(), FetchError> {
        let path = self.blob(digest);
        for path in [note_path(&path), path] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FetchError::disk(&path, "cannot be removed")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps bytes that are in memory.
    pub fn insert(&self, bytes: &[u8]) -> Result<Cached, FetchError> {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        let measured = hasher.finish();
        let _held = self.hold();
        if let Some(cached) = self.entry(&measured.sha256)? {
            return Ok(cached);
        }
        let path = self.part_path(&measured.sha256.hex());
        write_whole(&path, bytes)?;
        let length = measured.size;
        self.adopt(&path, Note { measured, form: Form::Plain, length })
    }

    /// Waits until nobody else downloads under this key, and keeps others waiting meanwhile. Who waited looks for the
    /// file once more.
    pub(super) async fn flight(&self, key: &str) -> OwnedMutexGuard<()> {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.entry(key.to_owned()).or_default().clone()
        };
        flight.lock_owned().await
    }

    /// What has arrived of the download with this key (hex digits).
    ///
    /// `checked_later` says that the whole will be compared with a digest known beforehand. Otherwise bytes that may
    /// not have reached the disk before a loss of power are given up.
    pub fn part(&self, key: &str, checked_later: bool) -> Result<Part, FetchError> {
        let ending = if self.form == Form::Plain { "" } else { ".frames" };
        Part::open(self.part_path(&format!("{key}{ending}")), checked_later, self.form)
    }

    /// Makes a whole part a file of the cache. Where another address has brought the same bytes meanwhile, theirs stay:
    /// somebody may be reading them.
    pub fn complete(&self, part: Part) -> Result<Cached, FetchError> {
        let (path, note) = part.finish()?;
        let _held = self.hold();
        match self.entry(&note.measured.sha256)? {
            None => self.adopt(&path, note),
            Some(cached) => {
                fs::remove_file(&path).map_err(FetchError::disk(&path, "cannot be removed"))?;
                Ok(cached)
            }
        }
    }

    fn hold(&self) -> MutexGuard<'_, ()> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what is known about the address with this key is kept.
    pub(super) fn record_path(&self, key: &str) -> PathBuf {
        self.root.join("records").join(key)
    }

    fn part_path(&self, key: &str) -> PathBuf {
        self.root.join("parts").join(key)
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// The note comes first: a file of the cache without one would have to be fetched again.
    fn adopt(&self, whole: &Path, note: Note) -> Result<Cached, FetchError> {
        let path = self.blob(&note.measured.sha256);
        write_whole(&note_path(&path), note.text().as_bytes())?;
        fs::rename(whole, &path).map_err(FetchError::disk(&path, "cannot be put in place"))?;
        Ok(Cached { path, measured: note.measured, form: note.form })
    }
}

/// Writes a small file so that it is there whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        fs::rename(&temporary, path)
    };
    write().map_err(FetchError::disk(path, "cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::silent;

    #[tokio::test]
    async fn what_was_inserted_is_found_again_and_what_was_cut_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"), &silent()).await.unwrap();
        let digest = Digest::of(b"hello");
        assert_eq!(cache.find(&digest).unwrap(), None);
        let cached = cache.insert(b"hello").unwrap();
        assert_eq!(cache.find(&digest).unwrap(), Some(cached.clone()));
        assert_eq!(fs::read(&cached.path).unwrap(), b"hello");

        fs::write(&cached.path, b"hell").unwrap();
        assert_eq!(cache.find(&digest).unwrap(), None);
        assert!(!cached.path.exists());
    }

    #[tokio::test]
    async fn a_part_is_continued_and_becomes_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), &silent()).await.unwrap();
        let mut part = cache.part("ab", true).unwrap();
        part.append(b"hel").unwrap();
        drop(part);
        let mut part = cache.part("ab", true).unwrap();
        assert_eq!(part.len(), 3);
        part.append(b"lo").unwrap();
        let cached = cache.complete(part).unwrap();
        assert_eq!(cached.measured.sha256, Digest::of(b"hello"));
        assert_eq!(cache.find(&Digest::of(b"hello")).unwrap(), Some(cached));
        assert_eq!(cache.part("ab", true).unwrap().len(), 0);
    }

    #[tokio::test]
    async fn two_addresses_may_bring_the_same_bytes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), &silent()).await.unwrap();
        for round in 0..40 {
            let bytes = format!("round {round}");
            let bring = |key: String| {
                let mut part = cache.part(&key, true).unwrap();
                part.append(bytes.as_bytes()).unwrap();
                cache.complete(part).unwrap()
            };
            let bring = &bring;
            std::thread::scope(|scope| {
                let flights: Vec<_> = (0..4).map(|n| scope.spawn(move || bring(format!("{round:x}a{n}")))).collect();
                for flight in flights {
                    let cached = flight.join().unwrap();
                    assert_eq!(fs::read(&cached.path).unwrap(), bytes.as_bytes());
                }
            });
        }
        assert_eq!(fs::read_dir(folder.path().join("parts")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_one_process_writes() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(folder.path().to_owned(), &silent()).await.unwrap();
        let events = silent();
        let second = Cache::open(folder.path().to_owned(), &events);
        assert!(tokio::time::timeout(Duration::from_millis(300), second).await.is_err());
        drop(first);
        Cache::open(folder.path().to_owned(), &silent()).await.unwrap();
    }
}
