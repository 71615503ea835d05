//! `kk artifact inspect`

use crate::cli::{ArtifactFlag, OutputFlag, OutputFormat};
use crate::jobs::{JobError, inspect};
use crate::ui;

/// Show what a bundle holds
///
/// Reads its inventory alone, however large the bundle is. With --output json the inventory is printed as it is.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let contents = inspect::run(&args.bundle.artifact)?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&contents.inventory),
        OutputFormat::Text => ui::print_line(&ui::contents(&contents)),
    }
}
