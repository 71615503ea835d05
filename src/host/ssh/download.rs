//! Fetching bytes from a host, as root.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::exec::{ExecError, Input, tail};
use super::session::Session;
use super::shell::frame;
use super::upload::{STALL, stalled};
use crate::digest::{Digest, Hasher};
use crate::host::{MachineError, quote};

/// Chunks that wait for the disk: of 32 KiB each, the largest packet of SSH.
const WAITING: usize = 16;

/// What a login shell may print before the file comes; more is no noise.
const LARGEST_NOISE: usize = 64 << 10;

/// Downloads for [`crate::host::Machine::download`].
///
/// The file comes through standard output behind a marker, as the output of every script does: what a login shell or
/// sudo print by themselves stands before it.
pub(super) async fn download(
    session: &Session,
    path: &str,
    size: u64,
    sink: Box<dyn Write + Send>,
) -> Result<Digest, MachineError> {
    let failed =
        |reason: String| MachineError::Download { host: session.target().name.clone(), path: path.to_string(), reason };
    if !path.starts_with('/') || path.contains(['\0', '\n']) {
        return Err(failed("it is not an absolute path".into()));
    }
    let marker = session.marker()?;
    let (live, channel) = session.channel().await?;
    let mut input = live.root.preamble();
    input.extend_from_slice(frame(&send(path, size), &marker).as_bytes());
    let (taker, chunks) = mpsc::channel(WAITING);
    let moved = Arc::new(AtomicU64::new(0));
    let counter = moved.clone();
    let writer = tokio::task::spawn_blocking(move || write(chunks, &marker, size, sink, &counter));
    let command = live.root.command(super::session::SHELL);
    let ended = tokio::select! {
        ended = channel.exec_into(&command, Input::Held(input), Some(&taker)) => ended,
        () = stalled(&moved) => return Err(failed(format!("nothing has moved for {} s", STALL.as_secs()))),
    };
    drop(taker);
    let written = writer.await.map_err(|error| failed(error.to_string()))?;
    match (ended, written) {
        // The host's own words are better than the count of what came.
        (Ok(finished), _) if finished.status != Some(0) => Err(failed(match tail(&finished.stderr).trim() {
            "" => format!("the command on the host ended with status {}", finished.status.unwrap_or(255)),
            said => said.lines().last().unwrap_or_default().to_string(),
        })),
        (Ok(_) | Err(ExecError::Unwanted), Err(error)) => Err(failed(error.to_string())),
        (Err(error), _) => Err(session.exec_failed(&live.connection, error).await),
        (Ok(_), Ok(digest)) => Ok(digest),
    }
}

/// A file that has another size by now is not sent at all.
fn send(path: &str, size: u64) -> String {
    format!(
        "p={}\n[ -f \"$p\" ] || {{ echo 'there is no such file' >&2; exit 1; }}\nn=$(stat -L -c %s -- \"$p\") || exit 1\n\
         [ \"$n\" = {size} ] || {{ echo \"it has $n bytes, and not {size}\" >&2; exit 1; }}\nexec cat -- \"$p\"",
        quote(path)
    )
}

/// Writes what comes behind the marker, on a thread for blocking work. Ends early when more comes than was announced:
/// the command then finds nobody who takes its output.
fn write(
    mut chunks: mpsc::Receiver<Bytes>,
    marker: &str,
    size: u64,
    mut sink: Box<dyn Write + Send>,
    moved: &AtomicU64,
) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut noise = Some(BytesMut::new());
    while let Some(chunk) = chunks.blocking_recv() {
        moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        let chunk = match &mut noise {
            None => chunk,
            Some(before) => {
                before.extend_from_slice(&chunk);
                let Some(rest) = behind(before, marker) else {
                    if before.len() > LARGEST_NOISE {
                        return Err(io::Error::other("the login shell prints too much"));
                    }
                    continue;
                };
                let rest = Bytes::copy_from_slice(rest);
                noise = None;
                rest
            }
        };
        if hasher.size() + chunk.len() as u64 > size {
            return Err(io::Error::other(format!("more than the {size} bytes that were announced came")));
        }
        hasher.update(&chunk);
        sink.write_all(&chunk)?;
    }
    sink.flush()?;
    match hasher.finish() {
        measured if measured.size == size => Ok(measured.sha256),
        measured => Err(io::Error::other(format!("{} of {size} bytes arrived", measured.size))),
    }
}

/// What stands behind the marker's line; `None` while that line has not come in full.
fn behind<'a>(output: &'a [u8], marker: &str) -> Option<&'a [u8]> {
    let line = [marker.as_bytes(), b"\n"].concat();
    let at = output.windows(line.len()).position(|window| window == line)?;
    output.get(at + line.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(chunks: &[&'static [u8]], size: u64) -> io::Result<Digest> {
        let (sender, receiver) = mpsc::channel(chunks.len().max(1));
        for chunk in chunks {
            sender.try_send(Bytes::from_static(chunk)).unwrap();
        }
        drop(sender);
        write(receiver, "mark", size, Box::new(io::sink()), &AtomicU64::new(0))
    }

    #[test]
    fn the_marker_may_be_cut_anywhere() {
        for chunks in [&[b"noise\nmark\nbytes".as_slice()][..], &[b"noise\nma", b"rk", b"\n", b"by", b"tes"]] {
            assert_eq!(fed(chunks, 5).unwrap(), Digest::of(b"bytes"));
        }
        assert_eq!(fed(&[b"mark\n\n"], 1).unwrap(), Digest::of(b"\n"));
    }

    #[test]
    fn no_byte_more_or_less_than_announced() {
        let told = [fed(&[b"mark\n1234"], 5), fed(&[b"mark\n1234", b"56"], 5), fed(&[b"no mark"], 5)]
            .map(|result| result.unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r"
        4 of 5 bytes arrived
        more than the 5 bytes that were announced came
        0 of 5 bytes arrived
        ");
    }
}
