//! `kk upgrade plan`

use std::path::PathBuf;

use crate::cli::{Context, OutputFlag};
use crate::jobs::{JobError, create_config, upgrade::path};
use crate::ui;

/// On the connected side: list the releases between two, and write a manifest with all of them
///
/// kubeadm goes from minor to minor and leaves none out. The manifest holds what each release on the way needs; the
/// bundle that is exported from it serves kk upgrade for the whole way.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Release that the cluster runs
    #[arg(long, value_name = "VERSION")]
    from: String,
    /// Release that it is to run
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// Release to go through, instead of the newest of its minor that kk knows; may be repeated
    #[arg(long, value_name = "VERSION")]
    via: Vec<String>,
    /// Name of the manifest
    #[arg(long, default_value = "upgrade")]
    name: String,
    /// File to write; - for standard output
    #[arg(short = 'm', long = "manifest", value_name = "FILE", default_value = "manifest-upgrade.yaml")]
    manifest: PathBuf,
    /// Carry a registry too: registry or harbor
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "registry")]
    with_registry: Option<String>,
    /// Network plugin whose images are carried: flannel, or none
    #[arg(long, value_name = "PLUGIN", default_value = "flannel")]
    network: String,
    /// Architectures of the hosts
    #[arg(long, value_name = "ARCH", value_delimiter = ',', default_value = "amd64")]
    arch: Vec<String>,
    /// Carry the images too that the cluster of this kubeconfig runs
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = path::Options {
        from: args.from,
        to: args.to,
        via: args.via,
        name: args.name,
        arches: args.arch,
        registry: args.with_registry,
        network: args.network,
        kubeconfig: args.kubeconfig,
    };
    let path = context.runtime.block_on(path::run(&options, &context.events))?;
    if args.manifest.as_os_str() == "-" {
        return ui::print_line(path.manifest.trim_end());
    }
    create_config::write(&args.manifest, &path.manifest, args.overwrite)?;
    match context.json() {
        true => ui::print_json(&path),
        false => {
            let mut lines = vec![format!("{} runs", path.from)];
            lines.extend(path.hops.iter().enumerate().map(|(at, hop)| format!("{}. {hop}", at + 1)));
            lines.push(format!("{} carries all of them", args.manifest.display()));
            ui::print_line(&lines.join("\n"))
        }
    }
}
