//! `kk etcd backup`: a snapshot from one member, verified there, fetched here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;
use time::OffsetDateTime;

use super::cluster_with_etcd;
use super::look::look;
use super::snapshot::{Beside, beside};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::host::{Machine, MachineError, Script};
use crate::install::etcd::{self, Member, Report, SnapshotName, Taken};
use crate::jobs::site::{ConnectOptions, Hosts, Site, store};
use crate::jobs::{JobError, Kind, engine};
use crate::plan;

/// How long a host may take to read its snapshot twice.
const SLOWEST: Duration = Duration::from_secs(1800);

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// Folder for the snapshot instead of the site's own.
    pub to: Option<PathBuf>,
    pub connect: ConnectOptions,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The snapshot on the operator's machine.
    pub file: PathBuf,
    /// Where it lies on the member's host.
    pub on_host: String,
    #[serde(flatten)]
    pub beside: Beside,
}

/// Looks, takes, verifies, fetches, compares.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let cluster = cluster_with_etcd(&options.cluster_file)?;
    let site = Site::open(&cluster)?;
    let _lock = engine::lock(&site, "etcd backup")?;
    // A folder that cannot be written is told before any host is asked.
    folder(&cluster, &site, options.to.as_deref())?;
    let (hosts, unreached) = site.reach(&cluster, &cluster.hosts_of("etcd"), &options.connect).await?;
    take(&cluster, &site, &hosts, &unreached, options.to.as_deref(), &options.connect, &events).await
}

/// A snapshot from the member that has seen most, verified, and fetched to `to` or the site's own folder. The site's lock
/// is the caller's.
pub(in crate::jobs) async fn take(
    cluster: &Cluster,
    site: &Site,
    hosts: &Hosts,
    unreached: &BTreeMap<String, MachineError>,
    to: Option<&Path>,
    connect: &ConnectOptions,
    events: &Events,
) -> Result<Outcome, JobError> {
    let folder = folder(cluster, site, to)?;
    let report = look(cluster, hosts, unreached).await;
    let member = choose(&report)?;
    for sick in report.members.iter().filter(|member| !member.healthy) {
        let trouble = sick.trouble.as_deref().unwrap_or("not well");
        events.emit(Event::Warning { message: format!("The member on {} is not well: {trouble}.", sick.host) });
    }
    let machine = hosts
        .get(&member.host)
        .cloned()
        .ok_or_else(|| JobError::new(Kind::Internal, format!("there is no session to {}", member.host)))?;
    let now = OffsetDateTime::now_utc();
    let name = SnapshotName::new(cluster, now);
    let plan = plan::snapshot_etcd(cluster, &member.host, &name);
    engine::execute("etcd backup", &plan, hosts, None, site, connect, events).await?;
    let taken = read(cluster, &name, machine.as_ref()).await?;
    let beside = Beside::new(cluster, member, now, taken);
    let file = folder.join(name.as_str());
    fetch(cluster, &name, machine.as_ref(), &beside, &file, events).await?;
    let on_host = format!("{}:{}", member.host, etcd::snapshot_path(cluster, &name));
    Ok(Outcome { file, on_host, beside })
}

/// The healthy member that has seen most.
fn choose(report: &Report) -> Result<&Member, JobError> {
    let healthy = report.members.iter().filter(|member| member.healthy && !member.learner);
    // Of several that have seen as much, the first of the cluster file.
    healthy.rev().max_by_key(|member| member.revision).ok_or_else(|| {
        let details = report
            .members
            .iter()
            .map(|member| format!("{}: {}", member.host, member.trouble.as_deref().unwrap_or("not well")));
        JobError::new(Kind::Host, "no member of etcd is well, so there is none to take a snapshot from")
            .details(details.collect::<Vec<_>>())
            .hint("kk etcd status shows how they are and which snapshots lie on their hosts")
    })
}

/// The folder for the file: there, and the operator's alone where kk makes it.
fn folder(cluster: &Cluster, site: &Site, to: Option<&Path>) -> Result<PathBuf, JobError> {
    let folder = to.map_or_else(|| site.etcd_backups(), Path::to_path_buf);
    if !folder.is_dir() || to.is_none() {
        store::private_folder(&folder)
            .map_err(|source| JobError::internal(format!("cannot make the folder {}", folder.display()), source))?;
    }
    // One kk at a time is at work here: what a run that was killed had not fetched whole is of no use.
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!("{}-", cluster.name)) && name.ends_with(".db.part") {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(folder)
}

