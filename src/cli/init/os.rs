//! `kk init os`

use super::InitFlags;
use crate::cli::Context;
use crate::cli::create::cluster::tell;
use crate::cli::hosts::{ChangeFlags, SkipFlag};
use crate::jobs::{JobError, init};

/// Prepare the operating systems of all hosts, and nothing more
///
/// Names, /etc/hosts, kernel modules and settings, swap: what kk create cluster does before it brings anything to a host,
/// and then finds done. Safe to run again.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: InitFlags,
    #[command(flatten)]
    skip: SkipFlag,
    #[command(flatten)]
    change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options = args.what.into_options(false, args.skip.skip_failed_hosts, args.change.into_change());
    let outcome = context.runtime.block_on(init::os(options, context.events.clone()))?;
    tell(&context, init::OS, &outcome)
}
