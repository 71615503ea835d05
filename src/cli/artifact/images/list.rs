//! `kk artifact images list`

use super::ChosenImages;
use crate::cli::{ArtifactFlag, OutputFlag, OutputFormat};
use crate::jobs::JobError;
use crate::jobs::images::list;
use crate::ui;

/// List the images of a bundle
///
/// Reads its inventory alone. A size is that of all of an image's blobs; what images share counts for each.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    #[command(flatten)]
    pub chosen: ChosenImages,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let images = list::run(&args.bundle.artifact, &args.chosen.images)?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&images),
        OutputFormat::Text => ui::print_line(&ui::images(&images)),
    }
}
