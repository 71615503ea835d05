//! `kk upgrade`

mod plan;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::hosts::{ChangeFlags, PeersFlag, SkipFlag};
use crate::cli::{ArtifactFlag, Context};
use crate::event::Event;
use crate::jobs::{JobError, Kind, left_out, upgrade};
use crate::plan::upgrade::Soft;
use crate::ui;

/// Bring a cluster to the release of Kubernetes that its file names, minor by minor
///
/// From one bundle that holds every release on the way. Before each, the images are placed on all nodes and a snapshot
/// of etcd is fetched; then control planes one by one, then workers, each emptied first. A run that was interrupted, or
/// stopped at a host, is continued by the same command.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Cluster file; spec.kubernetes.version names the release to go to
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    filename: Option<PathBuf>,
    #[command(flatten)]
    bundle: ArtifactFlag,
    /// Leave the registry as it is: the images are there already
    #[arg(long)]
    skip_push_images: bool,
    /// Take a bundle of a lower release number than the site has accepted before
    #[arg(long)]
    allow_downgrade: bool,
    /// How many workers to empty at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    max_unavailable: u16,
    /// How many seconds the pods of a node may take to move elsewhere
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout_drain: u64,
    /// Delete pods too that nothing would start again elsewhere
    #[arg(long)]
    force: bool,
    /// Pass over a check
    #[arg(long, value_enum, value_name = "CHECK", value_delimiter = ',')]
    ignore: Vec<Check>,
    #[command(flatten)]
    skip: SkipFlag,
    #[command(flatten)]
    peers: PeersFlag,
    #[command(flatten)]
    change: ChangeFlags,
}

#[derive(Subcommand, Debug)]
enum Command {
    Plan(plan::Args),
}

/// Checks that may be passed over.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Check {
    /// Clients use versions of the API that the new release does not have
    RemovedApis,
    /// A PodDisruptionBudget lets no pod go
    Budgets,
    /// A certificate has expired
    Certificates,
}

impl From<Check> for Soft {
    fn from(check: Check) -> Self {
        match check {
            Check::RemovedApis => Self::RemovedApis,
            Check::Budgets => Self::Budgets,
            Check::Certificates => Self::Certificates,
        }
    }
}

pub fn run(args: Args) -> Result<(), JobError> {
    if let Some(Command::Plan(args)) = args.command {
        return plan::run(args);
    }
    let cluster_file = args.filename.ok_or_else(|| JobError::new(Kind::Usage, "name the cluster file with -f"))?;
    let context = Context::new(args.change.output.output)?;
    let options = upgrade::Options {
        cluster_file,
        bundle: args.bundle.artifact,
        push_images: !args.skip_push_images,
        allow_downgrade: args.allow_downgrade,
        max_unavailable: args.max_unavailable.into(),
        drain: Duration::from_secs(args.timeout_drain),
        force: args.force,
        skip_failed_hosts: args.skip.skip_failed_hosts,
        ignore: args.ignore.into_iter().map(Soft::from).collect(),
        change: args.peers.apply(args.change.into_change()),
    };
    let outcome = context.runtime.block_on(upgrade::run(options, context.events.clone()))?;
    if let Some(changed) = outcome.changed {
        let message = ui::summary("upgrade", outcome.hosts, changed, outcome.seconds);
        context.events.emit(Event::Note { message });
    }
    ui::print_line(outcome.text.trim_end())?;
    left_out::verdict(&outcome.left_out)
}
