//! `kk support-bundle`

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::hosts::LookFlags;
use crate::jobs::{JobError, support_bundle};
use crate::quantity::bytes;
use crate::ui;

/// Pack logs, states and configurations of all hosts into one archive, with secrets removed
///
/// For somebody who is not on site. Changes nothing; a host that cannot be reached is named in the archive. Passwords, keys
/// and tokens are taken out, but names, addresses and what programs have written to their logs are in it: look before
/// you hand it on.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub look: LookFlags,
    /// The archive to write [default: support-<cluster>-<time>.tar.gz in the present folder]
    #[arg(short = 'o', long = "archive", value_name = "FILE")]
    pub archive: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.look.output.output)?;
    let options = support_bundle::Options {
        cluster_file: args.look.filename,
        output: args.archive,
        connect: args.look.hosts.into_options(),
    };
    let packed = context.runtime.block_on(support_bundle::run(&options, &context.events))?;
    if context.json() {
        return ui::print_json(&serde_json::json!({
            "archive": packed.path, "files": packed.files, "bytes": packed.bytes, "missing": packed.missing,
        }));
    }
    for missing in &packed.missing {
        ui::print_line(&format!("not reached: {missing}"))?;
    }
    ui::print_line(&format!("{}: {} files, {}", packed.path.display(), packed.files, bytes(packed.bytes)))
}
