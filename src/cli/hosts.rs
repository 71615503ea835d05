//! The flags of every command that reaches hosts.

use std::path::PathBuf;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::change::{Change, Intent};
use crate::jobs::site::{ConfigFile, ConnectOptions};
use crate::run::{Spare, Stop};
use crate::ui;

/// How hosts are reached.
#[derive(clap::Args, Clone, Debug)]
pub struct HostFlags {
    /// Trust hosts that are not in a known-hosts file the first time, without asking
    #[arg(long)]
    pub accept_new_host_keys: bool,
    /// Known-hosts file to check hosts against, besides the cluster's own
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
    /// OpenSSH configuration for what the cluster file leaves out, instead of ~/.ssh/config; "none" for none
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// How many hosts to work on at once
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub concurrency: usize,
}

/// The flags of every command that looks at the hosts of a cluster file and leaves them as they are.
#[derive(clap::Args, Clone, Debug)]
pub struct LookFlags {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

/// The flags of every command that changes hosts and can say beforehand what it would do.
#[derive(clap::Args, Clone, Debug)]
pub struct ChangeFlags {
    /// Print what would be done, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Print what would be done, keep it in a file for somebody to approve, and stop
    #[arg(long, value_name = "FILE")]
    pub save_plan: Option<PathBuf>,
    /// Go on only if what is to be done is what this saved plan says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "save_plan"])]
    pub plan: Option<PathBuf>,
    /// Answer yes to every question; checks that fail still stop the command
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

impl ChangeFlags {
    pub fn into_change(self) -> Change {
        let intent = match (self.plan, self.save_plan, self.dry_run) {
            (Some(approved), _, _) => Intent::RunApproved(approved),
            (None, Some(path), _) => Intent::Save(path),
            (None, None, true) => Intent::Show,
            (None, None, false) => Intent::Run,
        };
        Change {
            intent,
            json: self.output.output == OutputFormat::Json,
            confirm: ui::confirmation(self.yes),
            connect: self.hosts.into_options(),
        }
    }
}

/// The flag of every command that brings files of a bundle to hosts.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct PeersFlag {
    /// Upload every file to every host from here, and let no host serve another
    #[arg(long)]
    pub no_peers: bool,
}

/// The flag of every command that can do without some of its hosts.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct SkipFlag {
    /// Go on without workers that fail or cannot be reached; they are listed at the end
    #[arg(long)]
    pub skip_failed_hosts: bool,
}

impl PeersFlag {
    /// The change, with what this flag says.
    pub fn apply(self, change: Change) -> Change {
        Change { connect: ConnectOptions { peers: !self.no_peers, ..change.connect }, ..change }
    }
}

impl HostFlags {
    pub fn into_options(self) -> ConnectOptions {
        ConnectOptions {
            accept_new_host_keys: self.accept_new_host_keys,
            known_hosts: self.known_hosts,
            ssh_config: match self.ssh_config {
                None => ConfigFile::Home,
                Some(path) if path.as_os_str() == "none" => ConfigFile::None,
                Some(path) => ConfigFile::Named(path),
            },
            ask: ui::host_keys(),
            concurrency: self.concurrency.max(1),
            peers: false,
            spare: Spare::default(),
            stop: Stop::new(),
        }
    }
}
