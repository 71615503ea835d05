//! `kk artifact images export`

use std::path::PathBuf;

use super::ChosenImages;
use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::JobError;
use crate::jobs::images::export;
use crate::{quantity, ui};

/// Write a bundle's images as a tar for docker load
///
/// Of one platform; nerdctl, podman, ctr and skopeo (docker-archive) read it too. The same images make the same bytes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    #[command(flatten)]
    pub chosen: ChosenImages,
    /// Tar to write
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    pub file: PathBuf,
    /// Platform, such as linux/arm64; needed where the bundle has several architectures
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
    /// Answer yes to every question: replace the tar if it exists
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let question = || format!("{} exists. Replace it?", args.file.display());
    let overwrite = args.yes || (args.file.is_file() && ui::can_ask() && ui::confirm(&question()));
    let options = export::Options {
        bundle: args.bundle.artifact,
        output: args.file,
        overwrite,
        images: args.chosen.images,
        platform: args.platform,
    };
    let exported = context.runtime.block_on(export::run(options, context.events.clone()))?;
    if context.json() {
        return ui::print_json(&exported);
    }
    let (path, size) = (exported.path.display(), quantity::bytes(exported.size));
    ui::print_line(&format!("{path}: {size}, {} images for {}", exported.images, exported.platform))
}
