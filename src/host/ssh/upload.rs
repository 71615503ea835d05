//! Bringing bytes to a host, as root.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::exec::{ExecError, Finished, Input, tail};
use super::session::Session;
use super::sudo::Root;
use crate::host::{MachineError, quote};

/// Bytes per read.
const CHUNK: usize = 256 << 10;
/// A transfer that has not moved for so long has failed.
pub(super) const STALL: Duration = Duration::from_secs(180);

/// How long root may take to move a file, from one file system to another at worst.
const FETCH: Duration = Duration::from_secs(900);

/// Makes a folder for one file, and removes those that killed runs left a day ago or longer.
const STAGE: &str =
    "find /var/tmp -maxdepth 1 -name 'kk-upload.*' -user \"$(id -un)\" -mtime +0 -exec rm -rf {} + 2>/dev/null
mktemp -d /var/tmp/kk-upload.XXXXXXXX || mktemp -d";

/// Writes its standard input to `$1` if it is `$2` bytes long, by way of a file beside it. One line, no quotes that
/// any login shell would read differently. It outlives its connection for as long as it takes to clean up.
const RECEIVE: &str = r#"trap "" PIPE; LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/bin:/bin; p=$1; umask 022; mkdir -p "${p%/*}/" || exit 1; umask 077; t=$p.kk-part.$$; if cat >"$t"; then n=$(wc -c <"$t"); if [ "$n" -eq "$2" ]; then mv -fT "$t" "$p" && exit 0; else echo "$n of $2 bytes arrived" >&2; fi; fi; rm -f "$t"; exit 1"#;

/// Uploads for [`crate::host::Machine::upload`].
pub(super) async fn upload(
    session: &Session,
    source: Box<dyn Read + Send>,
    size: u64,
    path: &str,
) -> Result<(), MachineError> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains(['\0', '\n']) {
        return Err(failed(session, path, "it is not an absolute path of a file".into()));
    }
    let live = session.live().await?;
    if let Root::SudoWithPassword(_) = live.root {
        return staged(session, source, size, path).await;
    }
    let command = live.root.command(&receive(path, size));
    send(session, source, size, path, &command).await
}

/// With a password for sudo on standard input, the payload cannot come there too. So it goes to a folder of the user's
/// own, and root fetches it from there.
async fn staged(session: &Session, source: Box<dyn Read + Send>, size: u64, path: &str) -> Result<(), MachineError> {
    // /var/tmp is on disk, and most often on the file system that the file is meant for.
    let made = session.script_within(STAGE, false, STALL).await?;
    let folder = made.stdout.trim().to_string();
    if made.status != 0 || !folder.starts_with('/') {
        return Err(failed(session, path, format!("no temporary folder could be made: {}", made.stderr.trim())));
    }
    let staged = format!("{folder}/file");
    let sent = send(session, source, size, path, &receive(&staged, size)).await;
    let (folder, staged, target) = (quote(&folder), quote(&staged), quote(path));
    let fetch = match sent {
        // A file that is moved keeps the security label of the place that it came from.
        Ok(()) => format!(
            "p={target}\nmkdir -p \"${{p%/*}}/\" && chown root:root {staged} && chmod 600 {staged} && mv -fT {staged} \"$p\"\n\
             s=$?\nrm -rf {folder}\ncommand -v restorecon >/dev/null && restorecon -F \"$p\" 2>/dev/null\nexit $s"
        ),
        Err(_) => format!("rm -rf {folder}"),
    };
    let fetched = session.script_within(&fetch, true, FETCH).await;
    sent?;
    match fetched? {
        output if output.status == 0 => Ok(()),
        output => Err(failed(session, path, output.stderr.trim().to_string())),
    }
}

fn receive(path: &str, size: u64) -> String {
    format!("/bin/sh -c '{RECEIVE}' kk-upload {} {size}", quote(path))
}

/// Streams the source into a command and checks how that ended.
async fn send(
    session: &Session,
    source: Box<dyn Read + Send>,
    size: u64,
    path: &str,
    command: &str,
) -> Result<(), MachineError> {
    let (live, channel) = session.channel().await?;
    let (sender, receiver) = mpsc::channel(2);
    let moved = Arc::new(AtomicU64::new(0));
    let counter = moved.clone();
    tokio::task::spawn_blocking(move || pump(source, size, &sender, &counter));
    let result = tokio::select! {
        result = channel.exec(command, Input::Stream(receiver)) => result,
        () = stalled(&moved) => {
            return Err(failed(session, path, format!("nothing has moved for {} s", STALL.as_secs())));
        }
    };
    match result {
        Ok(Finished { status: Some(0), .. }) => Ok(()),
        Ok(finished) => {
            let said = tail(&finished.stderr);
            let reason = match (said.trim(), finished.signal) {
                ("", Some(signal)) => format!("the signal {signal} ended the command on the host"),
                ("", None) => format!("the command on the host ended with status {}", finished.status.unwrap_or(255)),
                (said, _) => said.to_string(),
            };
            Err(failed(session, path, reason))
        }
        Err(ExecError::Source(error)) => {
            Err(failed(session, path, format!("the bytes could not be read here: {error}")))
        }
        Err(error) => Err(session.exec_failed(&live.connection, error).await),
    }
}

/// Reads the source on a thread for blocking work. Ends when the receiver has gone.
fn pump(mut source: Box<dyn Read + Send>, size: u64, sender: &mpsc::Sender<io::Result<Bytes>>, moved: &AtomicU64) {
    let mut total = 0u64;
    loop {
        let mut chunk = vec![0; CHUNK];
        let mut filled = 0;
        let mut end = false;
        while filled < CHUNK && !end {
            match source.read(&mut chunk[filled..]) {
                Ok(0) => end = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let _ = sender.blocking_send(Err(error));
                    return;
                }
            }
        }
        total += filled as u64;
        if total > size || (end && total < size) {
            let error = io::Error::other(format!("{total} bytes are there where {size} were announced"));
            let _ = sender.blocking_send(Err(error));
            return;
        }
        chunk.truncate(filled);
        if filled > 0 && sender.blocking_send(Ok(Bytes::from(chunk))).is_err() {
            return;
        }
        moved.fetch_add(filled as u64 + 1, Ordering::Relaxed);
        if end {
            return;
        }
    }
}

/// Returns when the counter has stood still for [`STALL`].
pub(super) async fn stalled(moved: &AtomicU64) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(STALL).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

fn failed(session: &Session, path: &str, reason: String) -> MachineError {
    MachineError::Upload { host: session.target().name.clone(), path: path.to_string(), reason }
}
