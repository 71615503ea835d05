//! `kk cache …`: what exports keep for the next one.

mod list;
mod path;
mod prune;

use clap::Subcommand;

use crate::jobs::JobError;

/// See and prune what exports keep for the next one
#[derive(Subcommand, Debug)]
pub enum Command {
    #[command(visible_alias = "show")]
    List(list::Args),
    Prune(prune::Args),
    Path(path::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::List(args) => list::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Path(args) => path::run(args),
    }
}
