//! `kk create …`

pub mod cluster;
mod config;
mod manifest;

use clap::Subcommand;

use crate::jobs::JobError;

/// Create a cluster, or a file to start from
#[derive(Subcommand, Debug)]
pub enum Command {
    Cluster(cluster::Args),
    Config(config::Args),
    Manifest(manifest::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Cluster(args) => cluster::run(args),
        Command::Config(args) => config::run(args),
        Command::Manifest(args) => manifest::run(args),
    }
}
