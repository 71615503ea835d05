//! `kk artifact check`

use std::path::PathBuf;

use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::{JobError, check};
use crate::ui;

/// Tell whether a bundle suffices for a cluster file
///
/// Components, packages and images, for every role and architecture: those that kubeadm, the network plugin, the load
/// balancer and addons ask for, and those that charts name once the bundle's own helm has rendered them. What is
/// missing and what is carried for nothing are both listed. Something missing: exit code 4.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = check::Options { bundle: args.bundle.artifact, cluster_file: args.filename };
    let checked = context.runtime.block_on(check::run(&options, &context.events))?;
    match context.json() {
        true => ui::print_json(&checked)?,
        false => ui::print_line(&ui::sufficiency(&checked))?,
    }
    checked.verdict()
}
