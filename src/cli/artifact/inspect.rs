//! `kk artifact inspect`

use std::path::PathBuf;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, inspect};
use crate::ui;

/// Show what a bundle holds
///
/// Reads its inventory alone, however large the bundle is. With --output json the inventory is printed as it is.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Bundle made by kk artifact export
    #[arg(short = 'a', long, value_name = "FILE")]
    pub artifact: PathBuf,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let contents = inspect::run(&args.artifact)?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&contents.inventory),
        OutputFormat::Text => ui::print_line(&ui::contents(&contents)),
    }
}
