//! `kk artifact join`

use std::path::PathBuf;

use crate::cli::{ArtifactFlag, Context, OutputFormat};
use crate::jobs::{JobError, join};
use crate::{quantity, ui};

/// Make one file of a bundle's parts again
///
/// Seldom needed: every command reads parts where they lie. Each part is checked while it is copied.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// File to write; the bundle's own name in this folder unless named
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Answer yes to every question: replace the file if it exists
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.format)?;
    let options = join::Options { bundle: args.bundle.artifact, output: args.output, overwrite: args.yes };
    let joined = join::run(&options, &context.events)?;
    if context.json() {
        return ui::print_json(&joined);
    }
    ui::print_line(&format!(
        "{}: {} of {} parts, in {}\ndigest {}",
        joined.path.display(),
        quantity::bytes(joined.size),
        joined.parts,
        quantity::seconds(joined.seconds),
        joined.digest,
    ))
}
