//! `kk status`

use std::path::PathBuf;

use crate::cli::hosts::HostFlags;
use crate::cli::{Context, OutputFlag, OutputFormat};
use crate::event;
use crate::jobs::{JobError, status};
use crate::ui;

/// Show how a cluster is: hosts, nodes, etcd, registry, certificates, disks
///
/// Changes nothing, and asks each host over SSH. Ends with exit code 12 if something is not well.
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
    // The result is one JSON object, and nothing else is.
    let events = if context.json() { event::silent() } else { context.events.clone() };
    let found = context.runtime.block_on(status::run(&options, &events))?;
    match args.output.output {
        OutputFormat::Json => ui::print_json(&found)?,
        OutputFormat::Text => ui::print_line(&ui::status(&found))?,
    }
    status::verdict(&found)
}
