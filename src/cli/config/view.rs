//! `kk config view`

use std::path::PathBuf;

use crate::jobs::{JobError, view_config};
use crate::ui;

/// Show a cluster file or a manifest with every default filled in
///
/// Every secret is shown as ********. All errors of the file come at once, each with its line and column.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file or manifest
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: PathBuf,
}

pub fn run(args: Args) -> Result<(), JobError> {
    ui::print_line(view_config::run(&args.filename)?.trim_end())
}
