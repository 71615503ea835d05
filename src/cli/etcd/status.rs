//! `kk etcd status`

use std::path::PathBuf;

use crate::cli::hosts::HostFlags;
use crate::cli::{Context, OutputFlag};
use crate::jobs::{JobError, etcd::status};
use crate::ui;

/// Show how every member of etcd is
///
/// Each member's own host is asked: version, leader, size, raft, alarms, and the newest snapshot on its disk. A host that
/// cannot be reached is a line of the table. Not all well: exit code 9, for monitoring.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub hosts: HostFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = status::Options { cluster_file: args.filename, connect: args.hosts.into_options() };
    let report = context.runtime.block_on(status::run(&options))?;
    match context.json() {
        true => ui::print_json(&report)?,
        false => ui::print_line(&ui::etcd_members(&report))?,
    }
    status::verdict(&report)
}
