//! `kk history show`

use std::path::PathBuf;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, history};
use crate::ui;

/// Show what each host did in one run, step by step, with what failed
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run's number in kk history
    pub run: u32,
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let run = history::show(&args.filename, args.run)?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&run),
        OutputFormat::Text => ui::print_line(&ui::run_shown(&run)),
    }
}
