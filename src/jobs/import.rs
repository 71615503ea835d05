//! `kk artifact import`: a bundle into a site's store.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;

use super::demand::Demand;
use super::gather::damaged;
use super::site::Site;
use super::{JobError, Kind, engine, files, gather, hold};
use crate::bundle::store::{Put, Store, StoreError};
use crate::bundle::{Bundle, Content, EntryReader, Holder, Member, Unverified, VerifyDepth};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::quantity;
use crate::trust::receipt::Delivered;

/// What the command was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle, and those it builds upon; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub place: Place,
    /// Take a bundle of a lower release than the site has.
    pub allow_downgrade: bool,
}

/// Which store.
#[derive(Clone, Debug)]
pub enum Place {
    /// The site of this cluster file.
    Site(PathBuf),
    Folder(PathBuf),
}

/// What was imported.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    pub store: PathBuf,
    pub name: String,
    /// Digest of the inventory, made whole.
    pub digest: Digest,
    /// Contents that were there already.
    pub found: usize,
    /// Contents that were written.
    pub written: usize,
    /// Bytes of these.
    pub bytes: u64,
    pub seconds: f64,
}

/// Reads the bundle once: each content is checked while it is put in its place. The bundle counts as imported when all
/// of it is proven and on the disk; a run that was interrupted is continued by the next one.
pub fn run(options: &Options, events: &Events) -> Result<Imported, JobError> {
    let started = Instant::now();
    let (root, site, demand) = place(options, events)?;
    let (bundle, accepted) = gather::open_telling(&options.bundle, &demand, events)?;
    let approval = demand.approve(bundle.inventory(), accepted)?;
    approval.tell(events);
    let others = gather::others(&options.bundle)?;
    let store = Store::make(&root).map_err(unusable)?;
    let _site = site.as_ref().map(|site| engine::lock(site, "artifact import")).transpose()?;
    let _lock = engine::lock_folder(store.root(), "artifact import")?;

    let inventory = bundle.inventory().clone();
    let wanted = from_others(&bundle, &others, &store, events)?;
    room_for(&store, inventory.contents())?;
    let filling = Filling::new(&store);
    let title = "Import the bundle".to_owned();
    events.emit(Event::PhaseStarted { title: title.clone() });
    let verified = bundle.verify_into(VerifyDepth::Blake3, events, &|member, reader| filling.take(member, reader));
    verified.map_err(|error| damaged(&error))?;
    for other in others {
        let take = |member: &Member, reader: &mut EntryReader| {
            if wanted.contains(&member.sha256) {
                filling.take(member, reader);
            }
        };
        other.verify_into(VerifyDepth::Blake3, events, &take).map_err(|error| damaged(&error))?;
    }
    let (found, written) = filling.done()?;
    store.flush(&written).map_err(unusable)?;
    let digest = store.keep(&inventory).map_err(unusable)?;
    let seconds = started.elapsed().as_secs_f64();
    events.emit(Event::PhaseDone { title, seconds });
    if let Some(site) = site {
        approval.record(&site)?;
        site.delivered(&inventory, approval.signer(), Delivered::Imported)?;
    }
    let bytes = written.iter().fold(0u64, |sum, content| sum.saturating_add(content.size));
    Ok(Imported { store: root, name: inventory.name, digest, found, written: written.len(), bytes, seconds })
}

/// Where the store is, whose it is, and what its site demands of bundles.
fn place(options: &Options, events: &Events) -> Result<(PathBuf, Option<Site>, Demand), JobError> {
    match &options.place {
        Place::Folder(folder) => Ok((folder.clone(), None, Demand::default())),
        Place::Site(file) => {
            let cluster = files::cluster(file)?;
            let demand = Demand::of_site(&cluster, options.allow_downgrade, events)?;
            let site = Site::open(&cluster)?;
            Ok((site.bundle_store(), Some(site), demand))
        }
    }
}

