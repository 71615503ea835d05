//! What has arrived of a download, hashed as it arrives.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::FetchError;
use super::note::{Form, Note};
use crate::bundle::Spelling;
use crate::bundle::squeezed::{Squeezed, Squeezer};
use crate::digest::Hasher;

/// After as many bytes a part whose digest nobody knows beforehand is synced to disk. What was not synced may be torn by a
/// loss of power, and nothing would show it.
const SYNC_EVERY: u64 = 16 << 20;

/// A file that grows. Its operations block.
pub struct Part {
    path: PathBuf,
    file: File,
    /// Has seen all bytes of the file.
    hasher: Hasher,
    /// The whole will be compared with a digest known beforehand, which shows what a loss of power tore.
    checked_later: bool,
    unsynced: u64,
    /// Where the file is one of frames.
    squeezer: Option<(Spelling, Squeezer)>,
}

impl Part {
    pub(super) fn open(path: PathBuf, checked_later: bool, form: Form) -> Result<Self, FetchError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(FetchError::disk(&path, "cannot be opened"))?;
        let mut part = Self { path, file, hasher: Hasher::new(), checked_later, unsynced: 0, squeezer: None };
        let length = part.file.metadata().map_err(FetchError::disk(&part.path, "cannot be looked at"))?.len();
        let whole = checked_later || is_of_this_boot(&part.path);
        let kept = if whole { length } else { length.saturating_sub(2 * SYNC_EVERY) };
        part.file.set_len(kept).map_err(FetchError::disk(&part.path, "cannot be shortened"))?;
        if !checked_later {
            note_this_boot(&part.path);
        }
        match form {
            Form::Plain => part.hash_what_is_there()?,
            Form::Squeezed(spelling) => {
                let unpacked = part.unpack_what_is_there(spelling);
                unpacked.map_err(FetchError::disk(&part.path, "cannot be read"))?;
            }
        }
        Ok(part)
    }

    /// Bytes that have arrived.
    pub fn len(&self) -> u64 {
        self.hasher.size()
    }

    /// Whether nothing has arrived yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let mut file = &self.file;
        let written = match &mut self.squeezer {
            None => file.write_all(bytes),
            Some((_, squeezer)) => squeezer.push(bytes, |frame| file.write_all(frame)),
        };
        written.map_err(FetchError::disk(&self.path, "cannot be written"))?;
        self.hasher.update(bytes);
        self.unsynced += bytes.len() as u64;
        if !self.checked_later && self.unsynced >= SYNC_EVERY {
            self.file.sync_data().map_err(FetchError::disk(&self.path, "cannot be synced to disk"))?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Throws away what has arrived.
    pub fn restart(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0).map_err(FetchError::disk(&self.path, "cannot be emptied"))?;
        self.file.seek(SeekFrom::Start(0)).map_err(FetchError::disk(&self.path, "cannot be emptied"))?;
        self.hasher = Hasher::new();
        self.unsynced = 0;
        if let Some((spelling, squeezer)) = &mut self.squeezer {
            *squeezer = Squeezer::new(*spelling).map_err(FetchError::disk(&self.path, "cannot be compressed"))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(PathBuf, Note), FetchError> {
        let written = |error| FetchError::disk(&self.path, "cannot be written")(error);
        let mut form = Form::Plain;
        if let Some((spelling, squeezer)) = self.squeezer.take() {
            let last = squeezer.finish().map_err(written)?;
            self.file.write_all(&last).map_err(written)?;
            form = Form::Squeezed(spelling);
        }
        let length = self.file.metadata().map_err(written)?.len();
        // Best effort: the next part of this name would overwrite it.
        let _ = fs::remove_file(boot_path(&self.path));
        Ok((self.path, Note { measured: self.hasher.finish(), form, length }))
    }

    /// Frames that are whole are kept; the rest is fetched again.
    fn unpack_what_is_there(&mut self, spelling: Spelling) -> io::Result<()> {
        let mut squeezed = Squeezed::of(self.file.try_clone()?, spelling)?;
        let mut kept = 0;
        while let Ok(Some(frame)) = squeezed.frame() {
            let Ok(content) = squeezed.unpack(&frame, None) else { break };
            self.hasher.update(&content);
            kept = squeezed.passed();
        }
        self.file.set_len(kept)?;
        self.file.seek(SeekFrom::Start(kept))?;
        self.squeezer = Some((spelling, Squeezer::after(spelling, self.hasher.size())?));
        Ok(())
    }

    fn hash_what_is_there(&mut self) -> Result<(), FetchError> {
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = self.file.read(&mut buffer).map_err(FetchError::disk(&self.path, "cannot be read"))?;
            if count == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..count]);
        }
    }
}

/// A process that was killed leaves all that it wrote to the kernel; what may be torn was lost with its power. So the
/// kernel's name for its own life is kept beside a part that nothing else would prove.
fn boot_path(part: &Path) -> PathBuf {
    part.with_added_extension("boot")
}

fn this_boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().filter(|name| !name.trim().is_empty())
}

fn is_of_this_boot(part: &Path) -> bool {
    let noted = fs::read_to_string(boot_path(part)).ok();
    noted.is_some() && noted == this_boot()
}

/// Where it cannot be noted, a later run gives up more than it must.
fn note_this_boot(part: &Path) {
    if let Some(boot) = this_boot().filter(|_| !is_of_this_boot(part)) {
        let _ = fs::write(boot_path(part), boot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVED: u64 = 3 * SYNC_EVERY;

    /// A part of which so many bytes had arrived when `kk` was killed.
    fn broken_off(folder: &Path, checked_later: bool) -> PathBuf {
        let path = folder.join("part");
        let mut part = Part::open(path.clone(), checked_later, Form::Plain).unwrap();
        part.append(&vec![7; ARRIVED as usize]).unwrap();
        path
    }

    #[test]
    fn all_that_a_killed_run_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = broken_off(folder.path(), false);
        assert_eq!(Part::open(path, false, Form::Plain).unwrap().len(), ARRIVED);
    }

    #[test]
    fn after_a_loss_of_power_what_may_be_torn_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = broken_off(folder.path(), false);
        fs::write(boot_path(&path), "00000000-0000-0000-0000-000000000000\n").unwrap();
        let kept = ARRIVED - 2 * SYNC_EVERY;
        assert_eq!(Part::open(path.clone(), false, Form::Plain).unwrap().len(), kept);
        // The rest is of this boot, so a kill from here on costs nothing.
        assert_eq!(Part::open(path.clone(), false, Form::Plain).unwrap().len(), kept);
        fs::remove_file(boot_path(&path)).unwrap();
        assert_eq!(Part::open(path, false, Form::Plain).unwrap().len(), kept - kept.min(2 * SYNC_EVERY));
    }

    #[test]
    fn a_digest_known_beforehand_shows_what_is_torn_so_all_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = broken_off(folder.path(), true);
        assert!(!boot_path(&path).exists());
        assert_eq!(Part::open(path, true, Form::Plain).unwrap().len(), ARRIVED);
    }

    #[test]
    fn a_part_that_is_whole_leaves_no_note_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = broken_off(folder.path(), false);
        let (path, note) = Part::open(path, false, Form::Plain).unwrap().finish().unwrap();
        assert_eq!(note.length, ARRIVED);
        assert!(!boot_path(&path).exists());
    }
}
