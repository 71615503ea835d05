//! Where a session goes, and what logins there are lent.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::cluster::Host;

/// A host as SSH sees it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name in the cluster file; every message names the host so.
    pub name: String,
    /// Name or address.
    pub address: String,
    pub port: u16,
    /// The address among the hosts of the site.
    pub internal: Option<IpAddr>,
    /// Anyone but root needs sudo.
    pub user: String,
    /// For the login and for sudo.
    pub password: Option<SecretString>,
    /// A private key in OpenSSH's or one of the PEM formats.
    pub private_key: Option<SecretString>,
    /// A file with a private key.
    pub private_key_path: Option<PathBuf>,
    pub private_key_passphrase: Option<SecretString>,
    /// Files with private keys that `~/.ssh/config` names; those that exist and can be read are tried.
    pub identity_files: Vec<PathBuf>,
    /// The jump hosts that are passed, from this machine on; they are behind no others.
    pub via: Vec<Target>,
    /// How long connecting may take, and then again how long the login may take.
    pub timeout: Duration,
}

impl Default for Target {
    /// Nobody's: port 22, root, half a minute.
    fn default() -> Self {
        Self::of(&Host::default(), None)
    }
}

impl Target {
    /// What a cluster file says about a host, and nothing else. `~/` in the key's path is `home`.
    pub fn of(host: &Host, home: Option<&Path>) -> Self {
        Self {
            name: host.name.clone(),
            address: match host.address.is_empty() {
                true => host.internal_ipv4().to_string(),
                false => host.address.clone(),
            },
            port: host.port.unwrap_or(22),
            internal: host.internal_ipv4().parse().ok(),
            user: host.user.clone().unwrap_or_else(|| "root".into()),
            password: host.password.clone(),
            private_key: host.private_key.clone(),
            private_key_path: host.private_key_path.as_deref().filter(|path| !path.is_empty()).map(|path| {
                match (path.strip_prefix("~/"), home) {
                    (Some(rest), Some(home)) => home.join(rest),
                    _ => PathBuf::from(path),
                }
            }),
            private_key_passphrase: host.private_key_passphrase.clone(),
            identity_files: Vec::new(),
            via: Vec::new(),
            timeout: Duration::from_secs(host.timeout.max(1)),
        }
    }

    /// Address and port for people: `10.0.0.1:22`, `[fd00::1]:22`.
    pub fn endpoint(&self) -> String {
        match self.address.contains(':') {
            true => format!("[{}]:{}", self.address, self.port),
            false => format!("{}:{}", self.address, self.port),
        }
    }

    /// The same with the jump hosts before it: `10.0.0.1:22 through bastion`.
    pub fn endpoint_and_way(&self) -> String {
        match self.via.is_empty() {
            true => self.endpoint(),
            false => format!("{} through {}", self.endpoint(), self.way()),
        }
    }

    /// The names of the jump hosts: `outer, inner`.
    pub(super) fn way(&self) -> String {
        self.via.iter().map(|hop| hop.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// What the operator's machine lends to logins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent<'a> {
    /// Socket of an SSH agent.
    pub agent: Option<&'a Path>,
    /// Private keys for hosts that name neither a key nor a password.
    pub default_keys: &'a [PathBuf],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_a_cluster_file() {
        let host = Host {
            name: "node1".into(),
            internal_address: "10.0.0.1,fd00::1".into(),
            private_key_path: Some("~/.ssh/id".into()),
            timeout: 0,
            ..Host::default()
        };
        let target = Target::of(&host, Some(Path::new("/home/ann")));
        assert_eq!(target.address, "10.0.0.1");
        assert_eq!(target.endpoint(), "10.0.0.1:22");
        assert_eq!(target.internal, Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(target.private_key_path, Some(PathBuf::from("/home/ann/.ssh/id")));
        assert_eq!(target.timeout, Duration::from_secs(1));
    }
}
