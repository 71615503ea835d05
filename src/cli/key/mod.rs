//! `kk key …`: who signs bundles, and whom sites trust.

mod endorse;
mod generate;
mod list;

use clap::Subcommand;

use crate::jobs::JobError;

/// Make keys that sign bundles, and pass trust from one to the next
#[derive(Subcommand, Debug)]
pub enum Command {
    Generate(generate::Args),
    Endorse(endorse::Args),
    List(list::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Generate(args) => generate::run(args),
        Command::Endorse(args) => endorse::run(args),
        Command::List(args) => list::run(args),
    }
}
