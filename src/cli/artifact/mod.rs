//! `kk artifact …`: the file that crosses the gap.

use clap::Subcommand;

use crate::jobs::JobError;

/// Make, check and look into bundles
#[derive(Subcommand, Debug)]
pub enum Command {}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {}
}
