//! `kk certs rotate-ca`

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::hosts::ChangeFlags;
use crate::event::Event;
use crate::install::certs::Authority;
use crate::jobs::JobError;
use crate::jobs::certs::rotate;
use crate::ui;

/// Replace the authorities that certificates are signed with, while the cluster works
///
/// In three passes: all trust the old authority and the new one, then the new one signs everything, then the old one is
/// forgotten. A run that was interrupted is continued. Other commands that change the site wait until it is done.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// Only this authority, as check-expiration shows it; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<Authority>,
    /// Start only the cluster's own pods anew, and end after the first pass: start yours, then run the same again
    #[arg(long)]
    pub leave_workloads: bool,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options = rotate::Options {
        cluster_file: args.filename,
        only: args.only.into_iter().collect(),
        leave_workloads: args.leave_workloads,
        change: args.change.into_change(),
    };
    let outcome = context.runtime.block_on(rotate::run(options, context.events.clone()))?;
    for run in &outcome.runs {
        let message = ui::summary(rotate::COMMAND, run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    match &outcome.after {
        Some(after) if context.json() => ui::print_json(after),
        Some(after) => ui::print_line(&ui::expiry(after)),
        None if outcome.runs.is_empty() => ui::print_line(outcome.text.trim_end()),
        // Passes are left; a note has said so.
        None => Ok(()),
    }
}
