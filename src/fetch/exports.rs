//! What was exported from this machine: the inventory of each bundle, found again by its digest. A receipt names a bundle
//! by that digest alone; the next export asks here what the site then has.
//!
//! ```text
//! exports/<hex>.json   the bytes of the whole inventory with this digest; see Inventory::whole
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::FetchError;
use super::cache::write_whole;
use crate::bundle::Inventory;
use crate::digest::Digest;

/// No inventory is longer than this many bytes (bundle format 1).
const LONGEST: u64 = 64 << 20;

/// Folder of the records in the cache's folder.
pub(super) const FOLDER: &str = "exports";

/// Keeps what a bundle holds, in the cache's folder `root`, and gives the digest by which it is found.
pub fn record(root: &Path, inventory: &Inventory) -> Result<Digest, FetchError> {
    let bytes = inventory.whole().to_json().map_err(FetchError::Inventory)?;
    let digest = Digest::of(&bytes);
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(FetchError::disk(&folder, "cannot be created"))?;
    write_whole(&place(root, &digest), &bytes)?;
    Ok(digest)
}

/// The whole inventory with this digest, where a bundle that holds it was exported from here. A record that is not what
/// its name says is as one that is not there.
pub fn find(root: &Path, digest: &Digest) -> Result<Option<Inventory>, FetchError> {
    let path = place(root, digest);
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FetchError::disk(&path, "cannot be looked at")(error)),
        Ok(metadata) if metadata.len() > LONGEST => return Ok(None),
        Ok(_) => {}
    }
    let bytes = fs::read(&path).map_err(FetchError::disk(&path, "cannot be read"))?;
    if Digest::of(&bytes) != *digest {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(FetchError::Inventory)
}

fn place(root: &Path, digest: &Digest) -> PathBuf {
    root.join(FOLDER).join(format!("{}.json", digest.hex()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::inventory::FORMAT;

    #[test]
    fn what_was_exported_is_found_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let inventory = Inventory {
            format: FORMAT,
            name: "site".into(),
            release: None,
            base: None,
            arches: vec!["amd64".into()],
            components: Vec::new(),
            images: Vec::new(),
            blobs: Vec::new(),
            charts: Vec::new(),
            packages: Vec::new(),
            files: Vec::new(),
        };
        let digest = record(folder.path(), &inventory).unwrap();
        assert_eq!(find(folder.path(), &digest).unwrap(), Some(inventory));
        assert_eq!(find(folder.path(), &Digest::of(b"another")).unwrap(), None);
        fs::write(place(folder.path(), &digest), "{}").unwrap();
        assert_eq!(find(folder.path(), &digest).unwrap(), None);
    }
}
