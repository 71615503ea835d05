//! Opens a bundle: its inventory first, its content once it is verified.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::check::InventoryError;
use super::content::{self, Checked, Content, Holder};
use super::depth::VerifyDepth;
use super::entry::{EntryReader, PartReader, Place};
use super::fault::{BadObject, Fault};
use super::front::{self, FrontError, MAX_INVENTORY};
use super::inventory::{FORMAT, Inventory, blob_path};
use super::layout::{self, Member};
use super::medium::{FileMedium, Medium};
use super::parts::{self, Cut, Incomplete, PartSet, PartsMedium};
use super::spelling::{START, Spelling};
use crate::digest::Digest;
use crate::event::Events;

/// A bundle whose inventory alone was read.
pub struct Unverified(());

/// A bundle of which every byte was checked, see [`Bundle::verify`], or each entry is while it is read; see
/// [`Bundle::prove_while_reading`]. No reader ends well on bytes that are not those of the inventory.
#[derive(Clone)]
pub struct Verified {
    pub(super) places: Arc<Places>,
    /// Who holds what a delta bundle leaves out, in the order in which they are asked.
    pub(super) holders: Vec<Arc<dyn Holder>>,
}

/// Where every entry lies.
pub(super) struct Places {
    pub(super) by_path: HashMap<String, usize>,
    pub(super) by_digest: HashMap<Digest, usize>,
    pub(super) places: Vec<Place>,
}

/// A bundle that is open for reading. Cheap to clone once verified; clones read at the same time.
#[derive(Clone)]
pub struct Bundle<State> {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
}

/// What is known of an open bundle.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) medium: Arc<dyn Medium>,
    pub(super) spelling: Spelling,
    pub(super) inventory: Inventory,
    /// The bytes of `bundle.json`.
    pub(super) json: Vec<u8>,
    pub(super) signature: Option<Vec<u8>>,
    /// The entries after the front.
    pub(super) members: Vec<Member>,
    /// Offset of the first of them.
    pub(super) start: u64,
}

