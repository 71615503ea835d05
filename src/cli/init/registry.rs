//! `kk init registry`

use super::InitFlags;
use crate::cli::Context;
use crate::cli::create::cluster::tell;
use crate::cli::hosts::{ChangeFlags, PeersFlag};
use crate::jobs::{JobError, init};

/// Install the registry on the hosts of role registry, and nothing more
///
/// Their operating systems, certificates, the registry itself, until it answers; other hosts are not reached, unless the
/// cluster stands. kk create cluster finds all of that done. Safe to run again.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: InitFlags,
    /// Push the bundle's images too; kk artifact images push and kk create cluster do so later
    #[arg(long)]
    push_images: bool,
    #[command(flatten)]
    peers: PeersFlag,
    #[command(flatten)]
    change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let change = args.peers.apply(args.change.into_change());
    let options = args.what.into_options(args.push_images, false, change);
    let outcome = context.runtime.block_on(init::registry(options, context.events.clone()))?;
    tell(&context, init::REGISTRY, &outcome)
}
