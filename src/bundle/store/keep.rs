//! Which bundles a store keeps, and what is left over when one is not kept any longer.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use super::{Store, StoreError, put};
use crate::bundle::front;
use crate::bundle::inventory::Inventory;
use crate::bundle::layout;
use crate::digest::Digest;

/// A bundle that a store holds whole.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Digest of the whole inventory.
    pub digest: Digest,
    pub inventory: Inventory,
    /// When it was imported last.
    pub imported: SystemTime,
}

/// What was removed from a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub bundles: usize,
    pub contents: usize,
    /// Bytes of these contents.
    pub bytes: u64,
}

impl Store {
    /// The kept bundles, the one that was imported last at the end.
    pub fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        let folder = self.bundles();
        let mut kept = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::io(&folder))? {
            let path = entry.map_err(StoreError::io(&folder))?.path();
            let hex = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            let Some(digest) = hex.and_then(|hex| Digest::from_hex(hex).ok()) else { continue };
            kept.push(read(&path, digest)?);
        }
        kept.sort_by_key(|one| (one.imported, one.digest));
        Ok(kept)
    }

    /// Records that all contents of this inventory are here, as the bundle that was imported last.
    pub fn keep(&self, inventory: &Inventory) -> Result<Digest, StoreError> {
        let whole = inventory.whole();
        let folder = self.bundles();
        let bytes = whole.to_json().map_err(|error| StoreError::io(&folder)(error.into()))?;
        let digest = Digest::of(&bytes);
        let path = folder.join(format!("{}.json", digest.hex()));
        put::replace(&path, &bytes).map_err(StoreError::io(&path))?;
        self.write_index()?;
        Ok(digest)
    }

    /// Removes bundles, and the contents that no other bundle needs. What an import that is at work has put meanwhile
    /// looks unneeded too: let none run beside this.
    pub fn prune(&self, remove: &[Digest]) -> Result<Pruned, StoreError> {
        let (gone, stays): (Vec<_>, Vec<_>) = self.kept()?.into_iter().partition(|kept| remove.contains(&kept.digest));
        let mut pruned = Pruned { bundles: gone.len(), ..Pruned::default() };
        // Inventories first: one that is there is a promise that its contents are.
        for kept in gone {
            let path = self.bundles().join(format!("{}.json", kept.digest.hex()));
            fs::remove_file(&path).map_err(StoreError::io(&path))?;
        }
        self.write_index()?;
        let needed: HashSet<String> =
            stays.iter().flat_map(|kept| kept.inventory.contents()).map(|content| content.sha256.hex()).collect();
        let folder = self.blobs();
        for entry in fs::read_dir(&folder).map_err(StoreError::io(&folder))? {
            let entry = entry.map_err(StoreError::io(&folder))?;
            let (path, name) = (entry.path(), entry.file_name());
            if name.to_str().is_some_and(|name| needed.contains(name)) {
                continue;
            }
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            fs::remove_file(&path).map_err(StoreError::io(&path))?;
            pruned.contents += 1;
            pruned.bytes = pruned.bytes.saturating_add(size);
        }
        Ok(pruned)
    }

    /// `index.json` with the images of all kept bundles. Where two have an image of the same name, it is that of the
    /// bundle that was imported last.
    fn write_index(&self) -> Result<(), StoreError> {
        let path = self.root().join("index.json");
        let broken = |error: serde_json::Error| StoreError::io(&path)(error.into());
        let mut images: BTreeMap<String, Value> = BTreeMap::new();
        for kept in self.kept()? {
            let index: Value = serde_json::from_slice(&layout::index(&kept.inventory)).map_err(broken)?;
            let manifests = index.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
            let names = kept.inventory.images.into_iter().map(|image| image.reference);
            images.extend(names.zip(manifests));
        }
        let manifests: Vec<Value> = images.into_values().collect();
        let index = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        });
        put::replace(&path, index.to_string().as_bytes()).map_err(StoreError::io(&path))
    }
}

/// An inventory of the store is as hostile as a bundle's: somebody else may have been at the disk.
fn read(path: &Path, digest: Digest) -> Result<Kept, StoreError> {
    let damaged = |reason: String| StoreError::Inventory { path: path.to_owned(), reason };
    let file = fs::File::open(path).map_err(StoreError::io(path))?;
    let imported = file.metadata().and_then(|metadata| metadata.modified()).map_err(StoreError::io(path))?;
    let bytes = front::read_bounded(file).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => damaged(error.to_string()),
        _ => StoreError::io(path)(error),
    })?;
    if Digest::of(&bytes) != digest {
        return Err(damaged("it does not have the digest in its name".into()));
    }
    let inventory: Inventory = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    inventory.check().map_err(|error| damaged(error.to_string()))?;
    Ok(Kept { digest, inventory, imported })
}
