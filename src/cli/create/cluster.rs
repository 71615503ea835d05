//! `kk create cluster`

use std::path::PathBuf;

use crate::cli::hosts::{ChangeFlags, PeersFlag};
use crate::cli::{ArtifactFlag, Context};
use crate::event::Event;
use crate::jobs::create_cluster::{self, Verb};
use crate::jobs::{JobError, add_nodes};
use crate::ui;

/// Install a cluster from a bundle onto bare hosts
///
/// Safe to run again: what holds is left alone, and a run that was interrupted is continued.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Do not push the bundle's images to the registry: they are there already
    #[arg(long)]
    pub skip_push_images: bool,
    /// Take a bundle of a lower release than this site has accepted before
    #[arg(long)]
    pub allow_downgrade: bool,
    #[command(flatten)]
    pub peers: PeersFlag,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    install(Verb::CreateCluster, args)
}

/// What `kk create cluster` and `kk add nodes` share: all of it but the name and who must be there already.
pub fn install(verb: Verb, args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options = create_cluster::Options {
        cluster_file: args.filename,
        bundle: args.bundle.artifact,
        push_images: !args.skip_push_images,
        allow_downgrade: args.allow_downgrade,
        dry_run: args.change.dry_run,
        confirm: ui::confirmation(args.change.yes),
        connect: args.peers.apply(args.change.hosts.into_options()),
    };
    let events = context.events.clone();
    let outcome = match verb {
        Verb::CreateCluster => context.runtime.block_on(create_cluster::run(options, events)),
        Verb::AddNodes => context.runtime.block_on(add_nodes::run(options, events)),
    }?;
    if let Some(run) = &outcome.run {
        let message = ui::summary(verb.command(), run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    ui::print_line(outcome.text.trim_end())
}
