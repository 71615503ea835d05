//! The way to a host: what its cluster file says, what `~/.ssh/config` adds, and the jump hosts between. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::{Called, Settings, SshConfig, Tokens, expand};
use super::target::Target;
use crate::cluster::proxy_jump::{self, Hop, MOST_HOPS};
use crate::cluster::{Cluster, Host};
use crate::host::MachineError;

/// What the ways to all hosts of a site are found from.
#[derive(Clone, Copy)]
pub struct Routes<'a> {
    /// The hosts of the cluster file; a jump host may be one of them.
    pub hosts: &'a [Host],
    pub config: &'a SshConfig,
    /// Home of the user who runs kk, for `~`.
    pub home: Option<&'a Path>,
    /// Who runs kk: logs in to jump hosts for which no other user is named, as with ssh(1).
    pub user: Option<&'a str>,
}

/// A machine on a way, and the text that names the jump hosts before it.
struct Stop {
    target: Target,
    jump: Option<String>,
}

impl<'a> Routes<'a> {
    /// The ways to the hosts of a cluster.
    pub fn of(cluster: &'a Cluster, config: &'a SshConfig, home: Option<&'a Path>, user: Option<&'a str>) -> Self {
        Self { hosts: &cluster.spec.hosts, config, home, user }
    }

    /// Where a session to a host goes, and through what.
    pub fn target(&self, host: &Host) -> Result<Target, MachineError> {
        let stop = self.host(host);
        let way = self.way(&stop, 0).map_err(|message| MachineError::Jump {
            host: host.name.clone(),
            message,
            hint: Some("See proxyJump of the host in the cluster file, and ProxyJump in ~/.ssh/config.".into()),
        })?;
        Ok(Target { via: way, ..stop.target })
    }

    /// The jump hosts that are passed before a stop, from this machine on.
    fn way(&self, stop: &Stop, depth: usize) -> Result<Vec<Target>, String> {
        let text = stop.jump.as_deref().unwrap_or("none");
        if depth > MOST_HOPS {
            return Err(format!("the jump host {text} is itself behind jump hosts, and so on in a circle"));
        }
        let hops = proxy_jump::parse(text).map_err(|error| format!("{text:?} names no jump hosts: {error}"))?;
        let stops: Vec<Stop> = hops.iter().map(|hop| self.hop(hop, stop.target.timeout)).collect();
        // A line for all hosts speaks of the jump host too, which is not behind itself.
        let own = |other: &Stop| (&other.target.address, other.target.port) == (&stop.target.address, stop.target.port);
        let Some(first) = stops.first().filter(|_| !stops.iter().any(own)) else { return Ok(Vec::new()) };
        let mut way = self.way(first, depth + 1)?;
        way.extend(stops.into_iter().map(|stop| stop.target));
        match way.len() > MOST_HOPS {
            true => Err(format!("there are more than {MOST_HOPS} jump hosts on the way through {text}")),
            false => Ok(way),
        }
    }

    fn host(&self, host: &Host) -> Stop {
        let written = Target::of(host, self.home);
        let settings = self.config.settings(Called {
            address: &written.address,
            name: Some(&host.name),
            address_open: host.address_left_out || host.address.is_empty(),
        });
        let address = settings.host_name.as_deref().and_then(|name| self.host_name(name, &written.address));
        let called = written.address.clone();
        let mut target = Target {
            address: address.unwrap_or(written.address),
            port: host.port.or(settings.port).unwrap_or(written.port),
            user: host.user.clone().or_else(|| settings.user.clone()).unwrap_or(written.user),
            ..written
        };
        if target.private_key.is_none() && target.private_key_path.is_none() {
            target.identity_files = self.identity_files(&settings, &target, &called);
        }
        Stop { target, jump: host.proxy_jump.clone().or(settings.proxy_jump) }
    }

    fn hop(&self, hop: &Hop, timeout: Duration) -> Stop {
        if let Some(host) = self.own_host(hop) {
            let mut stop = self.host(host);
            stop.target.port = hop.port.unwrap_or(stop.target.port);
            if let Some(user) = hop.user.as_ref().filter(|user| **user != stop.target.user) {
                stop.target.user = user.clone();
                // It is another user's.
                stop.target.password = None;
            }
            return stop;
        }
        let settings = self.config.settings(Called { address: &hop.host, name: None, address_open: false });
        let address = settings.host_name.as_deref().and_then(|name| self.host_name(name, &hop.host));
        let user = hop.user.as_deref().or(settings.user.as_deref()).or(self.user).unwrap_or("root");
        let mut target = Target {
            name: hop.host.clone(),
            address: address.unwrap_or_else(|| hop.host.clone()),
            port: hop.port.or(settings.port).unwrap_or(22),
            user: user.to_owned(),
            timeout,
            ..Target::default()
        };
        target.identity_files = self.identity_files(&settings, &target, &hop.host);
        Stop { target, jump: settings.proxy_jump }
    }

    /// The host of the cluster file that is meant: by its name, or by one of its addresses.
    fn own_host(&self, hop: &Hop) -> Option<&'a Host> {
        let at = |host: &&Host| {
            let same = |address: &str| !address.is_empty() && address.eq_ignore_ascii_case(&hop.host);
            (same(&host.address) || host.internal_address.split(',').any(|address| same(address.trim())))
                && hop.port.is_none_or(|port| port == host.port.unwrap_or(22))
        };
        let named = self.hosts.iter().find(|host| host.name == hop.host);
        named.or_else(|| self.hosts.iter().find(at))
    }

    fn host_name(&self, text: &str, called: &str) -> Option<String> {
        let tokens = Tokens { host: Some(called), name: Some(called), ..Tokens::default() };
        expand(text, tokens).filter(|name| !name.is_empty())
    }

    fn identity_files(&self, settings: &Settings, target: &Target, called: &str) -> Vec<PathBuf> {
        let tokens = Tokens {
            home: self.home.and_then(Path::to_str),
            host: Some(&target.address),
            name: Some(called),
            remote_user: Some(&target.user),
            local_user: self.user,
        };
        let paths = settings.identity_files.iter().filter(|path| !path.eq_ignore_ascii_case("none"));
        paths.filter_map(|path| expand(path, tokens)).map(PathBuf::from).collect()
    }
}

#[cfg(test)]
mod tests;
