//! `kk etcd restore`: every member is made anew from a snapshot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::cluster_with_etcd;
use super::look::look;
use super::snapshot::{self, Whole};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::host::part::Source;
use crate::install::etcd::{Report, Restore, stamp};
use crate::jobs::change::Change;
use crate::jobs::site::{Site, store};
use crate::jobs::{JobError, Kind, engine};
use crate::plan;
use crate::quantity::bytes;
use crate::run::Summary;

/// What the command was asked to do.
pub struct Options {
    pub snapshot: PathBuf,
    pub cluster_file: PathBuf,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// The plan of a dry run, or what stands now.
    pub text: String,
}

/// Checks the snapshot, looks, says what will be lost, asks, restores.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let cluster = cluster_with_etcd(&options.cluster_file)?;
    refuse_other_wal(&cluster)?;
    let whole = read(&options.snapshot).await?;
    if let Some(other) = whole.beside.as_ref().map(|beside| &beside.cluster).filter(|name| **name != cluster.name) {
        let message = format!("{} is of cluster {other}, and not of {}", whole.path.display(), cluster.name);
        return Err(JobError::new(Kind::File, message));
    }
    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, "etcd restore")?;
    let hosts = site.connect(&cluster, &options.change.connect, &events).await?;
    let report = look(&cluster, &hosts, &Default::default()).await;
    let record = Record::open(&site, &whole, &report)?;
    let restore = record.restore(&whole);
    let plan = plan::restore_etcd(&cluster, &restore);
    let changes = engine::would_change(&plan, &hosts, &options.change.connect);
    if let Some(text) = options.change.shown("etcd restore", &cluster, &[&plan], None, changes).await? {
        return Ok(Outcome { run: None, text });
    }
    options.change.agree(&question(&cluster, &whole, &record, &report))?;
    if record.continued {
        events.emit(Event::Note {
            message: format!("Continuing the restoration that was begun at {}.", record.kept.begun),
        });
    }
    record.keep(&site)?;
    let run = engine::execute_with_file(
        "etcd restore",
        &plan,
        &hosts,
        whole.path.clone(),
        &site,
        &options.change.connect,
        &events,
    )
    .await?;
    Record::forget(&site)?;
    Ok(Outcome { run: Some(run), text: told(&cluster, &restore) })
}

/// The file is read on a thread of its own: it may be large.
async fn read(path: &Path) -> Result<Whole, JobError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || snapshot::read(&path))
        .await
        .map_err(|source| JobError::internal("the check of the snapshot was cut off", source))?
}

/// A log of its own elsewhere would have to be moved and made anew too.
fn refuse_other_wal(cluster: &Cluster) -> Result<(), JobError> {
    let own = cluster.spec.etcd.extra_args.iter().any(|arg| arg.trim_start_matches('-').starts_with("wal-dir="));
    if own {
        let message =
            format!("{} gives etcd a wal-dir of its own, which kk etcd restore does not move", cluster.path.display());
        return Err(JobError::new(Kind::File, message));
    }
    Ok(())
}

/// What will be lost, by name.
fn question(cluster: &Cluster, whole: &Whole, record: &Record, report: &Report) -> String {
    let names =
        |hosts: Vec<&crate::cluster::Host>| hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ");
    let of = match &whole.beside {
        Some(beside) => {
            format!(
                "of {} from {}, revision {}, {} keys",
                beside.time, beside.member, beside.snapshot.revision, beside.snapshot.total_keys
            )
        }
        None => "of an unknown time: nothing beside it tells".to_owned(),
    };
    let mut text = format!(
        "This puts cluster {} back to the snapshot {}\n  {of}, {}\n\
         All that has changed in Kubernetes since then is lost: objects, their status, Secrets, certificates that were signed.\n",
        cluster.name,
        whole.path.display(),
        bytes(whole.size),
    );
    let healthy: Vec<&str> =
        report.members.iter().filter(|member| member.healthy).map(|member| member.host.as_str()).collect();
    if healthy.is_empty() {
        text.push_str("  No member of etcd is well now.\n");
    } else {
        let revision = report.members.iter().filter_map(|member| member.revision).max().unwrap_or_default();
        text.push_str(&format!("  etcd WORKS now on {}, at revision {revision}.\n", healthy.join(", ")));
    }
    text.push_str(&format!(
        "The control plane on {} and etcd on {} stand still meanwhile; pods run on.\n\
         The old data is kept on the hosts, as {}.before-restore-{}, or within it where it is a mount point.\nRestore it?",
        names(cluster.hosts_of("control-plane")),
        names(cluster.hosts_of("etcd")),
        cluster.spec.etcd.data_dir.trim_end_matches('/'),
        record.kept.begun,
    ));
    text
}

fn told(cluster: &Cluster, restore: &Restore) -> String {
    let data = cluster.spec.etcd.data_dir.trim_end_matches('/');
    format!(
        "etcd is restored, and the cluster is ready.\n\
         The old data lies on the members' hosts as {data}.before-restore-{0}, or as before-restore-{0} in {data} where that \
         is a mount point. Remove it when nobody misses anything.",
        restore.begun
    )
}

/// The restoration that is under way at this site. Hosts record how far they are under its name, so it must be the same
/// one after a run that was killed, and another one after that.
struct Record {
    kept: Kept,
    /// An earlier run began it.
    continued: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    sha256: crate::digest::Digest,
    begun: String,
}

impl Record {
    fn path(site: &Site) -> PathBuf {
        site.folder().join("etcd-restore.json")
    }

    /// The one of this snapshot that an earlier run did not end, or a new one. Where all members are well, that one has put
    /// its snapshot back, and what they hold now may be anything: putting it back once more is a restoration of its own.
    fn open(site: &Site, whole: &Whole, report: &Report) -> Result<Self, JobError> {
        let path = Self::path(site);
        let found: Option<Kept> = match store::read_bounded(&path) {
            // One that cannot be read is of a run that had changed nothing yet, or was altered: begin anew.
            Ok(text) => serde_json::from_str(&text).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(JobError::internal(format!("cannot read {}", path.display()), source)),
        };
        // It becomes part of paths and commands on hosts.
        let found = found.filter(|kept| kept.begun.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let works = !report.members.is_empty() && report.members.iter().all(|member| member.healthy);
        Ok(match found.filter(|kept| kept.sha256 == whole.sha256 && !works) {
            Some(kept) => Self { kept, continued: true },
            None => {
                Self { kept: Kept { sha256: whole.sha256, begun: stamp(OffsetDateTime::now_utc()) }, continued: false }
            }
        })
    }

    fn restore(&self, whole: &Whole) -> Restore {
        let digits = whole.sha256.hex();
        let path = whole.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Restore {
            name: format!("{}-{}", self.kept.begun, digits.get(..12).unwrap_or_default()),
            begun: self.kept.begun.clone(),
            snapshot: Source { path, sha256: whole.sha256, size: whole.size },
            hash: whole.beside.as_ref().map(|beside| beside.snapshot.hash.clone()),
        }
    }

    fn keep(&self, site: &Site) -> Result<(), JobError> {
        let path = Self::path(site);
        let text = serde_json::to_string(&self.kept)
            .map_err(|source| JobError::internal("cannot note the restoration", source))?;
        store::write_private(&path, &SecretString::from(text + "\n"))
            .map_err(|source| JobError::internal(format!("cannot write {}", path.display()), source))
    }

    fn forget(site: &Site) -> Result<(), JobError> {
        let path = Self::path(site);
        fs::remove_file(&path).map_err(|source| JobError::internal(format!("cannot remove {}", path.display()), source))
    }
}
