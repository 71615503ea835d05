//! `kk manifest …`: what is to be carried.

mod lock;

use clap::Subcommand;

use crate::jobs::JobError;

/// Work with manifests
#[derive(Subcommand, Debug)]
pub enum Command {
    Lock(lock::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Lock(args) => lock::run(args),
    }
}
