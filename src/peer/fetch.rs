//! The reader: one file from one server, checked while it arrives.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Token;
use super::message::{promised, read_head, request};
use crate::digest::{Digest, to_hex};

/// A packet that a firewall drops is known as lost after this: hosts of one site are milliseconds apart.
const SLOWEST_CONNECT: Duration = Duration::from_secs(5);
/// A server that has sent nothing for so long has failed.
const STALL: Duration = Duration::from_secs(30);
/// Bytes a second below which the operator's upload is the better way.
const SLOWEST: u64 = 1_000_000;
/// Bytes per read.
const CHUNK: usize = 1 << 20;

/// What to fetch.
pub struct Fetch {
    pub from: SocketAddr,
    pub token: Token,
    pub sha256: Digest,
    pub size: u64,
    /// Is there, whole and checked, or is not touched.
    pub to: PathBuf,
}

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{from} does not answer: {source}")]
    Connect { from: SocketAddr, source: io::Error },
    #[error("{from} ended early: {source}")]
    Read { from: SocketAddr, source: io::Error },
    #[error("{from} says: {said}")]
    Refused { from: SocketAddr, said: String },
    #[error("{from} has {promised} bytes of it, and {wanted} are wanted")]
    Size { from: SocketAddr, promised: u64, wanted: u64 },
    #[error("{from} is slower than {} MB/s", SLOWEST / 1_000_000)]
    Slow { from: SocketAddr },
    #[error("{from} sent sha256:{got}")]
    Digest { from: SocketAddr, got: String },
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// How long a file of this size may take.
pub fn longest(size: u64) -> Duration {
    Duration::from_secs(60 + size / SLOWEST)
}

/// Fetches a file. It is written beside its place and moved there when every byte has been checked; what came of a file that is
/// not the one that was asked for is removed.
pub fn fetch(wanted: &Fetch) -> Result<(), FetchError> {
    let from = wanted.from;
    let until = Instant::now() + longest(wanted.size);
    let failed = |source| FetchError::Connect { from, source };
    let mut stream = TcpStream::connect_timeout(&from, SLOWEST_CONNECT).map_err(failed)?;
    stream.set_read_timeout(Some(STALL)).map_err(failed)?;
    stream.set_write_timeout(Some(STALL)).map_err(failed)?;
    stream.write_all(request(&wanted.token, &wanted.sha256).as_bytes()).map_err(failed)?;
    let mut body = BufReader::new(stream);
    let head = read_head(&mut body, until).map_err(|source| FetchError::Read { from, source })?;
    match promised(&head).map_err(|said| FetchError::Refused { from, said })? {
        size if size == wanted.size => {}
        promised => return Err(FetchError::Size { from, promised, wanted: wanted.size }),
    }
    let part = part_of(&wanted.to);
    let written = receive(wanted, body.take(wanted.size), &part, until);
    let placed = written.and_then(|()| {
        std::fs::rename(&part, &wanted.to).map_err(|source| FetchError::Write { path: wanted.to.clone(), source })
    });
    if placed.is_err() {
        // It may not have been made at all.
        let _ = std::fs::remove_file(&part);
    }
    placed
}

fn receive(wanted: &Fetch, mut body: impl Read, part: &Path, until: Instant) -> Result<(), FetchError> {
    let from = wanted.from;
    let failed = |source| FetchError::Write { path: part.to_owned(), source };
    let mut file: File =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part).map_err(failed)?;
    // SHA-256 alone: it is what the inventory's digests are, and BLAKE3 beside it would take half as long again.
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let mut chunk = vec![0; CHUNK];
    let mut left = wanted.size;
    while left > 0 {
        let count = match body.read(&mut chunk) {
            Ok(0) => return Err(FetchError::Read { from, source: io::ErrorKind::UnexpectedEof.into() }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(FetchError::Read { from, source }),
        };
        let bytes = chunk.get(..count).unwrap_or_default();
        hash.update(bytes);
        file.write_all(bytes).map_err(failed)?;
        left = left.saturating_sub(count as u64);
        if Instant::now() > until {
            return Err(FetchError::Slow { from });
        }
    }
    let got = to_hex(hash.finish().as_ref());
    if got != wanted.sha256.hex() {
        return Err(FetchError::Digest { from, got });
    }
    Ok(())
}

fn part_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".kk-peer");
    PathBuf::from(name)
}
