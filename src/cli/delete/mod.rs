//! `kk delete …`

mod cluster;
mod node;

use clap::Subcommand;

use crate::jobs::JobError;

/// Delete a cluster, or one of its nodes
#[derive(Subcommand, Debug)]
pub enum Command {
    Cluster(cluster::Args),
    Node(node::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Cluster(args) => cluster::run(args),
        Command::Node(args) => node::run(args),
    }
}
