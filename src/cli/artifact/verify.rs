//! `kk artifact verify`

use std::path::PathBuf;

use crate::bundle::VerifyDepth;
use crate::bundle::parts::cut::numbers;
use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::{JobError, verify, verify_parts};
use crate::ui;

/// Check every byte of a bundle
///
/// Reads the whole file once, and names every entry that is not what the inventory says, with the images or the
/// component that it belongs to. With --key the signature is checked first, and a bundle that is not signed by one of
/// the keys, or by one that they vouch for, is not read any further.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Check SHA-256 digests as well as BLAKE3; slower where the processor has no instructions for it
    #[arg(long)]
    pub sha256: bool,
    /// Refuse the bundle unless this key signed it: a .pub file, several such lines, or allowed signers; may be repeated
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// Of a bundle that was split: check each part that is there by its own checksums, wherever the others are
    #[arg(long, conflicts_with = "keys")]
    pub parts: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let depth = if args.sha256 { VerifyDepth::Sha256 } else { VerifyDepth::Blake3 };
    if args.parts {
        return parts(&args, depth, &context);
    }
    let checked = verify::run(&args.bundle.artifact, &args.keys, depth, &context.events)?;
    if context.json() {
        return ui::print_json(&checked);
    }
    let mut text = format!(
        "{} is whole: {} components, {} images ({} blobs)\ndigest {}",
        checked.path.display(),
        checked.components,
        checked.images,
        checked.blobs,
        checked.digest,
    );
    if let Some(signer) = &checked.signer {
        text += &format!("\nsigned by {signer}");
        checked.endorsed_by.iter().rev().for_each(|by| text += &format!("\n  for which vouches {by}"));
    } else if checked.signed {
        text += "\nsigned; by whom, --key checks";
    }
    ui::print_line(&text)
}

fn parts(args: &Args, depth: VerifyDepth, context: &Context) -> Result<(), JobError> {
    let checked = verify_parts::run(&args.bundle.artifact, depth, &context.events)?;
    if context.json() {
        return ui::print_json(&checked);
    }
    let (whole, missing) = (numbers(&checked.whole), numbers(&checked.missing));
    let elsewhere = if missing.is_empty() { String::new() } else { format!("; not here: {missing}") };
    ui::print_line(&format!("whole: {whole} of {} parts of {}{elsewhere}", checked.count, checked.name))
}
