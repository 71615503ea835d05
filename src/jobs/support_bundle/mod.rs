//! `kk support-bundle`: logs, states and configurations of all hosts in one archive, without secrets. Changes nothing.

mod archive;
mod redact;

use std::path::PathBuf;

use futures::StreamExt;
use secrecy::SecretString;

use super::site::{ConnectOptions, Hosts, Site, reason};
use super::{JobError, files, status, view_config};
use crate::cluster::{Cluster, Host};
use crate::event::Events;
use crate::host::Script;
use crate::install::support;
use crate::plan::status::Status;
use archive::Entry;
use redact::Redactor;

/// How many journals of the site are taken, the newest ones.
const JOURNALS: usize = 30;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// Where the archive is to lie; by its name and the time in the present folder where nothing is said.
    pub output: Option<PathBuf>,
    pub connect: ConnectOptions,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub path: PathBuf,
    pub files: usize,
    pub bytes: u64,
    /// Hosts that could not be reached, and why.
    pub missing: Vec<String>,
}

/// Asks every host that can be reached; what cannot be had is named in the archive and does not end the command.
pub async fn run(options: &Options, events: &Events) -> Result<Outcome, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::open(&cluster)?;
    let redactor = Redactor::new(secrets(&cluster, &site));
    let (sessions, unreachable) = site.reach_all(&cluster, &options.connect, events).await?;
    let missing: Vec<String> =
        unreachable.iter().map(|(host, error)| format!("{host}: {}", reason(host, error))).collect();
    let told = cluster.spec.hosts.iter().map(|host| host_entries(&cluster, host, &sessions));
    let told: Vec<Vec<Entry>> = futures::stream::iter(told).buffered(options.connect.concurrency).collect().await;
    let status = status::look_at(&cluster, &site, &sessions, &unreachable, &options.connect).await;
    let mut entries = site_entries(options, &site, &status);
    entries.extend(told.into_iter().flatten());
    if !missing.is_empty() {
        entries.push(Entry::new("unreachable.txt", missing.join("\n") + "\n"));
    }
    let path = options.output.clone().unwrap_or_else(|| archive::name(&cluster.name));
    let files = entries.len();
    let bytes = archive::write(&path, &cluster.name, entries, redactor).await?;
    Ok(Outcome { path, files, bytes, missing })
}

/// One host's pieces, one after the other: a host that is not well is not hurried.
async fn host_entries(cluster: &Cluster, host: &Host, sessions: &Hosts) -> Vec<Entry> {
    let Some(machine) = sessions.get(&host.name) else { return Vec::new() };
    let mut entries = Vec::new();
    for piece in support::pieces(cluster, host) {
        let text = match machine.run(&Script::calling(&piece.script, support::LIMIT)).await {
            Ok(output) => output.stdout,
            Err(error) => format!("(not to be had: {})\n", reason(&host.name, &error)),
        };
        entries.push(Entry::new(format!("hosts/{}/{}", host.name, piece.path), text));
    }
    entries
}

/// What the operator's side knows: the file as kk understands it, how the cluster is, and what was run.
fn site_entries(options: &Options, site: &Site, status: &Status) -> Vec<Entry> {
    let mut entries = vec![Entry::new("kk.txt", format!("kk {}\n", env!("CARGO_PKG_VERSION")))];
    let said =
        |outcome: Result<String, JobError>| outcome.unwrap_or_else(|error| format!("(not to be had: {error})\n"));
    entries.push(Entry::new("site/cluster.yaml", said(view_config::run(&options.cluster_file))));
    let status = serde_json::to_string_pretty(status)
        .map_err(|source| JobError::internal("the status cannot be written", source));
    entries.push(Entry::new("site/status.json", said(status)));
    let mut journals: Vec<PathBuf> = std::fs::read_dir(site.journal())
        .map(|folder| folder.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    journals.sort();
    for path in journals.iter().rev().take(JOURNALS) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Ok(text) = super::site::store::read_bounded(path) {
            entries.push(Entry::new(format!("site/journal/{name}"), text));
        }
    }
    entries
}

/// All that this side knows and nobody else is to.
fn secrets(cluster: &Cluster, site: &Site) -> Vec<SecretString> {
    let hosts = cluster.spec.hosts.iter();
    let mut secrets: Vec<SecretString> = hosts
        .flat_map(|host| [&host.password, &host.private_key, &host.private_key_passphrase])
        .flatten()
        .cloned()
        .collect();
    secrets.extend(cluster.spec.registry.auths.values().filter_map(|auth| auth.password.clone()));
    // A site where nothing was installed has no password of its own, and must not get one in passing.
    if Site::of_cluster(cluster).is_ok()
        && let Ok(login) = site.registry_login(cluster)
    {
        secrets.extend([login.password, login.htpasswd]);
    }
    secrets
}