/// What etcdutl says of the snapshot on its host, and its digest.
async fn read(cluster: &Cluster, name: &SnapshotName, machine: &dyn Machine) -> Result<Taken, JobError> {
    let host = machine.name();
    let script = Script::calling(&etcd::taken_script(cluster, name), SLOWEST);
    let output = machine.run(&script).await.map_err(|source| {
        JobError::new(Kind::Host, format!("cannot look at the snapshot on {host}")).because(source)
    })?;
    etcd::read_taken(&output.stdout).filter(|_| output.status == 0).ok_or_else(|| {
        JobError::new(Kind::Host, format!("etcdutl on {host} does not read the snapshot that was taken there"))
            .details(output.stderr.lines().skip(output.stderr.lines().count().saturating_sub(5)).map(str::to_owned))
    })
}

/// Downloads into a file beside its place, compares, and gives it its name last.
async fn fetch(
    cluster: &Cluster,
    name: &SnapshotName,
    machine: &dyn Machine,
    beside_it: &Beside,
    file: &Path,
    events: &Events,
) -> Result<(), JobError> {
    let host = machine.name();
    let title = format!("Fetch the snapshot from {host}");
    let started = std::time::Instant::now();
    events.emit(Event::PhaseStarted { title: title.clone() });
    events.emit(Event::BytesTotal { total: beside_it.snapshot.size });
    let part = file.with_extension("db.part");
    let opened = fs::remove_file(&part)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part))
        .map_err(|source| JobError::internal(format!("cannot write {}", part.display()), source))?;
    let sink = Box::new(Watched { file: opened, events: events.clone() });
    let path = etcd::snapshot_path(cluster, name);
    let fetched = machine.download(&path, beside_it.snapshot.size, sink).await;
    let result = match fetched {
        Ok(digest) if digest == beside_it.snapshot.sha256 => finish(&part, file, beside_it),
        Ok(_) => Err(JobError::new(Kind::Host, format!("the snapshot arrived from {host} other than it is there"))
            .hint("run the command again; if it happens again, look at the disks of both machines")),
        Err(source) => Err(JobError::new(Kind::Host, format!("cannot fetch the snapshot from {host}"))
            .because(source)
            .hint(format!("the snapshot itself is whole and lies on {host} at {path}"))),
    };
    if result.is_err() {
        // What did not arrive whole is of no use; the error that is told is the one before.
        let _ = fs::remove_file(&part);
    }
    result?;
    events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
    Ok(())
}

/// The description first: a snapshot without one could not be told from one that somebody put there.
fn finish(part: &Path, file: &Path, described: &Beside) -> Result<(), JobError> {
    let failed = |source| JobError::internal(format!("cannot write {}", file.display()), source);
    let text = serde_json::to_string_pretty(described)
        .map_err(|source| JobError::internal("cannot describe the snapshot", source))?;
    fs::File::open(part).and_then(|part| part.sync_all()).map_err(failed)?;
    store::write_private(&beside(file), &SecretString::from(text + "\n")).map_err(failed)?;
    fs::rename(part, file).map_err(failed)
}

/// A file that tells of what is written to it.
struct Watched {
    file: fs::File,
    events: Events,
}

impl io::Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.events.emit(Event::BytesMoved { bytes: count as u64 });
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_that_has_seen_most_is_chosen() {
        let member = |host: &str, healthy, revision| Member {
            host: host.into(),
            healthy,
            revision: Some(revision),
            ..Member::default()
        };
        let report = |members| Report { cluster: "sample".into(), healthy: true, members };
        let three = report(vec![member("node1", true, 7), member("node2", true, 8), member("node3", false, 9)]);
        assert_eq!(choose(&three).unwrap().host, "node2");
        let alike = report(vec![member("node1", true, 8), member("node2", true, 8)]);
        assert_eq!(choose(&alike).unwrap().host, "node1");
        assert_eq!(choose(&report(vec![member("node1", false, 1)])).unwrap_err().kind, Kind::Host);
    }
}
