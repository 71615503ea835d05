//! `kk artifact …`: the file that crosses the gap.

mod check;
mod diff;
mod export;
mod images;
mod import;
mod inspect;
mod join;
mod sbom;
mod serve;
mod sign;
mod split;
mod store;
mod verify;

use clap::Subcommand;

pub(super) use export::executable;

use crate::jobs::JobError;

/// Make, check and look into bundles
#[derive(Subcommand, Debug)]
pub enum Command {
    Check(check::Args),
    Diff(diff::Args),
    Export(export::Args),
    Import(import::Args),
    #[command(subcommand, alias = "image")]
    Images(images::Command),
    Inspect(inspect::Args),
    Join(join::Args),
    Sbom(sbom::Args),
    Serve(serve::Args),
    Sign(sign::Args),
    Split(split::Args),
    #[command(subcommand)]
    Store(store::Command),
    Verify(verify::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Check(args) => check::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
        Command::Images(command) => images::run(command),
        Command::Inspect(args) => inspect::run(args),
        Command::Join(args) => join::run(args),
        Command::Sbom(args) => sbom::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Sign(args) => sign::run(args),
        Command::Split(args) => split::run(args),
        Command::Store(command) => store::run(command),
        Command::Verify(args) => verify::run(args),
    }
}