/// Why a bundle cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the bundle {} cannot be read: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not a bundle of kk: its first entry should be bundle.json, but there is {found}", path.display())]
    NotABundle { path: PathBuf, found: String },
    #[error("{} is not a tar, a tar.gz or a tar.zst, and so not a bundle of kk", path.display())]
    NotATar { path: PathBuf },
    #[error("the bundle {} is damaged: {object}. Copy it again", path.display())]
    Damaged { path: PathBuf, object: Box<BadObject> },
    #[error("the bundle {} is damaged: {entry} does not have the checksum in bundle.sha256. Copy it again", path.display())]
    Checksum { path: PathBuf, entry: &'static str },
    #[error("{entry} of the bundle {} claims {size} bytes; at most {most} are allowed", path.display())]
    TooLarge { path: PathBuf, entry: &'static str, size: u64, most: u64 },
    #[error("the bundle {} has format {found}, this kk reads format {FORMAT}: use the kk that came with the bundle", path.display())]
    Format { path: PathBuf, found: u64 },
    #[error("bundle.json of the bundle {} cannot be understood: {source}. If a newer kk wrote it, use the kk that came with the bundle", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("bundle.json of the bundle {} is not written as kk writes it", path.display())]
    NotCanonical { path: PathBuf },
    #[error("bundle.json of the bundle {} is refused: {source}", path.display())]
    Inventory { path: PathBuf, source: InventoryError },
    #[error("the bundle {} is refused: {source}", path.display())]
    Signature { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Parts(#[from] Incomplete),
    #[error("the parts of {} hold another bundle than their headers say; export and split it again", path.display())]
    OtherBundle { path: PathBuf },
}

/// Says whether a bundle may be read on, by the bytes of `bundle.json` and of `bundle.sig`. Called before anything of
/// them is parsed.
pub type SignatureCheck<'a> = dyn Fn(&[u8], Option<&[u8]>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Why an entry of a verified bundle cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("the bundle {} holds no {entry}", bundle.display())]
    Absent { bundle: PathBuf, entry: String },
    #[error("{entry} is not in the delta bundle {} itself, and nothing at hand holds it", bundle.display())]
    NotHeld { bundle: PathBuf, entry: String },
    #[error("{entry}, which the delta bundle {} leaves out, cannot be read from {holder}: {source}", bundle.display())]
    Unreadable { bundle: PathBuf, entry: String, holder: String, source: io::Error },
    #[error("the bundle {} changed since it was verified: {object}", bundle.display())]
    Bad { bundle: PathBuf, object: Box<BadObject> },
}

/// The one field that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

impl Bundle<Unverified> {
    /// Opens the bundle in this file. Reads its first entries only, however large it is; the spelling is told from the
    /// content, not from the name.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_checked(path, &|_, _| Ok(()))
    }

    /// As [`Bundle::open`], where the signature decides first.
    pub fn open_checked(path: &Path, check: &SignatureCheck<'_>) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let mut start = Vec::new();
        File::open(path).map_err(io)?.take(START as u64).read_to_end(&mut start).map_err(io)?;
        let spelling = Spelling::of_start(&start).ok_or_else(|| OpenError::NotATar { path: path.to_owned() })?;
        Self::open_medium_checked(path, Arc::new(FileMedium::open(path).map_err(io)?), spelling, check)
    }

    /// Opens the bundle that lies in these parts; its file's name alone is its path in messages. Where a part that holds
    /// the first entries is damaged, a good copy of it is read, or the part is named.
    pub fn open_parts(found: PartSet, check: &SignatureCheck<'_>) -> Result<Self, OpenError> {
        /// The first entries end before this offset.
        const FRONT: u64 = 2 * MAX_INVENTORY;
        let path = PathBuf::from(&found.set.name);
        let medium = Arc::new(PartsMedium::new(found)?);
        let set = medium.set();
        let mut opened = Self::open_medium_checked(&path, medium.clone(), set.spelling, check);
        if !matches!(opened, Ok(_) | Err(OpenError::Signature { .. })) {
            let rechecked = medium.recheck(std::slice::from_ref(&(0..FRONT)));
            if !rechecked.damaged.is_empty() {
                let (count, size) = (set.cut.count(), set.cut.size());
                let (name, missing, damaged) = (set.name.clone(), Vec::new(), rechecked.damaged);
                return Err(Incomplete { name, count, missing, damaged, size }.into());
            }
            if rechecked.replaced {
                opened = Self::open_medium_checked(&path, medium.clone(), set.spelling, check);
            }
        }
        let bundle = opened?;
        if bundle.set(&set.name, set.cut) != *set {
            return Err(OpenError::OtherBundle { path });
        }
        Ok(bundle)
    }

    /// Opens a bundle that lies on another kind of medium; `path` names it in messages.
    pub fn open_medium(path: &Path, medium: Arc<dyn Medium>, spelling: Spelling) -> Result<Self, OpenError> {
        Self::open_medium_checked(path, medium, spelling, &|_, _| Ok(()))
    }

    /// As [`Bundle::open_medium`], where the signature decides first.
    pub fn open_medium_checked(
        path: &Path,
        medium: Arc<dyn Medium>,
        spelling: Spelling,
        check: &SignatureCheck<'_>,
    ) -> Result<Self, OpenError> {
        let refused = |error| refusal(path, error);
        let (bytes, after) = front::inventory(&medium, spelling).map_err(refused)?;
        // A later format may differ in everything but the inventory's place, so its number comes first; but one that a
        // damaged byte turned into another is a matter of the checksum, and one that a stranger wrote of the signature.
        let other = || {
            let format = serde_json::from_slice::<AnyFormat>(&bytes).ok().map(|any| any.format)?;
            (format != u64::from(FORMAT)).then(|| OpenError::Format { path: path.to_owned(), found: format })
        };
        let rest =
            front::rest(&medium, spelling, &bytes, after).map_err(|error| other().unwrap_or_else(|| refused(error)))?;
        if let Some(entry) = rest.damaged {
            return Err(OpenError::Checksum { path: path.to_owned(), entry });
        }
        check(&bytes, rest.signature.as_deref())
            .map_err(|source| OpenError::Signature { path: path.to_owned(), source })?;
        if let Some(error) = other() {
            return Err(error);
        }
        let json = |source| OpenError::Json { path: path.to_owned(), source };
        let inventory: Inventory = serde_json::from_slice(&bytes).map_err(json)?;
        inventory.check().map_err(|source| OpenError::Inventory { path: path.to_owned(), source })?;
        if inventory.to_json().map_err(json)? != bytes {
            return Err(OpenError::NotCanonical { path: path.to_owned() });
        }
        let shared = Shared {
            path: path.to_owned(),
            medium,
            spelling,
            members: layout::body(&inventory),
            inventory,
            json: bytes,
            signature: rest.signature,
            start: rest.end,
        };
        Ok(Self { shared: Arc::new(shared), state: Unverified(()) })
    }
}

fn refusal(path: &Path, error: FrontError) -> OpenError {
    let path = path.to_owned();
    match error {
        FrontError::NotABundle { found } => OpenError::NotABundle { path, found },
        FrontError::TooLarge { path: entry, size, most } => OpenError::TooLarge { path, entry, size, most },
        FrontError::Damaged { path: entry, fault } => OpenError::Damaged {
            path,
            object: Box::new(BadObject { path: entry.into(), belongs_to: Vec::new(), fault }),
        },
    }
}

impl<State> fmt::Debug for Bundle<State> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.shared.inventory.name;
        formatter.debug_struct("Bundle").field("path", &self.shared.path).field("name", name).finish_non_exhaustive()
    }
}

