//! `kk host serve`

use std::net::IpAddr;
use std::path::PathBuf;

use crate::jobs::{JobError, peer};

/// Serve the files of a folder, by their digests, to other hosts; the token comes on standard input
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder with the files
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Address to listen on; the system chooses the port
    #[arg(long, value_name = "ADDRESS")]
    listen: IpAddr,
    /// File that the port is written to
    #[arg(long, value_name = "FILE")]
    tell: PathBuf,
}

pub fn run(args: Args) -> Result<(), JobError> {
    peer::serve(peer::ServeOptions { folder: args.folder, listen: args.listen, tell: args.tell })
}
