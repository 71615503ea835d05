//! `kk etcd status`

use crate::cli::Context;
use crate::cli::hosts::LookFlags;
use crate::jobs::{JobError, etcd::status};
use crate::ui;

/// Show how every member of etcd is
///
/// Each member's own host is asked: version, leader, size, raft, alarms, and the newest snapshot on its disk. A host that
/// cannot be reached is a line of the table. Not all well: exit code 9, for monitoring.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub look: LookFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.look.output.output)?;
    let options = status::Options { cluster_file: args.look.filename, connect: args.look.hosts.into_options() };
    let report = context.runtime.block_on(status::run(&options))?;
    match context.json() {
        true => ui::print_json(&report)?,
        false => ui::print_line(&ui::etcd_members(&report))?,
    }
    status::verdict(&report)
}
