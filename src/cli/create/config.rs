//! `kk create config`

use std::path::PathBuf;

use crate::jobs::{JobError, create_config};
use crate::ui;

/// Write a cluster file to start from, which explains every field
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the cluster
    #[arg(long, default_value = "sample")]
    name: String,
    /// File to write; - for standard output
    #[arg(short = 'f', long = "filename", value_name = "FILE", default_value = "config-sample.yaml")]
    filename: PathBuf,
    /// Kubernetes version; without it, the one that the bundle holds is installed
    #[arg(long, value_name = "VERSION")]
    with_kubernetes: Option<String>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let text = create_config::text(&args.name, args.with_kubernetes.as_deref())?;
    match args.filename.as_os_str() == "-" {
        true => ui::print_line(text.trim_end()),
        false => create_config::write(&args.filename, &text, args.overwrite),
    }
}
