//! `kk delete …`

mod cluster;

use clap::Subcommand;

use crate::jobs::JobError;

/// Delete a cluster
#[derive(Subcommand, Debug)]
pub enum Command {
    Cluster(cluster::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Cluster(args) => cluster::run(args),
    }
}
