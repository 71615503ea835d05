//! `kk etcd …`

mod backup;
mod restore;
mod status;

use clap::Subcommand;

use crate::jobs::JobError;

/// Look at etcd, take snapshots of it, put one back
#[derive(Subcommand, Debug)]
pub enum Command {
    Backup(backup::Args),
    Restore(restore::Args),
    Status(status::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Status(args) => status::run(args),
    }
}
