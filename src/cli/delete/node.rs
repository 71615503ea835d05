//! `kk delete node`

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Context;
use crate::cli::hosts::ChangeFlags;
use crate::event::Event;
use crate::jobs::{JobError, delete_node};
use crate::ui;

/// Take one host out of its cluster: a worker, a control plane, a member of etcd
///
/// Its pods move elsewhere, etcd and Kubernetes forget it, everything of kk's is removed from it, and the other hosts
/// follow. Refused where etcd would lose its majority. Afterwards kk names the lines that leave the cluster file.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The host's name in the cluster file
    pub name: String,
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// How many seconds the pods may take to move elsewhere
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_drain: u64,
    /// Delete pods too that nothing would start again elsewhere
    #[arg(long)]
    pub force: bool,
    /// The host is gone for good and cannot be reached: do nothing on it
    #[arg(long)]
    pub gone: bool,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options = delete_node::Options {
        name: args.name,
        cluster_file: args.filename,
        drain: Duration::from_secs(args.timeout_drain),
        force: args.force,
        gone: args.gone,
        change: args.change.into_change(),
    };
    let outcome = context.runtime.block_on(delete_node::run(options, context.events.clone()))?;
    if let Some(run) = &outcome.run {
        let message = ui::summary("delete node", run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    ui::print_line(outcome.text.trim_end())
}
