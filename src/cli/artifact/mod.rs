//! `kk artifact …`: the file that crosses the gap.

mod export;
mod inspect;
mod verify;

use clap::Subcommand;

use crate::jobs::JobError;

/// Make, check and look into bundles
#[derive(Subcommand, Debug)]
pub enum Command {
    Export(export::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Export(args) => export::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
