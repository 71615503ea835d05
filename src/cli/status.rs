//! `kk status`

use crate::cli::hosts::LookFlags;
use crate::cli::{Context, OutputFormat};
use crate::event;
use crate::jobs::{JobError, status};
use crate::ui;

/// Show how a cluster is: hosts, nodes, etcd, registry, certificates, disks, drift
///
/// Changes nothing, and asks each host over SSH. Ends with exit code 12 if something is not well.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub look: LookFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.look.output.output)?;
    let options = status::Options { cluster_file: args.look.filename, connect: args.look.hosts.into_options() };
    // The result is one JSON object, and nothing else is.
    let events = if context.json() { event::silent() } else { context.events.clone() };
    let found = context.runtime.block_on(status::run(&options, &events))?;
    match args.look.output.output {
        OutputFormat::Json => ui::print_json(&found)?,
        OutputFormat::Text => ui::print_line(&ui::status(&found))?,
    }
    status::verdict(&found)
}