/// What a delta bundle leaves out, and the store does not hold, is taken from other bundles that were named. Nothing is
/// written where it is nowhere.
fn from_others(
    bundle: &Bundle<Unverified>,
    others: &[Bundle<Unverified>],
    store: &Store,
    events: &Events,
) -> Result<HashSet<Digest>, JobError> {
    let inventory = bundle.inventory();
    let lacking: Vec<Content> = inventory.absent().into_iter().filter(|content| !store.holds(content)).collect();
    let offered = others.iter().flat_map(|other| other.inventory().present());
    let offered: HashMap<Digest, Content> = offered.map(|content| (content.sha256, content)).collect();
    let nowhere: Vec<Content> =
        lacking.iter().filter(|content| offered.get(&content.sha256) != Some(content)).cloned().collect();
    hold::refuse_lacking(inventory, &nowhere)?;
    let digests: Vec<Digest> = others.iter().filter_map(|other| other.inventory().whole_digest()).collect();
    hold::tell_other_base(bundle, &digests, events);
    Ok(lacking.into_iter().map(|content| content.sha256).collect())
}

/// Says so before anything is written rather than in the middle of it.
fn room_for(store: &Store, contents: Vec<Content>) -> Result<(), JobError> {
    let missing = contents.into_iter().filter(|content| !store.has(content));
    let needed = missing.fold(0u64, |sum, content| sum.saturating_add(content.size));
    // Where it cannot be told, the disk tells itself.
    let Ok(free) = fs4::available_space(store.root()) else { return Ok(()) };
    if free >= needed {
        return Ok(());
    }
    let (needed, free, root) = (quantity::bytes(needed), quantity::bytes(free), store.root().display());
    Err(JobError::new(Kind::Internal, format!("the bundle needs {needed} in the store, and {root} has {free} left"))
        .hint("free some space there, remove bundles with kk artifact store prune, or name another place with --store"))
}

/// A store while it is filled, from several threads.
struct Filling<'a> {
    store: &'a Store,
    /// Contents that are under way or done; one that has several paths is put once.
    state: Mutex<Filled>,
}

#[derive(Default)]
struct Filled {
    begun: HashSet<Digest>,
    found: usize,
    written: Vec<Content>,
    /// Entries that are not what they should be, until a good copy of them comes along.
    wrong: HashMap<Digest, StoreError>,
    /// What the store itself cannot do.
    failed: Option<StoreError>,
}

impl<'a> Filling<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Filled> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Puts one entry. A damaged one is reported by whoever verifies; what the store itself cannot do is kept here.
    fn take(&self, member: &Member, reader: &mut EntryReader) {
        let Some(content) = member.content() else { return };
        {
            let mut state = self.state();
            if state.failed.is_some() || !state.begun.insert(content.sha256) {
                return;
            }
        }
        let put = self.store.put(&content, &member.path, reader);
        let mut state = self.state();
        match put {
            Ok(put) => {
                state.wrong.remove(&content.sha256);
                match put {
                    Put::Found => state.found += 1,
                    Put::Written => state.written.push(content),
                }
            }
            Err(error @ StoreError::Content { .. }) => {
                state.begun.remove(&content.sha256);
                state.wrong.insert(content.sha256, error);
            }
            Err(error) => state.failed = Some(error),
        }
    }

    /// How many contents were there, and which were written.
    fn done(self) -> Result<(usize, Vec<Content>), JobError> {
        let filled = self.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match filled.failed.or(filled.wrong.into_values().next()) {
            Some(error) => Err(unusable(error)),
            None => Ok((filled.found, filled.written)),
        }
    }
}

/// A store that cannot be used, in words for a person.
pub(super) fn unusable(error: StoreError) -> JobError {
    let kind = match &error {
        StoreError::Content { .. } => Kind::Bundle,
        _ => Kind::Internal,
    };
    let full = matches!(&error, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull);
    let report = JobError::new(kind, error.to_string());
    if full {
        report.hint("free some space there, and run the same command again: it goes on where it was")
    } else {
        report
    }
}

/// Where a store is, and whose.
pub(super) fn store_of(place: &Place) -> Result<(PathBuf, Option<Site>), JobError> {
    Ok(match place {
        Place::Folder(folder) => (folder.clone(), None),
        Place::Site(file) => {
            let site = Site::open(&files::cluster(file)?)?;
            (site.bundle_store(), Some(site))
        }
    })
}

/// The store at a place, which must be there.
pub(super) fn open(root: &Path) -> Result<Store, JobError> {
    Store::open(root).map_err(|error| unusable(error).hint("kk artifact import makes a store"))
}
