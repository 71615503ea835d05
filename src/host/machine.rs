//! What the executor needs of a host: run a script as root, bring bytes there and back. One trait, so that the engine runs over
//! SSH, over a local shell in tests, and over simulated hosts for large plans.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};
use tokio::io::{AsyncRead, AsyncWrite};

use super::part::script::Places;
use crate::digest::Digest;

/// Bytes to and from a port.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A host that scripts can be run on, as root.
pub trait Machine: Send + Sync {
    /// The host's name in the cluster file.
    fn name(&self) -> &str;

    /// The address at which other hosts of the site reach this one; `None` where there is none that is known.
    fn peer_address(&self) -> Option<IpAddr> {
        None
    }

    /// Connects to a port of the host on the way on which the host itself is reached; `None` where this machine has a way
    /// of its own to it.
    fn detour<'a>(&'a self, _port: u16) -> BoxFuture<'a, Result<Option<Box<dyn Wire>>, MachineError>> {
        Box::pin(async { Ok(None) })
    }

    /// Runs a POSIX shell script as root; it arrives on the shell's standard input and so in no process list. The
    /// script's own standard input is empty, its locale is C.
    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>>;

    /// Writes `source` to `path` (root's, mode 0600) on the host, whatever was there before. Fails unless exactly
    /// `size` bytes arrived.
    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Writes the file at `path` on the host to `sink`, as it comes and with little of it in memory. Fails unless
    /// exactly `size` bytes arrived; what `sink` was given by then is the caller's to throw away. Returns the digest of
    /// what was written.
    fn download<'a>(
        &'a self,
        path: &'a str,
        size: u64,
        sink: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>>;
}

/// A shell script and how long it may take.
#[derive(Debug)]
pub struct Script {
    /// Secret, because scripts carry the content of files.
    text: SecretBox<Text>,
    pub timeout: Duration,
}

impl Script {
    /// A script that may take this long.
    pub fn new(text: impl Into<String>, timeout: Duration) -> Self {
        Self { text: SecretBox::new(Box::new(Text(text.into()))), timeout }
    }

    /// The text itself. Callers keep it out of logs and messages.
    pub fn expose(&self) -> &str {
        &self.text.expose_secret().0
    }

    /// The same for a text that calls commands which kk has installed, such as kubectl and etcdctl. sudo's own search path
    /// leaves out their folder on some distributions.
    pub fn calling(text: &str, timeout: Duration) -> Self {
        Self::new(format!("PATH={}\nexport PATH\n{text}", Places::default().path), timeout)
    }
}

/// A text that is overwritten when it goes. A type of its own, because what `secrecy` has for texts copies them to the size
/// that they need and overwrites them byte by byte, which for the scripts of hundreds of hosts takes more time than making
/// them.
struct Text(String);

impl Zeroize for Text {
    fn zeroize(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Nobody reads the zeros, and they are to be written all the same.
        std::hint::black_box(&bytes);
    }
}

/// What a script printed, bounded, and how it ended.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub status: i32,
    /// At most 4 MiB; more is an error of the session.
    pub stdout: String,
    /// The last 64 KiB.
    pub stderr: String,
}

/// Why a host could not do what was asked. Each carries the host's name.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error("{host}: cannot connect to {address}")]
    Connect {
        host: String,
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{host}: {message}")]
    Login {
        host: String,
        message: String,
        /// What a person can do about it.
        hint: Option<String>,
    },
    #[error("{host}: {message}")]
    HostKey { host: String, message: String, hint: Option<String> },
    #[error("{host}: {message}")]
    Sudo { host: String, message: String, hint: Option<String> },
    /// The jump hosts on the way are not to be found or passed.
    #[error("{host}: {message}")]
    Jump {
        host: String,
        /// With the name of the jump host.
        message: String,
        hint: Option<String>,
    },
    #[error("{host}: the connection was lost: {reason}")]
    Lost { host: String, reason: String },
    #[error("{host}: no answer within {} s", after.as_secs())]
    Timeout { host: String, after: Duration },
    #[error("{host}: writing {path} failed: {reason}")]
    Upload { host: String, path: String, reason: String },
    #[error("{host}: reading {path} failed: {reason}")]
    Download { host: String, path: String, reason: String },
    #[error("{host}: {message}")]
    Output { host: String, message: String },
}

impl MachineError {
    /// The error with its causes, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            text.push_str(&format!(": {source}"));
            cause = source.source();
        }
        text
    }

    /// What a person can do about it, where something is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Login { hint, .. }
            | Self::HostKey { hint, .. }
            | Self::Sudo { hint, .. }
            | Self::Jump { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}
