//! `kk add nodes`

use crate::cli::create::cluster::{Args as InstallArgs, install};
use crate::jobs::JobError;
use crate::jobs::create_cluster::Verb;

/// Let hosts join that are new in the cluster file
///
/// Workers, control planes and members of etcd. The hosts that are part of the cluster are told of them one by one, and
/// are changed only where they must know. Safe to run again: a run that was interrupted is continued.
// Without a group of its own: both structs are called alike, and groups are named by them.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    install: InstallArgs,
}

pub fn run(args: Args) -> Result<(), JobError> {
    install(Verb::AddNodes, args.install)
}
