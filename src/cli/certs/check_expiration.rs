//! `kk certs check-expiration`

use std::time::Duration;

use crate::cli::hosts::LookFlags;
use crate::cli::{Context, OutputFormat};
use crate::event;
use crate::jobs::JobError;
use crate::jobs::certs::check;
use crate::{quantity, ui};

/// Show every certificate of a cluster: how long it is valid, and whether what runs uses it
///
/// Changes nothing. Ends with exit code 11 if a certificate has expired or expires within the limit, and else with 7 if
/// a host or a file could not be looked at.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub look: LookFlags,
    /// Tell of certificates that expire within so long: 30d, 12h, 8w
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = quantity::parse_age)]
    pub within: Duration,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.look.output.output)?;
    let options = check::Options {
        cluster_file: args.look.filename,
        within: args.within,
        connect: args.look.hosts.into_options(),
    };
    // The result is one JSON object, and nothing else is.
    let events = if context.json() { event::silent() } else { context.events.clone() };
    let found = context.runtime.block_on(check::run(&options, &events))?;
    match args.look.output.output {
        OutputFormat::Json => ui::print_json(&found)?,
        OutputFormat::Text => ui::print_line(&ui::expiry(&found))?,
    }
    check::verdict(&found, &options.cluster_file)
}
