//! `kk certs …`

mod check_expiration;
mod renew;
mod rotate_ca;

use clap::Subcommand;

use crate::jobs::JobError;

/// See how long certificates are valid, and renew them
#[derive(Subcommand, Debug)]
pub enum Command {
    CheckExpiration(check_expiration::Args),
    Renew(renew::Args),
    RotateCa(rotate_ca::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::CheckExpiration(args) => check_expiration::run(args),
        Command::Renew(args) => renew::run(args),
        Command::RotateCa(args) => rotate_ca::run(args),
    }
}
