//! `kk history`

mod show;

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, history};
use crate::ui;

/// List what was run on a cluster: when, which command, from which bundle, and how it ended
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    pub filename: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputFlag,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Show(show::Args),
}

pub fn run(args: Args) -> Result<(), JobError> {
    let file = match (args.command, args.filename) {
        (Some(Command::Show(args)), _) => return show::run(args),
        (None, file) => file.unwrap_or_default(),
    };
    let runs = history::list(&file)?;
    match args.output.output {
        OutputFormat::Json => runs.iter().try_for_each(ui::print_json),
        OutputFormat::Text => ui::print_line(&ui::history(&runs)),
    }
}
