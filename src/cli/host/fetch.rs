//! `kk host fetch`

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::jobs::{JobError, peer};

/// Fetch one file from another host and check it while it arrives; the token comes on standard input
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the other host serves
    #[arg(long, value_name = "ADDRESS:PORT")]
    from: SocketAddr,
    /// SHA-256 of the file, 64 hex digits
    #[arg(long, value_name = "HEX")]
    sha256: String,
    /// Size of the file in bytes
    #[arg(long, value_name = "BYTES")]
    size: u64,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

pub fn run(args: Args) -> Result<(), JobError> {
    peer::fetch(peer::FetchOptions { from: args.from, sha256: args.sha256, size: args.size, to: args.to })
}
