//! `kk plan`

use std::path::PathBuf;

use crate::cli::OutputFlag;
use crate::cli::create::cluster::{InstallFlags, install};
use crate::cli::hosts::{ChangeFlags, HostFlags, PeersFlag};
use crate::jobs::JobError;
use crate::jobs::create_cluster::Verb;

/// Show what kk create cluster would change on which host, and change nothing
///
/// With --save it is kept in a file, and kk create cluster --plan FILE runs it if the site is as it was then. The other
/// commands that change hosts keep theirs with --save-plan.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: InstallFlags,
    /// Keep the plan in this file, for somebody to approve
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    hosts: HostFlags,
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let Args { what, save, hosts, output } = args;
    let change = ChangeFlags { dry_run: true, save_plan: save, plan: None, yes: false, hosts, output };
    // Nothing is brought to any host.
    install(Verb::CreateCluster, what, PeersFlag { no_peers: true }, change)
}
