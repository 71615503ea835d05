//! `kk cache path`

use crate::jobs::{JobError, cache};
use crate::ui;

/// Print the folder of the cache
#[derive(clap::Args, Debug)]
pub struct Args {}

pub fn run(_args: Args) -> Result<(), JobError> {
    ui::print_line(&cache::path()?.display().to_string())
}
