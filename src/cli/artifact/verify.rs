//! `kk artifact verify`

use crate::bundle::VerifyDepth;
use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::{JobError, verify};
use crate::ui;

/// Check every byte of a bundle
///
/// Reads the whole file once, and names every entry that is not what the inventory says, with the images or the
/// component that it belongs to.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Check SHA-256 digests as well as BLAKE3; slower where the processor has no instructions for it
    #[arg(long)]
    pub sha256: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let depth = if args.sha256 { VerifyDepth::Sha256 } else { VerifyDepth::Blake3 };
    let checked = verify::run(&args.bundle.artifact, depth, &context.events)?;
    if context.json() {
        return ui::print_json(&checked);
    }
    ui::print_line(&format!(
        "{} is whole: {} components, {} images ({} blobs)\ndigest {}",
        checked.path.display(),
        checked.components,
        checked.images,
        checked.blobs,
        checked.digest,
    ))
}
