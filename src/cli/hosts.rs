//! The flags of every command that reaches hosts.

use std::path::PathBuf;

use crate::cli::OutputFlag;
use crate::jobs::site::ConnectOptions;
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
    /// How many hosts to work on at once
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub concurrency: usize,
}

/// The flags of every command that changes hosts and can say beforehand what it would do.
#[derive(clap::Args, Clone, Debug)]
pub struct ChangeFlags {
    /// Print what would be done, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Answer yes to every question; checks that fail still stop the command
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

/// The flag of every command that brings files of a bundle to hosts.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct PeersFlag {
    /// Upload every file to every host from here, and let no host serve another
    #[arg(long)]
    pub no_peers: bool,
}

impl PeersFlag {
    /// The options for reaching hosts, with what this flag says.
    pub fn apply(self, options: ConnectOptions) -> ConnectOptions {
        ConnectOptions { peers: !self.no_peers, ..options }
    }
}

impl HostFlags {
    pub fn into_options(self) -> ConnectOptions {
        ConnectOptions {
            accept_new_host_keys: self.accept_new_host_keys,
            known_hosts: self.known_hosts,
            ask: ui::host_keys(),
            concurrency: self.concurrency.max(1),
            peers: false,
        }
    }
}
