//! `kk etcd backup`

use std::path::PathBuf;

use crate::cli::hosts::HostFlags;
use crate::cli::{Context, OutputFlag};
use crate::jobs::{JobError, etcd::backup};
use crate::ui;

/// Take a snapshot of etcd, and fetch it
///
/// One member that is well writes it to spec.etcd.backupDir on its host, where etcdutl verifies it. It is then fetched to
/// .kk/<cluster>/etcd-backups/ beside the cluster file, compared by SHA-256, and described by a JSON file beside it.
/// Whoever has a snapshot has every Secret of the cluster.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// Folder for the snapshot instead of .kk/<cluster>/etcd-backups/
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = backup::Options { cluster_file: args.filename, to: args.to, connect: args.hosts.into_options() };
    let outcome = context.runtime.block_on(backup::run(options, context.events.clone()))?;
    match context.json() {
        true => ui::print_json(&outcome),
        false => ui::print_line(&ui::etcd_backup(&outcome)),
    }
}
