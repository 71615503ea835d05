//! `kk artifact sbom`

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::{ArtifactFlag, Context, OutputFormat};
use crate::jobs::{JobError, sbom};
use crate::sbom::Depth;
use crate::ui;

/// Show what is inside a bundle and inside its images, as a CycloneDX document
///
/// Checks the bundle and prints the bill of materials that it carries: every component, image, chart and file by
/// digest, and the packages inside images where kk artifact export was asked to read them. With --recompute one is
/// made from the bundle's content, whatever it carries.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// File to write, in place of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Make it anew: from the layers of all images, or from the inventory alone
    #[arg(long, value_enum, value_name = "DEPTH", num_args = 0..=1, require_equals = true, default_missing_value = "packages")]
    pub recompute: Option<SbomDepth>,
}

/// How much a bill of materials tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SbomDepth {
    /// Everything that the bundle holds, and the packages inside its images; every layer is decompressed
    Packages,
    /// Everything that the bundle holds
    Images,
}

impl From<SbomDepth> for Depth {
    fn from(depth: SbomDepth) -> Self {
        match depth {
            SbomDepth::Packages => Self::Packages,
            SbomDepth::Images => Self::Images,
        }
    }
}

pub fn run(args: Args) -> Result<(), JobError> {
    // Events go to standard error: standard output is the document's.
    let context = Context::new(OutputFormat::Text)?;
    let depth = args.recompute.map(Depth::from);
    let document = context.runtime.block_on(sbom::run(&args.bundle.artifact, depth, &context.events))?;
    match args.output {
        Some(path) => sbom::write_whole(&path, &document),
        None => ui::print_bytes(&document),
    }
}
