//! `kk cache list`

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, cache};
use crate::ui;

/// Show what the cache holds: sizes, last use, and what each file was used as
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let listing = cache::list()?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&listing),
        OutputFormat::Text => ui::print_line(&ui::cache(&listing)),
    }
}
