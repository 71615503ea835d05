//! `kk add nodes`

use crate::cli::create::cluster::{InstallFlags, install};
use crate::cli::hosts::{ChangeFlags, PeersFlag};
use crate::jobs::JobError;
use crate::jobs::create_cluster::Verb;

/// Let hosts join that are new in the cluster file
///
/// Workers, control planes and members of etcd. The hosts that are part of the cluster are told of them one by one, and
/// are changed only where they must know. Safe to run again: a run that was interrupted is continued.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: InstallFlags,
    #[command(flatten)]
    peers: PeersFlag,
    #[command(flatten)]
    change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    install(Verb::AddNodes, args.what, args.peers, args.change)
}
