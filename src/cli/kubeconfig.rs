//! `kk kubeconfig`

use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::jobs::{JobError, kubeconfig};
use crate::ui;

/// Print the operator's kubeconfig, or write it to a file
///
/// Its certificate is made anew when less than a week is left. Who has it has the cluster: it is of the group
/// system:masters.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    /// File to write, with mode 0600, in place of printing
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let content = kubeconfig::run(&args.filename)?;
    match &args.output_file {
        Some(path) => kubeconfig::write(path, &content),
        None => ui::print_bytes(content.expose_secret().as_bytes()),
    }
}
