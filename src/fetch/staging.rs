//! A cache beside the output, for exports that keep no cache: it goes when the bundle is there.
//!
//! ```text
//! <output>.part        the bundle as far as it is written
//! <output>.part.d/     a cache of its own; what is compressed in the bundle lies there in its frames already
//! <output>.part.d/packing.json   the inventory that is being written (and packing.sig, its signature): from here on, what is in the one is not in the other
//! ```
//!
//! So no byte takes room twice, and the two together are never larger than the bundle will be, but for a few MiB.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::cache::write_whole;
use super::{Cache, Cached, FetchError, Form};
use crate::bundle::Spelling;
use crate::bundle::salvage::salvage;
use crate::digest::Digest;
use crate::event::{Event, Events};

/// Holes are made in whole blocks of a file system, and seldom.
const HOLE: u64 = 1 << 20;

/// How the file is called in which a bundle grows.
const PART: &str = ".part";

/// The folder of the staging of an output.
pub fn folder(output: &Path) -> PathBuf {
    beside(output, ".part.d")
}

/// Opens the staging of an output. What an earlier run had begun to pack is put back first.
pub async fn open(output: &Path, spelling: Spelling, events: &Events) -> Result<Cache, FetchError> {
    let cache = Cache::open(folder(output), events).await?;
    put_back(&cache, output, spelling, events)?;
    Ok(cache)
}

/// Notes that this inventory is going to be written, and that what is written will be given up here.
pub fn begin(cache: &Cache, output: &Path, inventory: &[u8], signature: Option<&[u8]>) -> Result<(), FetchError> {
    // What another export left there is no part of this one.
    remove_file(&beside(output, PART))?;
    let place = signature_place(cache);
    match signature {
        Some(signature) => write_whole(&place, signature)?,
        None => remove_file(&place)?,
    }
    write_whole(&marker(cache), inventory)
}

/// Gives up the room of the first `count` bytes of a file, of which `before` were given up already. Gives the bytes that
/// are given up now.
pub fn give_up(cached: &Cached, before: u64, count: u64) -> u64 {
    let count = count / HOLE * HOLE;
    if count <= before {
        return before;
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let file = File::options().write(true).open(&cached.path);
    // A file system without holes keeps the file until it is given up as a whole.
    let _ = file.and_then(|file| fallocate(&file, flags, before, count - before).map_err(io::Error::from));
    count
}

/// Gives up a file as a whole. What is noted of it stays.
pub fn give_up_all(cached: &Cached) {
    // It takes room until the staging is removed.
    let _ = fs::remove_file(&cached.path);
}

/// Removes the staging of an output.
pub fn remove(output: &Path) -> Result<(), FetchError> {
    let folder = folder(output);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::disk(&folder, "cannot be removed")(error))
        }
        _ => Ok(()),
    }
}

fn beside(output: &Path, ending: &str) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

fn marker(cache: &Cache) -> PathBuf {
    cache.root().join("packing.json")
}

fn signature_place(cache: &Cache) -> PathBuf {
    cache.root().join("packing.sig")
}

/// Takes back what a bundle that was begun has.
pub fn put_back(cache: &Cache, output: &Path, spelling: Spelling, events: &Events) -> Result<(), FetchError> {
    let part = &beside(output, PART);
    let marker = marker(cache);
    let Ok(inventory) = fs::read(&marker) else { return Ok(()) };
    let signature = fs::read(signature_place(cache)).ok();
    if let Ok(file) = File::options().read(true).write(true).open(part) {
        let message = "An interrupted export left a bundle half written; what is in it is used again.".to_owned();
        events.emit(Event::Note { message });
        let put = &mut |digest: &Digest, stored: bool, offset: u64, bytes: &[u8]| {
            let plain = cache.note(digest).map(|note| note.form == Form::Plain);
            // What the frames were not made for was not given up.
            if plain != Some(stored) {
                return Ok(());
            }
            let path = cache.blob(digest);
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.write_all_at(bytes, offset)
        };
        match salvage(&file, spelling, &inventory, signature.as_deref(), &mut |member, stored, offset, bytes| {
            put(&member.sha256, stored, offset, bytes)
        }) {
            // What cannot be read back is fetched again.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            other => other.map_err(FetchError::disk(part, "cannot be taken apart"))?,
        }
        remove_file(part)?;
    }
    remove_file(&marker)
}

fn remove_file(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::disk(path, "cannot be removed")(error))
        }
        _ => Ok(()),
    }
}
