//! Sessions to all hosts of a site, side by side; every host that cannot be reached is named.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;

use super::Site;
use crate::cluster::{Cluster, Host};
use crate::event::{Event, Events};
use crate::host::ssh::{AskHostKey, HostKeyPolicy, KnownHosts, Options, Session, Target};
use crate::host::{Machine, MachineError};
use crate::jobs::left_out::LeftOut;
use crate::jobs::{JobError, Kind};
use crate::run::Spare;

/// How hosts are reached.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Trust unknown hosts the first time.
    pub accept_new_host_keys: bool,
    /// A known-hosts file besides the site's own.
    pub known_hosts: Option<PathBuf>,
    /// Asks a person about an unknown host; `None` where nobody can be asked.
    pub ask: Option<Arc<dyn AskHostKey>>,
    /// Hosts at once.
    pub concurrency: usize,
    /// Hosts that have a file of the bundle serve it to the others.
    pub peers: bool,
    /// Hosts that a run does without if need be.
    pub spare: Spare,
}

/// Host name → session.
pub type Hosts = BTreeMap<String, Arc<dyn Machine>>;

impl Site {
    /// Connects to every host of the cluster file.
    pub async fn connect(
        &self,
        cluster: &Cluster,
        options: &ConnectOptions,
        events: &Events,
    ) -> Result<Hosts, JobError> {
        let hosts: Vec<&Host> = cluster.spec.hosts.iter().collect();
        self.connect_without(&hosts, options, &mut LeftOut::default(), events).await
    }

    /// Connects to these hosts of the cluster file; without those that cannot be reached and may be left out.
    pub async fn connect_without(
        &self,
        hosts: &[&Host],
        options: &ConnectOptions,
        left_out: &mut LeftOut,
        events: &Events,
    ) -> Result<Hosts, JobError> {
        let (reached, mut failures) = self.reach_telling(hosts, options, events).await;
        for (host, error) in &failures {
            if left_out.may(host) {
                left_out.add(host, &reason(host, error), events);
            }
        }
        failures.retain(|host, _| !left_out.may(host));
        if failures.is_empty() {
            return Ok(reached);
        }
        Err(unreachable(failures.into_values().collect(), hosts.len()))
    }

    /// Connects to every host of the cluster file, and tells of it; see [`Site::reach`].
    pub async fn reach_all(
        &self,
        cluster: &Cluster,
        options: &ConnectOptions,
        events: &Events,
    ) -> (Hosts, BTreeMap<String, MachineError>) {
        self.reach_telling(&cluster.spec.hosts.iter().collect::<Vec<_>>(), options, events).await
    }

    async fn reach_telling(
        &self,
        hosts: &[&Host],
        options: &ConnectOptions,
        events: &Events,
    ) -> (Hosts, BTreeMap<String, MachineError>) {
        let title =
            if hosts.len() == 1 { "Connect to 1 host".to_owned() } else { format!("Connect to {} hosts", hosts.len()) };
        let started = std::time::Instant::now();
        events.emit(Event::PhaseStarted { title: title.clone() });
        let (reached, failures) = self.reach(hosts, options).await;
        if failures.is_empty() {
            events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
        }
        (reached, failures)
    }

    /// Connects to these hosts; by name, those that can be reached, and why the others cannot.
    pub async fn reach(&self, hosts: &[&Host], options: &ConnectOptions) -> (Hosts, BTreeMap<String, MachineError>) {
        let policy = match (options.accept_new_host_keys, &options.ask) {
            (true, _) => HostKeyPolicy::AcceptNew,
            (false, Some(ask)) => HostKeyPolicy::Ask(ask.clone()),
            (false, None) => HostKeyPolicy::Refuse,
        };
        let home = std::env::home_dir();
        let read = match (&options.known_hosts, &home) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(home)) => vec![home.join(".ssh/known_hosts")],
            (None, None) => Vec::new(),
        };
        let known_hosts = Arc::new(KnownHosts::new(read, self.known_hosts(), policy));
        let login = Options::from_env();
        let targets: Vec<Target> = hosts.iter().map(|host| Target::of(host, home.as_deref())).collect();
        let sessions: Vec<(String, Result<Session, MachineError>)> = futures::stream::iter(targets)
            .map(|target| {
                let (known_hosts, login) = (known_hosts.clone(), login.clone());
                async move { (target.name.clone(), Session::connect(&target, &known_hosts, &login).await) }
            })
            .buffer_unordered(options.concurrency)
            .collect()
            .await;
        let mut reached = Hosts::new();
        let mut failures = BTreeMap::new();
        for (name, session) in sessions {
            match session {
                Ok(session) => {
                    reached.insert(name, Arc::new(session));
                }
                Err(error) => {
                    failures.insert(name, error);
                }
            }
        }
        (reached, failures)
    }
}

/// One error for all hosts that cannot be reached; no host has been changed by then.
fn unreachable(failures: Vec<MachineError>, all: usize) -> JobError {
    let mut error =
        JobError::new(Kind::Host, format!("{} of {all} hosts cannot be reached; nothing was changed", failures.len()));
    let mut lines: Vec<String> = failures.iter().map(describe).collect();
    lines.sort();
    let mut hints: Vec<String> = failures.iter().filter_map(|failure| failure.hint().map(str::to_owned)).collect();
    hints.sort();
    hints.dedup();
    error.details = lines;
    error.hints = hints;
    error
}

/// An error with its causes on one line.
fn describe(error: &MachineError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text
}

/// The same for a text in which the host's name stands already.
pub fn reason(host: &str, error: &MachineError) -> String {
    let text = describe(error);
    text.strip_prefix(&format!("{host}: ")).unwrap_or(&text).to_owned()
}
