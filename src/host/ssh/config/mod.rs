//! What `~/.ssh/config` says about hosts: the address behind a name, port, user, keys, jump hosts. Source of the format and
//! of its rules: ssh_config(5).
//!
//! Read are `Host` with its patterns, `Include`, and `Match all`; blocks under any other `Match` count for no host. Of a
//! setting the first value counts, and of `IdentityFile` all do.

mod lines;
mod load;
mod tokens;
mod words;

use std::path::{Path, PathBuf};

use lines::{Block, Condition, Entry};
pub(super) use tokens::{Tokens, expand};

use super::glob::glob_matches;

/// Keys of one host that are kept: a server ends the connection after fewer failures.
const MOST_KEYS: usize = 8;

/// A file of the user's, read; empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct SshConfig {
    blocks: Vec<Block>,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SshConfigError {
    #[error("cannot read the SSH configuration {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} line {line}: {reason}", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
}

/// What a host is called, for the patterns of `Host` lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called<'a> {
    /// What one would write behind `ssh`.
    pub address: &'a str,
    /// A second name.
    pub name: Option<&'a str>,
    /// Whether the second name may lead to another address too.
    pub address_open: bool,
}

/// What a file says about one host, before tokens such as `%h` are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub host_name: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub identity_files: Vec<String>,
    pub proxy_jump: Option<String>,
}

impl SshConfig {
    /// Reads a file that must be there. `home` is what `~` stands for.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self, SshConfigError> {
        load::Reader::read(path, home)
    }

    /// Reads `.ssh/config` in this home; where there is none, it says nothing.
    pub fn of_home(home: &Path) -> Result<Self, SshConfigError> {
        match Self::read(&home.join(".ssh/config"), Some(home)) {
            Err(SshConfigError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            read => read,
        }
    }

    /// What the file says about a host.
    pub(super) fn settings(&self, called: Called<'_>) -> Settings {
        let mut settings = Settings::default();
        for block in &self.blocks {
            let reach = block.conditions.iter().map(|condition| condition.reach(called)).min();
            let reach = reach.unwrap_or(Reach::Address);
            if reach == Reach::None {
                continue;
            }
            for entry in &block.entries {
                match entry {
                    Entry::HostName(name) if reach == Reach::Address || called.address_open => {
                        settings.host_name.get_or_insert_with(|| name.clone());
                    }
                    Entry::HostName(_) => {}
                    Entry::Port(port) => {
                        settings.port.get_or_insert(*port);
                    }
                    Entry::User(user) => {
                        settings.user.get_or_insert_with(|| user.clone());
                    }
                    Entry::ProxyJump(jump) => {
                        settings.proxy_jump.get_or_insert_with(|| jump.clone());
                    }
                    Entry::IdentityFile(path) => {
                        if settings.identity_files.len() < MOST_KEYS && !settings.identity_files.contains(path) {
                            settings.identity_files.push(path.clone());
                        }
                    }
                }
            }
        }
        settings
    }
}

/// How a block has come to speak of a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    None,
    /// It names the host's second name only.
    Name,
    Address,
}

impl Condition {
    fn reach(&self, called: Called<'_>) -> Reach {
        let Condition::Host(patterns) = self else { return Reach::None };
        let mut reach = Reach::None;
        for pattern in patterns.iter() {
            let (negated, pattern) = match pattern.strip_prefix('!') {
                Some(pattern) => (true, pattern),
                None => (false, pattern.as_str()),
            };
            let by_address = glob_matches(pattern, called.address);
            let by_name = called.name.is_some_and(|name| glob_matches(pattern, name));
            match (negated, by_address, by_name) {
                (_, false, false) => {}
                (true, _, _) => return Reach::None,
                (false, true, _) => reach = Reach::Address,
                (false, false, true) => reach = reach.max(Reach::Name),
            }
        }
        reach
    }
}

#[cfg(test)]
mod tests;
