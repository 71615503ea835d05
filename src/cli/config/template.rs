//! `kk config template`

use crate::jobs::{JobError, view_template};
use crate::ui;

/// List the built-in templates, or print one
///
/// A file of the same name in .kk/NAME-OF-THE-CLUSTER/templates/ beside the cluster file replaces the built-in template
/// for that site.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Template to print, such as haproxy.cfg
    name: Option<String>,
}

pub fn run(args: Args) -> Result<(), JobError> {
    match args.name {
        Some(name) => ui::print_line(view_template::text(&name)?.trim_end()),
        None => ui::print_line(&view_template::names().collect::<Vec<_>>().join("\n")),
    }
}
