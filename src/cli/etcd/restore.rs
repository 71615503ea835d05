//! `kk etcd restore`

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::hosts::ChangeFlags;
use crate::event::Event;
use crate::jobs::{JobError, etcd::restore};
use crate::ui;

/// Make every member of etcd anew from a snapshot
///
/// For a cluster whose members are lost or hold what they should not. All that has changed since the snapshot is lost.
/// The control plane stands still meanwhile; pods run on. The old data is moved aside on the hosts, and not removed. A
/// run that was interrupted is continued by running the command again with the same snapshot.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Snapshot, such as kk etcd backup has fetched
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: PathBuf,
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options =
        restore::Options { snapshot: args.snapshot, cluster_file: args.filename, change: args.change.into_change() };
    let outcome = context.runtime.block_on(restore::run(options, context.events.clone()))?;
    if let Some(run) = &outcome.run {
        let message = ui::summary("etcd restore", run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    ui::print_line(outcome.text.trim_end())
}
