//! A port of a host behind a jump host, as a Unix socket of this machine: for clients that can connect to nothing else.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::task::{JoinHandle, JoinSet};

use super::{Machine, MachineError};

/// Connections that are open at a time; those beyond wait to be accepted.
const MOST: usize = 64;

/// Bytes that are moved at a time.
const PIECE: usize = 64 << 10;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("no socket can be made for connections to {host}: {source}")]
    Socket { host: String, source: io::Error },
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// The socket, in a folder that nobody else may enter. It ends with this.
pub struct Relay {
    socket: PathBuf,
    task: JoinHandle<()>,
    /// Removed when dropped.
    _folder: tempfile::TempDir,
}

impl Relay {
    /// Listens where the host can only be reached through a jump host; `None` where no detour is needed. Whether the port
    /// answers is found out before.
    pub async fn open(machine: Arc<dyn Machine>, port: u16) -> Result<Option<Self>, RelayError> {
        if machine.detour(port).await?.is_none() {
            return Ok(None);
        }
        let failed = |source| RelayError::Socket { host: machine.name().to_owned(), source };
        let folder = tempfile::Builder::new()
            .prefix("kk-relay-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(failed)?;
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let task = tokio::spawn(serve(listener, machine.clone(), port));
        Ok(Some(Self { socket, task, _folder: folder }))
    }

    /// Path of the socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, machine: Arc<dyn Machine>, port: u16) {
    let mut open = JoinSet::new();
    // A socket that cannot be accepted from is of no more use; clients are told so by the system.
    while let Ok((mut client, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        if open.len() >= MOST {
            open.join_next().await;
        }
        let machine = machine.clone();
        open.spawn(async move {
            // Where there is no way any more, the client finds its connection closed, and knows how often to try again.
            if let Ok(Some(mut server)) = machine.detour(port).await {
                let _ = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, PIECE, PIECE).await;
            }
        });
    }
}
