//! A host over SSH, as the executor sees it.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Mutex;

use super::connection::Connection;
use super::exec::{Channel, ExecError, Finished, Input, tail};
use super::known_hosts::KnownHosts;
use super::options::Options;
use super::shell::{after_marker, frame};
use super::sudo::{Root, explain};
use super::target::Target;
use crate::host::{MachineError, Output, Wire};

/// The program that runs scripts. Nothing of a script is in its arguments.
pub(super) const SHELL: &str = "/bin/sh -s";

/// sudo may look its host's name up in a DNS that does not answer; longer than this it does not.
const SLOWEST_SUDO: Duration = Duration::from_secs(90);

/// One host over SSH. When the connection is lost, the call that needed it fails and the next one connects anew.
pub struct Session {
    target: Target,
    known_hosts: Arc<KnownHosts>,
    options: Options,
    current: Mutex<Option<Arc<Live>>>,
}

/// A connection that is logged in, and the way to root there.
pub(super) struct Live {
    pub connection: Connection,
    pub root: Root,
}

impl Session {
    /// Connects, checks the host key, logs in, and finds out how to become root.
    pub async fn connect(
        target: &Target,
        known_hosts: &Arc<KnownHosts>,
        options: &Options,
    ) -> Result<Self, MachineError> {
        let session = Self {
            target: target.clone(),
            known_hosts: known_hosts.clone(),
            options: options.clone(),
            current: Mutex::new(None),
        };
        session.live().await?;
        Ok(session)
    }

    /// The connection; a new one where there is none or the last one has ended.
    pub(super) async fn live(&self) -> Result<Arc<Live>, MachineError> {
        let mut current = self.current.lock().await;
        if let Some(live) = current.as_ref().filter(|live| !live.connection.is_closed()) {
            return Ok(live.clone());
        }
        *current = None;
        let connection = self.options.jumps.logged_in(&self.target, &self.known_hosts, self.options.lent()).await?;
        let root = tokio::time::timeout(SLOWEST_SUDO, self.probe_root(&connection))
            .await
            .unwrap_or_else(|_| Err(self.slow_sudo()))?;
        let live = Arc::new(Live { connection, root });
        *current = Some(live.clone());
        Ok(live)
    }

    /// Finds out whether root's shell is to be had without a password, and if not, whether with ours.
    async fn probe_root(&self, connection: &Connection) -> Result<Root, MachineError> {
        if self.target.user == "root" {
            return Ok(Root::Already);
        }
        let first = self.try_root(connection, Root::Sudo).await?;
        let (status, stderr) = match (first, &self.target.password) {
            (Ok(root), _) => return Ok(root),
            (Err((127, stderr)), _) => (127, stderr),
            (Err(_), Some(password)) => {
                match self.try_root(connection, Root::SudoWithPassword(password.clone())).await? {
                    Ok(root) => return Ok(root),
                    Err(refusal) => refusal,
                }
            }
            (Err(refusal), None) => refusal,
        };
        Err(self.sudo(status, &stderr))
    }

    /// Runs an empty script. Standard input ends after the password, so that a wrong one is tried once only and no
    /// script is taken for a password.
    async fn try_root(&self, connection: &Connection, root: Root) -> Result<Result<Root, (u32, String)>, MachineError> {
        let channel = match connection.channel().await {
            Ok(channel) => channel,
            Err(error) => return Err(self.no_channel(connection, error).await),
        };
        let finished = match channel.exec(&root.command(SHELL), Input::Once(root.preamble())).await {
            Ok(finished) => finished,
            Err(error) => return Err(self.exec_failed(connection, error).await),
        };
        Ok(match finished.status {
            Some(0) => Ok(root),
            status => Err((status.unwrap_or(255), tail(&finished.stderr))),
        })
    }

    /// Opens a channel. A connection that turns out to be dead before anything was sent is replaced once.
    pub(super) async fn channel(&self) -> Result<(Arc<Live>, Channel), MachineError> {
        let live = self.live().await?;
        match live.connection.channel().await {
            Ok(channel) => Ok((live, channel)),
            Err(_) if live.connection.is_closed() => {
                let live = self.live().await?;
                match live.connection.channel().await {
                    Ok(channel) => Ok((live, channel)),
                    Err(error) => Err(self.no_channel(&live.connection, error).await),
                }
            }
            Err(error) => Err(self.no_channel(&live.connection, error).await),
        }
    }

