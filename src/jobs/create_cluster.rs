//! `kk create cluster`: from bare hosts to a cluster.

use std::path::PathBuf;

use super::JobError;
use super::site::ConnectOptions;
use crate::event::Events;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    pub bundle: PathBuf,
    pub push_images: bool,
    pub dry_run: bool,
    pub yes: bool,
    pub connect: ConnectOptions,
}

pub async fn run(_options: Options, _events: Events) -> Result<(), JobError> {
    Ok(())
}
