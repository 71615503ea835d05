//! `kk config schema`

use clap::ValueEnum;

use crate::jobs::{JobError, view_config};
use crate::ui;

/// Print the JSON schema of cluster files or manifests, for editors
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which kind of file
    #[arg(value_enum, default_value_t = Kind::Cluster)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Cluster,
    Manifest,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let schema = match args.kind {
        Kind::Cluster => view_config::cluster_schema(),
        Kind::Manifest => view_config::manifest_schema(),
    };
    ui::print_line(&format!("{schema:#}"))
}
