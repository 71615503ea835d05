//! A site's store: everything that was delivered, by digest, each thing once.
//!
//! ```text
//! oci-layout, index.json     the images of the kept bundles, as an OCI image layout
//! blobs/sha256/<hex>         every content: blobs of images, and all other entries of bundles
//! bundles/<hex>.json         the whole inventory of each kept bundle, by its digest; see Inventory::whole
//! ```
//!
//! Contents are put in place whole or not at all, and everything is proven when it is used: a store that lost power while
//! it was filled is mended by filling it again.

mod keep;
mod put;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub use keep::{Kept, Pruned};
pub use put::Put;

use super::content::{Content, Holder};
use crate::digest::Digest;

/// The folder of a store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store at {} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is no store of kk: it has no oci-layout", path.display())]
    NotAStore { path: PathBuf },
    #[error("the inventory {} in the store is damaged: {reason}", path.display())]
    Inventory { path: PathBuf, reason: String },
    #[error("{entry} does not have the content that the inventory says: {source}")]
    Content { entry: String, source: io::Error },
}

impl StoreError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Text of `oci-layout` (OCI image specification, image-layout.md).
const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

impl Store {
    /// The store in this folder, if there is one.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self { root: root.to_owned() };
        match fs::metadata(root.join("oci-layout")) {
            Ok(_) => Ok(store),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NotAStore { path: root.to_owned() })
            }
            Err(error) => Err(StoreError::io(root)(error)),
        }
    }

    /// The same, made where it is not there. A folder that holds other things is not taken for one.
    pub fn make(root: &Path) -> Result<Self, StoreError> {
        match Self::open(root) {
            Err(StoreError::NotAStore { path }) => {
                let occupied = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some());
                if occupied && !root.join("blobs").is_dir() {
                    return Err(StoreError::NotAStore { path });
                }
            }
            opened => return opened,
        }
        let store = Self { root: root.to_owned() };
        for folder in [store.blobs(), store.bundles()] {
            fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        }
        put::replace(&root.join("index.json"), b"{\"schemaVersion\":2,\"manifests\":[]}")
            .and_then(|()| put::replace(&root.join("oci-layout"), OCI_LAYOUT))
            .map_err(StoreError::io(root))?;
        Ok(store)
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs").join("sha256")
    }

    fn bundles(&self) -> PathBuf {
        self.root.join("bundles")
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Whether the content is there in its size. Whether its bytes are right, [`Holder::holds`] says.
    pub fn has(&self, content: &Content) -> bool {
        fs::symlink_metadata(self.blob(&content.sha256))
            .is_ok_and(|found| found.is_file() && found.len() == content.size)
    }
}

impl Holder for Store {
    fn open(&self, content: &Content, from: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        if !self.has(content) {
            return Ok(None);
        }
        let mut file = File::open(self.blob(&content.sha256))?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Some(Box::new(file)))
    }

    fn name(&self) -> String {
        format!("the store {}", self.root.display())
    }
}
