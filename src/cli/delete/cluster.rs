//! `kk delete cluster`

use std::path::PathBuf;

use crate::cli::hosts::HostFlags;
use crate::cli::{Context, OutputFlag};
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
    /// Answer yes to every question; checks that fail still stop the command
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = delete_cluster::Options {
        cluster_file: args.filename,
        all: args.all,
        confirm: ui::confirmation(args.yes),
        connect: args.hosts.into_options(),
    };
    let outcome = context.runtime.block_on(delete_cluster::run(options, context.events.clone()))?;
    context.events.emit(Event::Note {
        message: ui::summary("delete cluster", outcome.hosts.len(), outcome.changed, outcome.seconds),
    });
    Ok(())
}
