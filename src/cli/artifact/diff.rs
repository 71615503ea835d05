//! `kk artifact diff`

use std::path::PathBuf;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, Kind, diff};
use crate::ui;

/// Show what changed from one bundle to another
///
/// Compares the two inventories alone, however large the bundles are: components, images, charts, packages and files
/// that were added, removed or changed; the bytes that came, went and stayed; and what a delta bundle would carry to a
/// site that has the old one.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Bundle that the site has; of one that was split, any of its parts or the folder they lie in
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Bundle that is to follow it
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// End with exit code 10 if the bundles differ
    #[arg(long)]
    pub exit_code: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let compared = diff::run(&args.old, &args.new)?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&compared)?,
        OutputFormat::Text => ui::print_line(&ui::changes(&compared))?,
    }
    if args.exit_code && !compared.diff.is_empty() {
        let message = format!("{} and {} differ", args.old.display(), args.new.display());
        return Err(JobError::new(Kind::Different, message));
    }
    Ok(())
}
