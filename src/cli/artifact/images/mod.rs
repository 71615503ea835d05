//! `kk artifact images …`: the images of a bundle.

mod export;
mod list;
mod push;

use clap::Subcommand;

use crate::jobs::JobError;

/// List a bundle's images, push them to a registry, or write them for docker load
#[derive(Subcommand, Debug)]
pub enum Command {
    Export(export::Args),
    List(list::Args),
    Push(push::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Export(args) => export::run(args),
        Command::List(args) => list::run(args),
        Command::Push(args) => push::run(args),
    }
}

/// Which images are meant.
#[derive(clap::Args, Clone, Debug)]
pub struct ChosenImages {
    /// Images by the end of their names, or with * for anything: pause:3.10, 'registry.k8s.io/*'; all where none is named
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
}
