//! What the receiving site has already: a delta bundle leaves that out.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bundle::{Content, Inventory, inventory};
use crate::digest::{Digest, Measured};
use crate::event::{Event, Events};
use crate::fetch::{Cached, exports};
use crate::jobs::{JobError, Kind, gather};
use crate::quantity;
use crate::trust::receipt;

/// No inventory is longer than this many bytes (bundle format 1).
const LONGEST: u64 = 64 << 20;

/// What has no more than so many bytes is carried, wherever it is already: manifests, configs, notes.
const CARRIED: u64 = 4096;

/// A bundle that the site has.
pub(super) struct Base {
    name: String,
    /// Digest of its inventory, made whole.
    digest: Digest,
    /// What is worth leaving out.
    held: HashMap<Digest, Content>,
}

/// Reads the inventory of the base, if one was named: from a bundle, from a file that holds the inventory itself, or, for
/// a receipt, from the record of exports in the cache at `root`.
pub(super) fn read(paths: &[PathBuf], root: &Path) -> Result<Option<Base>, JobError> {
    let inventory = match paths {
        [] => return Ok(None),
        [path] if path.is_file() => match of_text(path, root)? {
            Some(inventory) => inventory,
            None => gather::open_bundle(paths)?.inventory().clone(),
        },
        paths => gather::open_bundle(paths)?.inventory().clone(),
    };
    let unfit = |error: String| JobError::new(Kind::File, format!("the base cannot be used: {error}"));
    inventory.check().map_err(|error| unfit(error.to_string()))?;
    let digest = inventory.whole_digest().ok_or_else(|| unfit("its inventory cannot be written".into()))?;
    let contents = inventory.contents().into_iter().filter(|content| content.size > CARRIED);
    let held = contents.map(|content| (content.sha256, content)).collect();
    Ok(Some(Base { name: inventory.name, digest, held }))
}

/// The inventory that a text gives or names; `None` for what is no text of ours.
fn of_text(path: &Path, root: &Path) -> Result<Option<Inventory>, JobError> {
    let unread = |source| JobError::new(Kind::File, format!("{} cannot be read", path.display())).because(source);
    let mut start = [0u8; 16];
    let count = File::open(path).and_then(|mut file| file.read(&mut start)).map_err(unread)?;
    let text = start.get(..count).unwrap_or_default();
    if !text.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
        || text.starts_with(b"bundle.json")
    {
        return Ok(None);
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).map_err(unread)?;
    if text.trim_start().starts_with('{') {
        let inventory = serde_json::from_str(&text);
        let inventory = inventory.map_err(|error| {
            JobError::new(Kind::File, format!("{} is not the inventory of a bundle", path.display())).because(error)
        })?;
        return Ok(Some(inventory));
    }
    of_receipt(path, &text, root).map(Some)
}

fn of_receipt(path: &Path, text: &str, root: &Path) -> Result<Inventory, JobError> {
    let signed = receipt::read(text).map_err(|error| {
        JobError::new(Kind::File, format!("{} is no bundle, no inventory and no receipt", path.display()))
            .because(error)
    })?;
    let digest = signed.receipt.digest;
    let found = exports::find(root, &digest).map_err(super::network)?;
    found.ok_or_else(|| {
        let message = format!("the receipt names the bundle {digest}, which was not exported from this machine");
        JobError::new(Kind::File, message)
            .hint("name the bundle itself with --base, or its inventory: kk artifact inspect --output json")
    })
}

impl Base {
    /// What the base holds by this digest, as if it were in the cache.
    pub fn find(&self, digest: &Digest) -> Option<Cached> {
        self.held.get(digest).map(cached)
    }

    /// All that the base holds.
    pub fn contents(&self) -> HashMap<Digest, Cached> {
        self.held.iter().map(|(digest, content)| (*digest, cached(content))).collect()
    }

    /// Marks as absent what the base holds. Indexes and manifests of images are carried all the same: they are small, and
    /// with them a delta says by itself what its images are made of.
    pub fn leave_out(&self, inventory: &mut Inventory, events: &Events) {
        let documents = documents(inventory);
        let held = |digest: &Digest, size: u64| self.held.get(digest).is_some_and(|content| content.size == size);
        for blob in &mut inventory.blobs {
            blob.absent = !documents.contains(&blob.digest) && held(&blob.digest, blob.size);
        }
        for entry in inventory.entries_mut() {
            entry.absent = held(&entry.sha256, entry.size);
        }
        let bytes = inventory.absent().iter().fold(0u64, |sum, content| sum.saturating_add(content.size));
        inventory.base = Some(inventory::Base { name: self.name.clone(), digest: self.digest });
        let message = format!("{} of this delta are left out: {} has them.", quantity::bytes(bytes), self.name);
        events.emit(Event::Note { message });
    }
}

/// Indexes and manifests. Configs are blobs like layers to a registry, and left out like them.
fn documents(inventory: &Inventory) -> std::collections::HashSet<Digest> {
    let images = inventory.images.iter();
    images.flat_map(|image| image.platforms.iter().map(|one| one.manifest).chain([image.digest])).collect()
}

fn cached(content: &Content) -> Cached {
    let (sha256, blake3, size) = (content.sha256, content.blake3.clone(), content.size);
    // Nothing is read from here: what the base holds is left out before the bundle is written.
    Cached::elsewhere(Measured { sha256, blake3, size })
}
