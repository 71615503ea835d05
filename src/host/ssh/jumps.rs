//! Connections to jump hosts: one to each, however many hosts are behind it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::ChannelOpenFailure;

use super::connection::{Connection, Dial, Dialled};
use super::failure::{ConnectFailure, connect};
use super::forward::Forward;
use super::known_hosts::KnownHosts;
use super::login::login;
use super::target::{Lent, Target};
use super::transport::tcp;
use crate::host::MachineError;

/// For so long a jump host that could not be reached is not tried again. Hundreds of hosts may wait for it, a few at a
/// time, and each would wait as long as the first.
const REMEMBERED: Duration = Duration::from_secs(1);

/// The address from which the forwarded connection says that it comes. Servers only log it.
const ORIGINATOR: &str = "127.0.0.1";

/// Jump hosts that are connected to. Clones share the connections; one that has ended is opened again for the next host
/// that is to be reached through it.
#[derive(Clone, Default)]
pub struct Jumps(Arc<Mutex<BTreeMap<Way, Arc<tokio::sync::Mutex<Slot>>>>>);

/// Users, addresses and ports of a jump host and of those before it.
type Way = Vec<(String, String, u16)>;

#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    failed: Option<(Instant, Failed)>,
}

/// Has a jump host connect to a target, in a task of its own: where the caller gives up before there is an answer, the
/// connection that comes of it is closed all the same.
async fn open_forward(connection: Arc<Connection>, target: &Target) -> Result<Forward, russh::Error> {
    let (address, port) = (target.address.clone(), u32::from(target.port));
    let opening = tokio::spawn(async move {
        let channel = connection.handle().channel_open_direct_tcpip(address, port, ORIGINATOR, 0).await?;
        Ok(Forward::new(channel.into_stream(), connection))
    });
    opening.await.unwrap_or(Err(russh::Error::Disconnect))
}

/// Why a jump host cannot be passed, for every host that is behind it.
#[derive(Clone)]
struct Failed {
    message: String,
    hint: Option<String>,
}

impl fmt::Debug for Jumps {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Jumps")
    }
}

/// Dials on the way that a target says.
struct Dialler<'a> {
    jumps: &'a Jumps,
    known_hosts: &'a Arc<KnownHosts>,
    lent: Lent<'a>,
}

impl Dial for Dialler<'_> {
    /// Behind a jump host, nothing of the target is looked up or asked from this machine.
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Dialled, MachineError>> {
        async move {
            if target.via.is_empty() {
                return Ok(Dialled { wire: Box::new(tcp(target).await?), jump: None });
            }
            let forward = self.jumps.forward(target, self.known_hosts, self.lent).await?;
            let jump = Some(forward.jump().clone());
            Ok(Dialled { wire: Box::new(forward), jump })
        }
        .boxed()
    }
}

impl Jumps {
    /// Connects to a target on its way, judges the host key, and logs in.
    pub(super) async fn logged_in(
        &self,
        target: &Target,
        known_hosts: &Arc<KnownHosts>,
        lent: Lent<'_>,
    ) -> Result<Connection, MachineError> {
        let mut connection = Connection::open(target, known_hosts, &Dialler { jumps: self, known_hosts, lent }).await?;
        let handle = connection.handle_mut().ok_or_else(|| {
            failed(target, Failed { message: "the connection is in use before the login".into(), hint: None })
        })?;
        login(handle, target, lent).await?;
        Ok(connection)
    }

    /// Has the last jump host before a target connect to it.
    pub(super) async fn forward(
        &self,
        target: &Target,
        known_hosts: &Arc<KnownHosts>,
        lent: Lent<'_>,
    ) -> Result<Forward, MachineError> {
        let jump = target.via.last().map(|hop| hop.name.clone()).unwrap_or_default();
        let mut second = false;
        loop {
            let connection = self.connection(target, known_hosts, lent).await?;
            let opened = tokio::time::timeout(target.timeout, open_forward(connection.clone(), target))
                .await
                .map_err(|_| connect(target, ConnectFailure::Silent { after: target.timeout }))?;
            let failure = match opened {
                Ok(forward) => return Ok(forward),
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
                    ConnectFailure::NotForwarded { jump }
                }
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)) => {
                    ConnectFailure::BehindJump { jump }
                }
                // It ended before anybody had noticed.
                Err(_) if connection.is_closed() && !second => {
                    second = true;
                    continue;
                }
                Err(source) => ConnectFailure::NoForward { jump, source },
            };
            return Err(connect(target, failure));
        }
    }

    /// The connection to the last jump host before a target. It goes through those before it, which are found here too.
    fn connection<'a>(
        &'a self,
        target: &'a Target,
        known_hosts: &'a Arc<KnownHosts>,
        lent: Lent<'a>,
    ) -> BoxFuture<'a, Result<Arc<Connection>, MachineError>> {
        async move {
            let Some((last, before)) = target.via.split_last() else {
                return Err(failed(target, Failed { message: "there is no jump host before it".into(), hint: None }));
            };
            let slot = self.slot(&target.via);
            let mut slot = slot.lock().await;
            if let Some(connection) = slot.connection.as_ref().filter(|connection| !connection.is_closed()) {
                return Ok(connection.clone());
            }
            slot.connection = None;
            if let Some((at, why)) = &slot.failed
                && at.elapsed() < REMEMBERED
            {
                return Err(failed(target, why.clone()));
            }
            let hop = Target { via: before.to_vec(), ..last.clone() };
            match self.logged_in(&hop, known_hosts, lent).await {
                Ok(connection) => {
                    let connection = Arc::new(connection);
                    *slot = Slot { connection: Some(connection.clone()), failed: None };
                    Ok(connection)
                }
                Err(error) => {
                    let why = Failed { message: format!("through {}", error.chain()), hint: hint(&error) };
                    slot.failed = Some((Instant::now(), why.clone()));
                    Err(failed(target, why))
                }
            }
        }
        .boxed()
    }

    fn slot(&self, via: &[Target]) -> Arc<tokio::sync::Mutex<Slot>> {
        let way: Way = via.iter().map(|hop| (hop.user.clone(), hop.address.clone(), hop.port)).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(way).or_default().clone()
    }
}

fn failed(target: &Target, why: Failed) -> MachineError {
    MachineError::Jump { host: target.name.clone(), message: why.message, hint: why.hint }
}

/// What can be done about it. A jump host need not be in the cluster file, of which the hints for logins speak.
fn hint(error: &MachineError) -> Option<String> {
    match error {
        MachineError::Login { host, .. } => Some(format!(
            "Logins at the jump host {host} use User and IdentityFile that ~/.ssh/config has for it, else the usual keys, \
             and the SSH agent; where it is a host of the cluster file, what stands there."
        )),
        error => error.hint().map(str::to_owned),
    }
}
