//! `kk create cluster`

use std::path::PathBuf;

use crate::cli::hosts::{ChangeFlags, PeersFlag, SkipFlag};
use crate::cli::{ArtifactFlag, Context};
use crate::event::Event;
use crate::jobs::create_cluster::{self, Outcome, Verb};
use crate::jobs::{JobError, add_nodes, left_out};
use crate::ui;

/// Install a cluster from a bundle onto bare hosts
///
/// Safe to run again: what holds is left alone, and a run that was interrupted is continued.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub what: InstallFlags,
    #[command(flatten)]
    pub peers: PeersFlag,
    #[command(flatten)]
    pub change: ChangeFlags,
}

/// What is installed, and from what.
#[derive(clap::Args, Debug)]
pub struct InstallFlags {
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
    pub skip: SkipFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    install(Verb::CreateCluster, args.what, args.peers, args.change)
}

/// What `kk create cluster`, `kk add nodes` and `kk plan` share.
pub fn install(verb: Verb, what: InstallFlags, peers: PeersFlag, change: ChangeFlags) -> Result<(), JobError> {
    let context = Context::new(change.output.output)?;
    let options = create_cluster::Options {
        cluster_file: what.filename,
        bundle: what.bundle.artifact,
        push_images: !what.skip_push_images,
        allow_downgrade: what.allow_downgrade,
        skip_failed_hosts: what.skip.skip_failed_hosts,
        change: peers.apply(change.into_change()),
    };
    let events = context.events.clone();
    let outcome = match verb {
        Verb::CreateCluster => context.runtime.block_on(create_cluster::run(options, events)),
        Verb::AddNodes => context.runtime.block_on(add_nodes::run(options, events)),
    }?;
    tell(&context, verb.command(), &outcome)
}

/// Says what an installation changed, and what stands now.
pub fn tell(context: &Context, command: &str, outcome: &Outcome) -> Result<(), JobError> {
    if let Some(run) = &outcome.run {
        let message = ui::summary(command, run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    ui::print_line(outcome.text.trim_end())?;
    left_out::verdict(&outcome.left_out)
}
