//! Sessions to all hosts of a site, side by side; every host that cannot be reached is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;

use super::Site;
use crate::cluster::{Cluster, Host};
use crate::event::{Event, Events};
use crate::host::ssh::{AskHostKey, HostKeyPolicy, KnownHosts, Options, Routes, Session, SshConfig};
use crate::host::{Machine, MachineError};
use crate::jobs::left_out::LeftOut;
use crate::jobs::{JobError, Kind};
use crate::run::{Spare, Stop};

/// How hosts are reached.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Trust unknown hosts the first time.
    pub accept_new_host_keys: bool,
    /// A known-hosts file besides the site's own.
    pub known_hosts: Option<PathBuf>,
    /// What says about hosts that the cluster file leaves out.
    pub ssh_config: ConfigFile,
    /// Asks a person about an unknown host; `None` where nobody can be asked.
    pub ask: Option<Arc<dyn AskHostKey>>,
    /// Hosts at once.
    pub concurrency: usize,
    /// Hosts that have a file of the bundle serve it to the others.
    pub peers: bool,
    /// Hosts that a run does without if need be.
    pub spare: Spare,
    /// Heeded by all runs of the command.
    pub stop: Stop,
}

/// Which configuration of OpenSSH's client is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConfigFile {
    /// `~/.ssh/config`, where it is there.
    #[default]
    Home,
    Named(PathBuf),
    None,
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
        self.connect_without(cluster, &hosts, options, &mut LeftOut::default(), events).await
    }

    /// Connects to these hosts of the cluster file; without those that cannot be reached and may be left out.
    pub async fn connect_without(
        &self,
        cluster: &Cluster,
        hosts: &[&Host],
        options: &ConnectOptions,
        left_out: &mut LeftOut,
        events: &Events,
    ) -> Result<Hosts, JobError> {
        let (reached, mut failures) = self.reach_telling(cluster, hosts, options, events).await?;
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
    ) -> Result<(Hosts, BTreeMap<String, MachineError>), JobError> {
        self.reach_telling(cluster, &cluster.spec.hosts.iter().collect::<Vec<_>>(), options, events).await
    }

    async fn reach_telling(
        &self,
        cluster: &Cluster,
        hosts: &[&Host],
        options: &ConnectOptions,
        events: &Events,
    ) -> Result<(Hosts, BTreeMap<String, MachineError>), JobError> {
        let title =
            if hosts.len() == 1 { "Connect to 1 host".to_owned() } else { format!("Connect to {} hosts", hosts.len()) };
        let started = std::time::Instant::now();
        events.emit(Event::PhaseStarted { title: title.clone() });
        let (reached, failures) = self.reach(cluster, hosts, options).await?;
        if failures.is_empty() {
            events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
        }
        Ok((reached, failures))
    }

    /// Connects to these hosts of the cluster; by name, those that can be reached, and why the others cannot.
    ///
    /// # Errors
    /// The configuration of OpenSSH's client cannot be read: no host is asked then.
    pub async fn reach(
        &self,
        cluster: &Cluster,
        hosts: &[&Host],
        options: &ConnectOptions,
    ) -> Result<(Hosts, BTreeMap<String, MachineError>), JobError> {
        let policy = match (options.accept_new_host_keys, &options.ask) {
            (true, _) => HostKeyPolicy::AcceptNew,
            (false, Some(ask)) => HostKeyPolicy::Ask(ask.clone()),
            (false, None) => HostKeyPolicy::Refuse,
        };
        let home = std::env::home_dir();
        let config = ssh_config(&options.ssh_config, home.as_deref())?;
        let read = match (&options.known_hosts, &home) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(home)) => vec![home.join(".ssh/known_hosts")],
            (None, None) => Vec::new(),
        };
        let known_hosts = Arc::new(KnownHosts::new(read, self.known_hosts(), policy));
        let login = Options::from_env();
        let user =
            ["LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
        let routes = Routes::of(cluster, &config, home.as_deref(), user.as_deref());
        let targets: Vec<_> = hosts.iter().map(|host| (host.name.clone(), routes.target(host))).collect();
        let sessions: Vec<(String, Result<Session, MachineError>)> = futures::stream::iter(targets)
            .map(|(name, target)| {
                let (known_hosts, login) = (known_hosts.clone(), login.clone());
                async move {
                    let session = match target {
                        Ok(target) => Session::connect(&target, &known_hosts, &login).await,
                        Err(error) => Err(error),
                    };
                    (name, session)
                }
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
        Ok((reached, failures))
    }
}

fn ssh_config(file: &ConfigFile, home: Option<&Path>) -> Result<SshConfig, JobError> {
    let read = match (file, home) {
        (ConfigFile::Named(path), home) => SshConfig::read(path, home),
        (ConfigFile::Home, Some(home)) => SshConfig::of_home(home),
        (ConfigFile::Home, None) | (ConfigFile::None, _) => Ok(SshConfig::default()),
    };
    read.map_err(|error| {
        JobError::new(Kind::File, error.to_string())
            .hint("--ssh-config names another file; `--ssh-config none` does without")
    })
}

/// One error for all hosts that cannot be reached; no host has been changed by then.
fn unreachable(failures: Vec<MachineError>, all: usize) -> JobError {
    let mut error =
        JobError::new(Kind::Host, format!("{} of {all} hosts cannot be reached; nothing was changed", failures.len()));
    let mut lines: Vec<String> = failures.iter().map(MachineError::chain).collect();
    lines.sort();
    let mut hints: Vec<String> = failures.iter().filter_map(|failure| failure.hint().map(str::to_owned)).collect();
    hints.sort();
    hints.dedup();
    error.details = lines;
    error.hints = hints;
    error
}

/// An error with its causes on one line, for a text in which the host's name stands already.
pub fn reason(host: &str, error: &MachineError) -> String {
    let text = error.chain();
    text.strip_prefix(&format!("{host}: ")).unwrap_or(&text).to_owned()
}
