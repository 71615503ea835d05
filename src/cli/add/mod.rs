//! `kk add …`

mod nodes;

use clap::Subcommand;

use crate::jobs::JobError;

/// Add hosts to a cluster
#[derive(Subcommand, Debug)]
pub enum Command {
    Nodes(nodes::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Nodes(args) => nodes::run(args),
    }
}