    /// Has the jump host before this host connect to another of its ports.
    pub(super) async fn detour_to(&self, port: u16) -> Result<Option<Box<dyn Wire>>, MachineError> {
        if self.target.via.is_empty() {
            return Ok(None);
        }
        let target = Target { port, ..self.target.clone() };
        let forward = self.options.jumps.forward(&target, &self.known_hosts, self.options.lent()).await?;
        Ok(Some(Box::new(forward)))
    }

    /// Runs a script; as root, or as the user who logged in. A script that takes longer than `limit` is ended; waiting
    /// for other scripts of the session does not count.
    pub(super) async fn script_within(
        &self,
        text: &str,
        as_root: bool,
        limit: Duration,
    ) -> Result<Output, MachineError> {
        let (live, channel) = self.channel().await?;
        tokio::time::timeout(limit, self.script(&live, channel, text, as_root))
            .await
            .unwrap_or_else(|_| Err(MachineError::Timeout { host: self.target.name.clone(), after: limit }))
    }

    async fn script(&self, live: &Live, channel: Channel, text: &str, as_root: bool) -> Result<Output, MachineError> {
        let marker = self.marker()?;
        let root = match as_root {
            true => live.root.clone(),
            false => Root::Already,
        };
        let mut input = root.preamble();
        input.extend_from_slice(frame(text, &marker).as_bytes());
        let finished = match channel.exec(&root.command(SHELL), Input::Held(input)).await {
            Ok(finished) => finished,
            Err(error) => return Err(self.exec_failed(&live.connection, error).await),
        };
        self.output(finished, &marker, &root)
    }

    fn output(&self, finished: Finished, marker: &str, root: &Root) -> Result<Output, MachineError> {
        let Some(stdout) = after_marker(&finished.stdout, marker) else {
            let stderr = tail(&finished.stderr);
            return Err(match root {
                Root::Already => self.failure(format!(
                    "the login shell of {} did not run a script: {}",
                    self.target.user,
                    stderr.trim()
                )),
                Root::Sudo | Root::SudoWithPassword(_) => self.sudo(finished.status.unwrap_or(255), &stderr),
            });
        };
        let Some(status) = finished.status else {
            return Err(self.failure(format!(
                "the script was ended by the signal {}; the kernel does so when memory runs out",
                finished.signal.unwrap_or_default()
            )));
        };
        let stderr = tail(after_marker(&finished.stderr, marker).unwrap_or(&finished.stderr));
        Ok(Output {
            status: i32::try_from(status).unwrap_or(i32::MAX),
            stdout: String::from_utf8_lossy(stdout).into_owned(),
            stderr,
        })
    }

    /// A word that nothing else prints.
    pub(super) fn marker(&self) -> Result<String, MachineError> {
        let mut bytes = [0; 12];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| self.failure("this machine gives no random numbers".into()))?;
        Ok(bytes.iter().fold(String::from("kk-begin-"), |text, byte| format!("{text}{byte:02x}")))
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn failure(&self, message: String) -> MachineError {
        MachineError::Output { host: self.target.name.clone(), message }
    }

    fn sudo(&self, status: u32, stderr: &str) -> MachineError {
        let refusal = explain(status, stderr, &self.target.user, self.target.password.is_some());
        MachineError::Sudo { host: self.target.name.clone(), message: refusal.message, hint: refusal.hint }
    }

    fn slow_sudo(&self) -> MachineError {
        MachineError::Sudo {
            host: self.target.name.clone(),
            message: format!("sudo did not answer within {} s", SLOWEST_SUDO.as_secs()),
            hint: Some(
                "sudo often waits for a name server that is out of reach; put a line with 127.0.1.1 and the host's \
                 name into its /etc/hosts."
                    .into(),
            ),
        }
    }

    async fn no_channel(&self, connection: &Connection, error: russh::Error) -> MachineError {
        match connection.is_closed() {
            true => self.lost(connection).await,
            false => self.failure(format!("the SSH server refuses another session: {error}")),
        }
    }

    pub(super) async fn exec_failed(&self, connection: &Connection, error: ExecError) -> MachineError {
        match error {
            ExecError::Gone => self.lost(connection).await,
            error => self.failure(error.to_string()),
        }
    }

    async fn lost(&self, connection: &Connection) -> MachineError {
        MachineError::Lost { host: self.target.name.clone(), reason: connection.end().await }
    }
}
