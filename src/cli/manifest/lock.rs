//! `kk manifest lock`

use std::path::PathBuf;

use crate::cli::{Context, OutputFlag};
use crate::jobs::JobError;
use crate::jobs::export::{Inputs, lock};
use crate::ui;

/// Write the lock of a manifest, so that it can be reviewed before anything is exported
///
/// Every tag becomes a digest, every component and file a SHA-256 and a size. Images are not downloaded for that, nor is what
/// has a published checksum; of the rest the digest is taken from the download, which the cache keeps for the export.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Manifest file; the lock is written beside it
    #[arg(short = 'm', long, value_name = "FILE")]
    pub manifest: PathBuf,
    /// Resolve everything anew, whatever the lock beside the manifest says
    #[arg(long)]
    pub update_lock: bool,
    /// Write nothing; fail and tell the difference if upstream has something else now than the lock says
    #[arg(long, conflicts_with = "update_lock")]
    pub check: bool,
    /// How many downloads to run at once
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub concurrency: usize,
    /// Ask another place: HOST=URL for one host, '*=URL' for all; may be repeated
    #[arg(long = "mirror", value_name = "RULE", env = "KK_MIRROR")]
    pub mirrors: Vec<String>,
    /// Catalog of components to use in place of the built-in one
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// Carry this file as kk for an architecture, where the manifest names kk; may be repeated
    #[arg(long = "kk", value_name = "ARCH=PATH", value_parser = crate::cli::artifact::executable)]
    pub executables: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let inputs = Inputs {
        manifest: args.manifest,
        concurrency: args.concurrency,
        mirrors: args.mirrors,
        update_lock: args.update_lock,
        catalog: args.catalog,
        executables: args.executables.into_iter().collect(),
        cache: None,
    };
    let options = lock::Options { inputs, check: args.check };
    let outcome = context.runtime.block_on(lock::run(&options, &context.events))?;
    if context.json() {
        return ui::print_json(&outcome);
    }
    let state = match (args.check, outcome.changes.is_empty()) {
        (true, _) => "is what upstream has now",
        (false, true) => "is as it was",
        (false, false) => "is written",
    };
    let mut lines = outcome.changes;
    lines.push(format!(
        "{} {state}: {} components, {} images ({} blobs), {} files",
        outcome.path.display(),
        outcome.components,
        outcome.images,
        outcome.blobs,
        outcome.files,
    ));
    ui::print_line(&lines.join("\n"))
}