impl<State> Bundle<State> {
    /// What the bundle holds, as it says itself.
    pub fn inventory(&self) -> &Inventory {
        &self.shared.inventory
    }

    /// The bytes of `bundle.json`: what a signature signs.
    pub fn inventory_bytes(&self) -> &[u8] {
        &self.shared.json
    }

    /// The digest of `bundle.json`: as every content is named in it by digest, the digest of the whole bundle.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.shared.json)
    }

    /// The bytes of `bundle.sig`, unchecked.
    pub fn signature(&self) -> Option<&[u8]> {
        self.shared.signature.as_deref()
    }

    /// The file that was opened.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// What the parts of this bundle have in common when its file, of this name, is cut so.
    pub fn set(&self, name: &str, cut: Cut) -> parts::Set {
        let bundle = self.digest().bytes();
        let id = parts::header::set_of(&bundle, self.signature(), self.shared.spelling, cut);
        parts::Set { id, bundle, spelling: self.shared.spelling, cut, name: name.to_owned() }
    }

    /// What the bundle is read from.
    pub fn medium(&self) -> &dyn Medium {
        self.shared.medium.as_ref()
    }

    pub fn spelling(&self) -> Spelling {
        self.shared.spelling
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.shared.medium.size()
    }
}

impl Bundle<Verified> {
    /// The entries after the inventory, in the bundle's order.
    pub fn entries(&self) -> &[Member] {
        &self.shared.members
    }

    /// With others that hold what this delta bundle leaves out.
    pub fn backed_by(mut self, holders: impl IntoIterator<Item = Arc<dyn Holder>>) -> Self {
        self.state.holders.extend(holders);
        self
    }

    /// The uncompressed content of the entry at this path, from whoever holds it. Any number of readers may work at once.
    pub fn open_entry(&self, path: &str) -> Result<ContentReader, EntryError> {
        match self.state.places.by_path.get(path) {
            Some(index) => Ok(ContentReader::Own(Box::new(self.reader(*index)?))),
            None => {
                self.held(path, 0).map(|(reader, content)| ContentReader::Held(Box::new(Checked::new(reader, content))))
            }
        }
    }

    fn reader(&self, index: usize) -> Result<EntryReader, EntryError> {
        let member = &self.shared.members[index];
        let place = self.state.places.places[index];
        EntryReader::new(self.shared.medium.clone(), self.shared.spelling, member, place, VerifyDepth::Blake3)
            .map_err(|fault| self.bad(index, fault))
    }

