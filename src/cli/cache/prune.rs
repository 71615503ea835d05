//! `kk cache prune`

use std::time::Duration;

use crate::cli::{Context, OutputFlag};
use crate::fetch::Limits;
use crate::jobs::{JobError, cache};
use crate::quantity;
use crate::ui;

/// Remove files from the cache; without limits, all of them
///
/// Waits for an export that is at work, and never removes what one uses. Records of what was exported stay: they are
/// small, and deltas are made to them.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Remove what no export has used for so long: 30d, 12h, 8w
    #[arg(long, value_name = "AGE", value_parser = quantity::parse_age)]
    pub older_than: Option<Duration>,
    /// Remove what was used longest ago until no more than this is left: 20G, 500M
    #[arg(long, value_name = "SIZE", value_parser = quantity::parse_bytes)]
    pub max_size: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Answer yes to every question
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let prune = cache::Prune {
        limits: Limits { older_than: args.older_than, max_size: args.max_size },
        dry_run: args.dry_run,
        confirm: ui::confirmation(args.yes),
    };
    let pruned = context.runtime.block_on(cache::prune(&prune, &context.events))?;
    if context.json() {
        return ui::print_json(&pruned);
    }
    ui::print_line(&format!(
        "{} {} files and {} unfinished downloads, {}; {} {}",
        if pruned.dry_run { "would remove" } else { "removed" },
        pruned.files,
        pruned.unfinished,
        quantity::bytes(pruned.freed),
        quantity::bytes(pruned.kept),
        if pruned.dry_run { "would stay" } else { "stay" },
    ))
}
