//! `kk host …`: what a run calls on the hosts themselves. Hidden: nobody else calls it.

mod fetch;
mod serve;

use clap::Subcommand;

use crate::jobs::JobError;

/// Serve and fetch files among the hosts of a run; kk calls these on hosts by itself
#[derive(Subcommand, Debug)]
pub enum Command {
    Fetch(fetch::Args),
    Serve(serve::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Fetch(args) => fetch::run(args),
        Command::Serve(args) => serve::run(args),
    }
}
