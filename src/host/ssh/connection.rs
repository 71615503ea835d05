//! One SSH connection: transport, host key, and its channels.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use russh::ChannelOpenFailure;
use russh::client::{self, DisconnectReason, Handle};
use russh::keys::{PublicKey, PublicKeyOrCertificate};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::exec::Channel;
use super::failure::connect;
use super::host_key;
use super::known_hosts::{HostKeyPolicy, KnownHosts, KnownHostsError, Verdict};
use super::target::Target;
use super::transport::shake_hands;
use crate::host::{MachineError, Wire};

/// OpenSSH allows ten sessions on a connection; hardened hosts allow fewer.
const CHANNELS: usize = 8;
/// How often one channel may be refused before that is an error: after some 25 seconds, as a host that allows one session
/// is not free before the script ends that holds it, and a loaded one counts it for a while longer.
const MOST_REFUSALS: u32 = 40;

/// A connection whose host key has been judged.
pub(super) struct Connection {
    handle: Arc<Handle<Client>>,
    permits: Arc<Semaphore>,
    /// How many permits there are.
    limit: AtomicUsize,
    notes: Arc<Mutex<Notes>>,
    /// The connection to the jump host that this one runs through; it ends when nobody holds it.
    jump: Option<Arc<Connection>>,
    /// Its host, for messages.
    name: String,
}

/// A wire to a target, and the connection that it runs through where there is a jump host.
pub(super) struct Dialled {
    pub wire: Box<dyn Wire>,
    pub jump: Option<Arc<Connection>>,
}

/// Reaches the ports of targets; asked twice where a person was asked about a host key in between.
pub(super) trait Dial: Sync {
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Dialled, MachineError>>;
}

/// What the transport learns while it works, for messages.
#[derive(Default)]
struct Notes {
    /// The key that the server showed, and what the files say about it.
    shown: Option<(PublicKey, Result<Verdict, KnownHostsError>)>,
    /// Why the connection ended.
    end: Option<String>,
}

/// The handler that russh calls back.
pub(super) struct Client {
    known_hosts: Arc<KnownHosts>,
    address: String,
    port: u16,
    notes: Arc<Mutex<Notes>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let verdict = self.known_hosts.judge(&self.address, self.port, key);
        let trusted = match &verdict {
            Ok(Verdict::Known) => true,
            Ok(Verdict::Unknown) => matches!(self.known_hosts.policy(), HostKeyPolicy::AcceptNew),
            Ok(Verdict::Changed(_) | Verdict::Revoked(_)) | Err(_) => false,
        };
        if let Ok(mut notes) = self.notes.lock() {
            notes.shown = Some((key.clone(), verdict));
        }
        Ok(trusted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (text, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let said: String = info.message.chars().filter(|c| !c.is_control()).take(300).collect();
                (format!("the server said: {said}"), Ok(()))
            }
            DisconnectReason::Error(error) => {
                let text = match &error {
                    russh::Error::KeepaliveTimeout => "the host has not answered for 40 s".to_string(),
                    russh::Error::HUP | russh::Error::Disconnect => "the server closed it".to_string(),
                    error => error.to_string(),
                };
                (text, Err(error))
            }
        };
        if let Ok(mut notes) = self.notes.lock() {
            notes.end = Some(text);
        }
        result
    }
}

impl Connection {
    /// Connects and judges the host key; asks where the policy says so.
    pub async fn open(
        target: &Target,
        known_hosts: &Arc<KnownHosts>,
        dialler: &dyn Dial,
    ) -> Result<Self, MachineError> {
        match Self::attempt(target, known_hosts, dialler).await? {
            Attempt::Open(connection) => return Ok(connection),
            Attempt::Unknown(key) => host_key::ask(target, known_hosts, key).await?,
        }
        // A connection does not live for as long as a person may think, so a new one is made after the answer.
        match Self::attempt(target, known_hosts, dialler).await? {
            Attempt::Open(connection) => Ok(connection),
            Attempt::Unknown(_) => Err(host_key::refused(
                target,
                format!("{} showed one host key, and another when it was asked again", target.endpoint()),
                Some(
                    "Something between kk and the host answers in its place, or several hosts share the address."
                        .into(),
                ),
            )),
        }
    }