    /// The same, from a byte of its content on: what lies before it is passed over, not read. A digest over the whole content
    /// proves nothing about a part of it; see [`PartReader`].
    pub fn open_entry_at(&self, path: &str, from: u64) -> Result<Box<dyn Read + Send>, EntryError> {
        match self.state.places.by_path.get(path) {
            Some(index) => Ok(Box::new(self.reader_at(*index, from)?)),
            None => self.held(path, from).map(|(reader, _)| reader),
        }
    }

    fn reader_at(&self, index: usize, from: u64) -> Result<PartReader, EntryError> {
        let reader = self.reader(index)?;
        reader.part(from).map_err(|fault| self.bad(index, fault))
    }

    fn bad(&self, index: usize, fault: Fault) -> EntryError {
        let path = self.shared.members.get(index).map(|member| member.path.clone()).unwrap_or_default();
        let object = Box::new(BadObject { path, belongs_to: Vec::new(), fault });
        EntryError::Bad { bundle: self.shared.path.clone(), object }
    }

    /// Bytes of memory that a reader of this entry holds, about.
    pub fn reader_memory(&self, path: &str) -> u64 {
        let index = self.state.places.by_path.get(path);
        match index.and_then(|index| self.shared.members.get(*index)) {
            Some(member) => EntryReader::memory(member, self.shared.spelling),
            None => 0,
        }
    }

    /// What the inventory lists at this path and the bundle leaves out, from a byte of it on, unchecked.
    fn held(&self, path: &str, from: u64) -> Result<(Box<dyn Read + Send>, Content), EntryError> {
        let (bundle, entry) = (self.shared.path.clone(), path.to_owned());
        let Some(content) = self.shared.inventory.content(path) else {
            return Err(EntryError::Absent { bundle, entry });
        };
        // It may stand in the bundle under another path.
        if let Some(index) = self.state.places.by_digest.get(&content.sha256) {
            return Ok((Box::new(self.reader_at(*index, from)?), content));
        }
        for holder in &self.state.holders {
            match holder.open(&content, from) {
                Ok(Some(reader)) => return Ok((reader, content)),
                Ok(None) => {}
                Err(source) => return Err(EntryError::Unreadable { bundle, entry, holder: holder.name(), source }),
            }
        }
        Err(EntryError::NotHeld { bundle, entry })
    }

    /// What this delta bundle leaves out and nobody holds, every byte of it; empty for every other bundle. Reads what a
    /// store is to hold once.
    pub fn not_held(&self, events: &Events) -> Vec<Content> {
        let absent = self.shared.inventory.absent();
        content::not_held(absent, &self.state.holders, events)
    }

    /// The blob of this digest: an index, a manifest, a config or a layer.
    pub fn open_blob(&self, digest: &Digest) -> Result<ContentReader, EntryError> {
        self.open_entry(&blob_path(digest))
    }

    /// The same, from a byte of it on; see [`Bundle::open_entry_at`].
    pub fn open_blob_at(&self, digest: &Digest, from: u64) -> Result<Box<dyn Read + Send>, EntryError> {
        self.open_entry_at(&blob_path(digest), from)
    }
}

/// The content of one entry, checked while it is read.
pub enum ContentReader {
    /// From the bundle itself.
    Own(Box<EntryReader>),
    /// From whoever holds what it leaves out.
    Held(Box<Checked<Box<dyn Read + Send>>>),
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Own(reader) => reader.read(buffer),
            Self::Held(reader) => reader.read(buffer),
        }
    }
}

impl Holder for Bundle<Verified> {
    fn open(&self, content: &Content, from: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(index) = self.state.places.by_digest.get(&content.sha256) else { return Ok(None) };
        Ok(Some(match from {
            0 => Box::new(self.reader(*index).map_err(io::Error::other)?),
            from => Box::new(self.reader_at(*index, from).map_err(io::Error::other)?),
        }))
    }

    fn holds(&self, content: &Content) -> bool {
        self.state.places.by_digest.contains_key(&content.sha256)
    }

    fn name(&self) -> String {
        format!("the bundle {}", self.shared.path.display())
    }
}
