//! `kk init …`

mod os;
mod registry;

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::ArtifactFlag;
use crate::jobs::JobError;
use crate::jobs::change::Change;
use crate::jobs::init::Options;

/// Do the first stages of create cluster alone: operating systems, or the registry
#[derive(Subcommand, Debug)]
pub enum Command {
    Os(os::Args),
    Registry(registry::Args),
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::Os(args) => os::run(args),
        Command::Registry(args) => registry::run(args),
    }
}

/// For which cluster hosts are prepared, and from what.
#[derive(clap::Args, Debug)]
struct InitFlags {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: PathBuf,
    #[command(flatten)]
    bundle: ArtifactFlag,
    /// Take a bundle of a lower release than this site has accepted before
    #[arg(long)]
    allow_downgrade: bool,
}

impl InitFlags {
    fn into_options(self, push_images: bool, skip_failed_hosts: bool, change: Change) -> Options {
        Options {
            cluster_file: self.filename,
            bundle: self.bundle.artifact,
            push_images,
            allow_downgrade: self.allow_downgrade,
            skip_failed_hosts,
            change,
        }
    }
}
