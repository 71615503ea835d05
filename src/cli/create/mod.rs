//! `kk create …`

mod cluster;

use clap::Subcommand;

use crate::jobs::JobError;

/// Create a cluster, or a file to start from
#[derive(Subcommand, Debug)]
pub enum Command {
    Cluster(cluster::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Cluster(args) => cluster::run(args),
    }
}
