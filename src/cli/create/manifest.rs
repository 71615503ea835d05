//! `kk create manifest`

use std::path::PathBuf;

use crate::jobs::{JobError, create_config, create_manifest};
use crate::ui;

/// Write a manifest with all that a highly available cluster needs
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the manifest
    #[arg(long, default_value = "sample")]
    name: String,
    /// File to write; - for standard output
    #[arg(short = 'f', long = "filename", value_name = "FILE", default_value = "manifest-sample.yaml")]
    filename: PathBuf,
    /// Kubernetes versions, with commas between them
    #[arg(long, value_name = "VERSION", value_delimiter = ',', required = true)]
    with_kubernetes: Vec<String>,
    /// Architectures of the hosts
    #[arg(long, value_name = "ARCH", value_delimiter = ',', default_value = "amd64")]
    arch: Vec<String>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let text = create_manifest::text(&args.name, &args.with_kubernetes, &args.arch)?;
    match args.filename.as_os_str() == "-" {
        true => ui::print_line(text.trim_end()),
        false => create_config::write(&args.filename, &text, args.overwrite),
    }
}
