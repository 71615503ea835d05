//! One site: the folder beside the cluster file with its keys, known hosts and journal, and the sessions to its hosts.

use std::path::PathBuf;

/// How hosts are reached.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Trust unknown hosts the first time.
    pub accept_new_host_keys: bool,
    /// A known-hosts file besides the site's own.
    pub known_hosts: Option<PathBuf>,
    /// Hosts at once.
    pub concurrency: usize,
}
