//! The server: what lies in one folder, under its digests, for those who know the token.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Token;
use super::message::{NOT_FOUND, asked, found, read_head};

/// More connections at a time are closed unheard. The run that started the server sends it fewer readers than this.
const MOST_CONNECTIONS: usize = 8;
/// How long a reader may take to say what it wants.
const SLOWEST_HEAD: Duration = Duration::from_secs(10);
/// A reader that has taken nothing for so long is gone.
const STALL: Duration = Duration::from_secs(60);
/// How often it is looked whether somebody has connected: the listener has no other end than its idle one.
const LOOK: Duration = Duration::from_millis(20);

/// What is served, and where.
pub struct Serve {
    /// Holds files whose names are their digests, 64 hex digits.
    pub folder: PathBuf,
    pub listen: IpAddr,
    pub token: Token,
    /// Ends when nobody has wanted anything for so long.
    pub idle: Duration,
}

/// Serves on a port that the system chooses, and tells it, until nobody has wanted anything for long.
pub fn serve(options: Serve, told: impl FnOnce(SocketAddr) -> io::Result<()>) -> io::Result<()> {
    let listener = TcpListener::bind((options.listen, 0))?;
    listener.set_nonblocking(true)?;
    told(listener.local_addr()?)?;
    let options = Arc::new(options);
    // Each connection holds one more count of this.
    let open = Arc::new(());
    let mut latest = Instant::now();
    while latest.elapsed() < options.idle {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Arc::strong_count(&open) > 1 {
                    latest = Instant::now();
                }
                std::thread::sleep(LOOK);
                continue;
            }
            // A connection that ended before it was accepted, or a lack of descriptors that passes.
            Err(_) => {
                std::thread::sleep(LOOK);
                continue;
            }
        };
        if Arc::strong_count(&open) > MOST_CONNECTIONS {
            continue;
        }
        latest = Instant::now();
        let (options, open) = (options.clone(), open.clone());
        std::thread::Builder::new().spawn(move || {
            // The reader sees that its file is not whole; nobody reads what a server on a host would say of it.
            let _ = answer(stream, &options.folder, &options.token);
            drop(open);
        })?;
    }
    Ok(())
}

fn answer(stream: TcpStream, folder: &Path, token: &Token) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SLOWEST_HEAD))?;
    stream.set_write_timeout(Some(STALL))?;
    let head = read_head(&mut BufReader::new(&stream), Instant::now() + SLOWEST_HEAD)?;
    let file = wanted(&head, folder, token);
    let mut stream = stream;
    match file {
        Some((mut file, size)) => {
            stream.write_all(found(size).as_bytes())?;
            // From file to socket inside the kernel.
            io::copy(&mut file, &mut stream).map(drop)
        }
        None => stream.write_all(NOT_FOUND.as_bytes()),
    }
}

fn wanted(head: &[u8], folder: &Path, token: &Token) -> Option<(File, u64)> {
    let digest = asked(head, token)?;
    let file = File::open(folder.join(digest.hex())).ok()?;
    let size = file.metadata().ok()?.len();
    Some((file, size))
}
