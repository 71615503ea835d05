//! `kk certs renew`

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Context;
use crate::cli::hosts::ChangeFlags;
use crate::event::Event;
use crate::install::certs::Name;
use crate::jobs::JobError;
use crate::jobs::certs::renew;
use crate::{quantity, ui};

/// Renew certificates that end soon or have ended, on every host, and restart what uses them
///
/// Works while no API server answers. A second run changes nothing; a run that was interrupted is continued. Authorities
/// are not renewed.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// Renew what is valid for less than this: 180d, 26w
    #[arg(long, value_name = "TIME", default_value = "180d", value_parser = quantity::parse_age)]
    pub within: Duration,
    /// Renew everything, however long it is still valid
    #[arg(long, conflicts_with = "within")]
    pub all: bool,
    /// Only certificates of this name, as check-expiration shows it; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<Name>,
    #[command(flatten)]
    pub change: ChangeFlags,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.change.output.output)?;
    let options = renew::Options {
        cluster_file: args.filename,
        within: args.within,
        all: args.all,
        only: args.only.into_iter().collect(),
        change: args.change.into_change(),
    };
    let outcome = context.runtime.block_on(renew::run(options, context.events.clone()))?;
    if let Some(run) = &outcome.run {
        let message = ui::summary("certs renew", run.hosts.len(), run.changed, run.seconds);
        context.events.emit(Event::Note { message });
    }
    match &outcome.after {
        Some(after) if context.json() => ui::print_json(after),
        Some(after) => ui::print_line(&ui::expiry(after)),
        None => ui::print_line(outcome.text.trim_end()),
    }
}
