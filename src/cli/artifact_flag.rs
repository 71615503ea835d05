//! The flag of every command that reads a bundle.

use std::path::PathBuf;

/// Where the bundle lies.
#[derive(clap::Args, Clone, Debug)]
pub struct ArtifactFlag {
    /// Bundle made by kk artifact export; of one that was split, any of its parts or the folders they lie in
    #[arg(short = 'a', long, value_name = "PATH", required = true)]
    pub artifact: Vec<PathBuf>,
}