    async fn attempt(
        target: &Target,
        known_hosts: &Arc<KnownHosts>,
        dialler: &dyn Dial,
    ) -> Result<Attempt, MachineError> {
        let recorded = known_hosts
            .algorithms(&target.address, target.port)
            .map_err(|error| host_key::refused(target, error.to_string(), None))?;
        let notes = Arc::new(Mutex::new(Notes::default()));
        let client = Client {
            known_hosts: known_hosts.clone(),
            address: target.address.clone(),
            port: target.port,
            notes: notes.clone(),
        };
        let dialled = dialler.dial(target).await?;
        let opened = shake_hands(target, dialled.wire, &recorded, client).await;
        let open = |handle| Self::new(target, handle, notes.clone(), dialled.jump.clone());
        let shown = notes.lock().ok().and_then(|mut notes| notes.shown.take());
        match (opened, shown) {
            (opened, Some((key, Ok(Verdict::Unknown)))) => match (known_hosts.policy(), opened) {
                (HostKeyPolicy::AcceptNew, Ok(handle)) => {
                    host_key::learn(target, known_hosts, key).await?;
                    Ok(Attempt::Open(open(handle)))
                }
                (HostKeyPolicy::AcceptNew, Err(failure)) => Err(connect(target, failure)),
                (HostKeyPolicy::Ask(_) | HostKeyPolicy::Refuse, _) => Ok(Attempt::Unknown(key)),
            },
            (_, Some((key, Ok(Verdict::Changed(place))))) => Err(host_key::changed(target, &key, &place)),
            (_, Some((key, Ok(Verdict::Revoked(place))))) => Err(host_key::revoked(target, &key, &place)),
            (_, Some((_, Err(error)))) => Err(host_key::refused(target, error.to_string(), None)),
            (Ok(handle), _) => Ok(Attempt::Open(open(handle))),
            (Err(failure), _) => Err(connect(target, failure)),
        }
    }

    fn new(target: &Target, handle: Handle<Client>, notes: Arc<Mutex<Notes>>, jump: Option<Arc<Connection>>) -> Self {
        Self {
            handle: Arc::new(handle),
            permits: Arc::new(Semaphore::new(CHANNELS)),
            limit: AtomicUsize::new(CHANNELS),
            notes,
            jump,
            name: target.name.clone(),
        }
    }

    /// For login; `None` once channels have been opened.
    pub fn handle_mut(&mut self) -> Option<&mut Handle<Client>> {
        Arc::get_mut(&mut self.handle)
    }

    /// For what is no channel of a command.
    pub fn handle(&self) -> &Handle<Client> {
        &self.handle
    }

    /// Whether the transport has ended.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Why the connection ended, as far as it is known. With a jump host's connection, those through it end.
    pub async fn end(&self) -> String {
        let mut text = self.own_end().await;
        let mut jump = self.jump.as_ref();
        while let Some(connection) = jump.filter(|connection| connection.is_closed()) {
            text = format!("the connection to the jump host {}: {}", connection.name, connection.own_end().await);
            jump = connection.jump.as_ref();
        }
        text
    }

    async fn own_end(&self) -> String {
        // The reason is noted just after the channels hear of the end.
        for _ in 0..20 {
            if let Some(end) = self.notes.lock().ok().and_then(|notes| notes.end.clone()) {
                return end;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        "the server closed it".to_string()
    }

    /// Opens a channel; waits while as many are open as the host allows.
    pub async fn channel(&self) -> Result<Channel, russh::Error> {
        let mut refusals = 0;
        loop {
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| russh::Error::Disconnect)?;
            let permit = match self.open_session(permit).await {
                Ok(channel) => return Ok(channel),
                Err((
                    russh::Error::ChannelOpenFailure(
                        ChannelOpenFailure::ConnectFailed | ChannelOpenFailure::ResourceShortage,
                    ),
                    Some(permit),
                )) if refusals < MOST_REFUSALS => permit,
                Err((error, _)) => return Err(error),
            };
            refusals += 1;
            // A session that just ended may still be counted; beyond that, this host allows fewer (MaxSessions), and
            // the session makes do with what it has.
            tokio::time::sleep(Duration::from_millis(20 << refusals.min(5))).await;
            let fewer = |limit: usize| (limit > 1).then(|| limit - 1);
            if refusals > 1 && self.limit.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_ok() {
                permit.forget();
            }
        }
    }

    /// Asks for a session, in a task of its own: where the caller gives up before the server has answered, the session
    /// that it opens is closed all the same. Nobody would know of it otherwise, and on a host that allows one, none
    /// would be had again.
    async fn open_session(
        &self,
        permit: OwnedSemaphorePermit,
    ) -> Result<Channel, (russh::Error, Option<OwnedSemaphorePermit>)> {
        let handle = self.handle.clone();
        let opening = tokio::spawn(async move {
            match handle.channel_open_session().await {
                Ok(channel) => Ok(Channel::new(channel, permit)),
                Err(error) => Err((error, Some(permit))),
            }
        });
        opening.await.unwrap_or(Err((russh::Error::Disconnect, None)))
    }
}

enum Attempt {
    Open(Connection),
    Unknown(PublicKey),
}
