//! `kk etcd backup`

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::hosts::LookFlags;
use crate::jobs::{JobError, etcd::backup};
use crate::ui;

/// Take a snapshot of etcd, and fetch it
///
/// One member that is well writes it to spec.etcd.backupDir on its host, where etcdutl verifies it. It is then fetched to
/// .kk/<cluster>/etcd-backups/ beside the cluster file, compared by SHA-256, and described by a JSON file beside it.
/// Whoever has a snapshot has every Secret of the cluster.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub look: LookFlags,
    /// Folder for the snapshot instead of .kk/<cluster>/etcd-backups/
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.look.output.output)?;
    let options =
        backup::Options { cluster_file: args.look.filename, to: args.to, connect: args.look.hosts.into_options() };
    let outcome = context.runtime.block_on(backup::run(options, context.events.clone()))?;
    match context.json() {
        true => ui::print_json(&outcome),
        false => ui::print_line(&ui::etcd_backup(&outcome)),
    }
}
