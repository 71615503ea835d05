//! Running a plan on a site: the bundle as the source of bytes, the registry's client, the journal, the lock.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::site::{ConnectOptions, Hosts, Site};
use super::{JobError, Kind, push};
use crate::bundle::{Bundle, Verified};
use crate::event::Events;
use crate::host::part::script::Places;
use crate::plan::{Plan, Preview};
use crate::run::{Executor, Journal, Limits, LockError, Operator, RunError, SiteLock, Store, Summary, survey};

/// The program that runs, also where its file has been replaced meanwhile (proc(5)).
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The command that rotates authorities, as the lock and the journal name it.
pub const ROTATE_CA: &str = "certs rotate-ca";

/// Commands that give hosts nothing of the authorities, or are the rotation itself.
const DURING_ROTATION: &[&str] = &[
    ROTATE_CA,
    "etcd backup",
    // What a host that is gone for good needs, so that the rotation can go on.
    "etcd restore",
    "delete node",
    "delete cluster",
    "artifact import",
    "artifact store prune",
];

/// The site is this run's alone until the lock is dropped.
///
/// # Errors
/// Another run is at work, or the authorities are being rotated: hosts would be given what others do not trust yet.
pub fn lock(site: &Site, command: &str) -> Result<SiteLock, JobError> {
    let lock = SiteLock::take(site.folder(), command).map_err(|error| match error {
        LockError::Held { .. } => JobError::new(Kind::Host, error.to_string())
            .hint("wait until it has ended; the lock goes with its process, however that ends"),
        LockError::File { .. } => JobError::internal("cannot lock the site", error),
    })?;
    if site.rotation()?.is_some() && !DURING_ROTATION.contains(&command) {
        let message = format!("the site's authorities are being rotated; {command} has to wait until that is done");
        return Err(JobError::new(Kind::Preflight, message).hint("kk certs rotate-ca -f CLUSTER.yaml goes on with it"));
    }
    Ok(lock)
}

/// The same for a folder that is no site's: a store that is named itself.
pub fn lock_folder(folder: &Path, command: &str) -> Result<SiteLock, JobError> {
    SiteLock::take(folder, command).map_err(|error| match error {
        LockError::Held { .. } => JobError::new(Kind::Host, error.to_string())
            .hint("wait until it has ended; the lock goes with its process, however that ends"),
        LockError::File { .. } => JobError::internal("cannot lock the store", error),
    })
}

/// Makes a plan hold.
pub async fn execute(
    command: &str,
    plan: &Plan,
    hosts: &Hosts,
    bundle: Option<&Arc<Bundle<Verified>>>,
    site: &Site,
    options: &ConnectOptions,
    events: &Events,
) -> Result<Summary, JobError> {
    let store: Arc<dyn Store> = match bundle {
        Some(bundle) => Arc::new(BundleStore(bundle.clone())),
        None => Arc::new(NoStore),
    };
    run(command, plan, hosts, Bytes { store, bundle: bundle.cloned() }, site, options, events).await
}

/// The same with one file of the operator's as the source of all bytes, whatever path the plan gives it.
pub async fn execute_with_file(
    command: &str,
    plan: &Plan,
    hosts: &Hosts,
    file: PathBuf,
    site: &Site,
    options: &ConnectOptions,
    events: &Events,
) -> Result<Summary, JobError> {
    let bytes = Bytes { store: Arc::new(OneFile(file)), bundle: None };
    run(command, plan, hosts, bytes, site, options, events).await
}

/// What hosts are given.
struct Bytes {
    store: Arc<dyn Store>,
    bundle: Option<Arc<Bundle<Verified>>>,
}

async fn run(
    command: &str,
    plan: &Plan,
    hosts: &Hosts,
    bytes: Bytes,
    site: &Site,
    options: &ConnectOptions,
    events: &Events,
) -> Result<Summary, JobError> {
    let Bytes { store, bundle } = bytes;
    let digest = bundle.as_ref().map(|bundle| bundle.digest().to_string());
    let journal = Journal::begin(site.folder(), command, digest).map_err(failed)?;
    let stop = options.stop.clone();
    stop.heed_signals(events.clone()).map_err(|source| JobError::internal("cannot listen for Ctrl-C", source))?;
    // Only what a bundle holds goes from host to host, since it does so in the clear: a snapshot of etcd does not.
    let peers = options.peers && bundle.is_some();
    let operator = Operator { push: push::function(bundle, hosts.clone(), options.concurrency) };
    let machines: BTreeMap<_, _> = hosts.clone();
    let mut executor = Executor::new(machines, store, Arc::new(operator), journal, events.clone());
    if peers {
        executor = executor.peers(PathBuf::from(OWN_PROGRAM));
    }
    executor
        .limits(Limits { hosts: options.concurrency, ..Limits::default() })
        .stop(stop)
        .sparing(options.spare.clone())
        .execute(plan)
        .await
        .map_err(failed)
}

/// What a plan would change, as the hosts are now; nothing is changed.
pub async fn would_change(plan: &Plan, hosts: &Hosts, options: &ConnectOptions) -> Result<Preview, JobError> {
    let limits = Limits { hosts: options.concurrency, ..Limits::default() };
    let survey = survey(plan, hosts, &Places::default(), limits).await.map_err(failed)?;
    Ok(Preview::new(plan, &survey))
}

/// A failed run in words for a person.
fn failed(error: RunError) -> JobError {
    let kind = match &error {
        RunError::Failed { .. } => Kind::Host,
        RunError::Interrupted { .. } => Kind::Interrupted,
        RunError::Plan { .. } | RunError::Journal { .. } => Kind::Internal,
    };
    let mut report = JobError::new(kind, error.to_string()).details(error.details());
    report.hints = error.hints();
    report.source = match error {
        RunError::Journal { source, .. } => Some(Box::new(source)),
        _ => None,
    };
    report
}

/// A bundle as the source of what hosts need.
struct BundleStore(Arc<Bundle<Verified>>);

impl Store for BundleStore {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.0.open_entry(path).map_err(io::Error::other)?;
        Ok(Box::new(reader))
    }
}

/// A file of the operator's.
struct OneFile(PathBuf);

impl Store for OneFile {
    fn open(&self, _path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::fs::File::open(&self.0)?))
    }
}

/// For plans that need no bytes, such as a deletion.
struct NoStore;

impl Store for NoStore {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("this run has no bundle to take {path} from")))
    }
}

/// Removes the operator's kubeconfig after its cluster.
pub fn forget(path: &Path) -> Result<(), JobError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(JobError::internal(format!("cannot remove {}", path.display()), source))
        }
        _ => Ok(()),
    }
}
