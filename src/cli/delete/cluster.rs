//! `kk delete cluster`

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::hosts::ChangeFlags;
use crate::event::Event;
use crate::jobs::{JobError, delete_cluster};
use crate::ui;

/// Undo kk create cluster: stop and remove everything that kk installed
///
/// The hosts are left fit for another create. What is removed is listed, and asked about, first.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// Also remove the registry with its images, and the snapshots of etcd
    #[arg(short = 'A', long)]
    pub all: bool,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options =
        delete_cluster::Options { cluster_file: args.filename, all: args.all, change: args.change.into_change() };
    let outcome = context.runtime.block_on(delete_cluster::run(options, context.events.clone()))?;
    let Some(run) = &outcome.run else { return ui::print_line(outcome.text.trim_end()) };
    let message = ui::summary("delete cluster", run.hosts.len(), run.changed, run.seconds);
    context.events.emit(Event::Note { message });
    Ok(())
}
