//! `kk host serve` and `kk host fetch`: the two ends of a file's way from host to host.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{JobError, Kind};
use crate::digest::Digest;
use crate::peer::{self, Fetch, Serve, Token};

/// A server whose run is silent for so long is given up: the run's connection ends it sooner in every case but one, where
/// the operator's machine is gone and the host has not heard of it.
const IDLE: Duration = Duration::from_secs(3600);

/// What `serve` was asked to do.
pub struct ServeOptions {
    pub folder: PathBuf,
    pub listen: IpAddr,
    /// The port is written here once the server answers.
    pub tell: PathBuf,
}

/// What `fetch` was asked to do.
pub struct FetchOptions {
    pub from: SocketAddr,
    /// 64 hex digits.
    pub sha256: String,
    pub size: u64,
    pub to: PathBuf,
}

/// Serves until nobody has wanted anything for long.
pub fn serve(options: ServeOptions) -> Result<(), JobError> {
    let token = token()?;
    let tell = |address: SocketAddr| {
        let new = options.tell.with_extension("new");
        std::fs::write(&new, format!("{}\n", address.port()))?;
        std::fs::rename(&new, &options.tell)
    };
    let what = Serve { folder: options.folder, listen: options.listen, token, idle: IDLE };
    peer::serve(what, tell).map_err(|source| JobError::new(Kind::Host, "cannot serve").because(source))
}

/// Fetches one file.
pub fn fetch(options: FetchOptions) -> Result<(), JobError> {
    let sha256 = Digest::from_hex(&options.sha256)
        .map_err(|source| JobError::new(Kind::Usage, "--sha256 is no digest").because(source))?;
    let wanted = Fetch { from: options.from, token: token()?, sha256, size: options.size, to: options.to };
    peer::fetch(&wanted).map_err(|source| JobError::new(Kind::Host, "cannot fetch").because(source))
}

fn token() -> Result<Token, JobError> {
    Token::read(io::stdin().lock()).map_err(|source| JobError::new(Kind::Usage, "no token is given").because(source))
}
