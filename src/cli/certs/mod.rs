//! `kk certs …`

mod check_expiration;
mod renew;

use clap::Subcommand;

use crate::jobs::JobError;

/// See how long certificates are valid, and renew them
#[derive(Subcommand, Debug)]
pub enum Command {
    CheckExpiration(check_expiration::Args),
    Renew(renew::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::CheckExpiration(args) => check_expiration::run(args),
        Command::Renew(args) => renew::run(args),
    }
}
