//! `kk create manifest`

use std::path::PathBuf;

use crate::cli::{Context, OutputFormat};
use crate::jobs::{JobError, create_config, create_manifest};
use crate::ui;

/// Write a manifest with all that a highly available cluster needs, or with what a running one has
///
/// For each version: the images that its kubeadm asks for by name, and components that fit. With --kubeconfig, what
/// the cluster's nodes are and the images of all its pods; versions named besides are added, as for an upgrade.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the manifest
    #[arg(long, default_value = "sample")]
    name: String,
    /// File to write; - for standard output
    #[arg(short = 'f', long = "filename", value_name = "FILE", default_value = "manifest-sample.yaml")]
    filename: PathBuf,
    /// Kubernetes versions, with commas between them
    #[arg(long, value_name = "VERSION", value_delimiter = ',', required_unless_present = "kubeconfig")]
    with_kubernetes: Vec<String>,
    /// Carry a registry too: registry or harbor
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "registry")]
    with_registry: Option<String>,
    /// Network plugin whose images are carried: flannel, or none
    #[arg(long, value_name = "PLUGIN", default_value = "flannel")]
    network: String,
    /// Architectures of the hosts
    #[arg(long, value_name = "ARCH", value_delimiter = ',', default_value = "amd64")]
    arch: Vec<String>,
    /// Ask the cluster of this kubeconfig what it has
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(OutputFormat::Text)?;
    let options = create_manifest::Options {
        name: args.name,
        kubernetes: args.with_kubernetes,
        from: None,
        arches: args.arch,
        registry: args.with_registry,
        network: args.network,
        kubeconfig: args.kubeconfig,
    };
    let text = context.runtime.block_on(create_manifest::text(&options, &context.events))?;
    match args.filename.as_os_str() == "-" {
        true => ui::print_line(text.trim_end()),
        false => create_config::write(&args.filename, &text, args.overwrite),
    }
}
