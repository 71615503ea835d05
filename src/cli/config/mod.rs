//! `kk config …`

mod schema;
mod template;
mod view;

use clap::Subcommand;

use crate::jobs::JobError;

/// Show and describe cluster files and manifests
#[derive(Subcommand, Debug)]
pub enum Command {
    View(view::Args),
    Schema(schema::Args),
    Template(template::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::View(args) => view::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Template(args) => template::run(args),
    }
}
