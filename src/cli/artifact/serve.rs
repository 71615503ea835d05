//! `kk artifact serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::{JobError, serve};
use crate::ui;

/// Serve a bundle's images as a read-only registry
///
/// Straight from the bundle, once every byte of it is checked; nothing is unpacked. Repositories have the names of their
/// source: registry.k8s.io/pause. As a mirror of containerd it answers for every source registry. Ctrl-C stops it.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub listen: SocketAddr,
    /// Certificate to serve HTTPS with, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let json = context.json();
    let options =
        serve::Options { bundle: args.bundle.artifact, listen: args.listen, tls: args.tls_cert.zip(args.tls_key) };
    let ready = |serving: &serve::Serving| {
        if json { ui::print_json(serving) } else { ui::print_line(&ui::serving(serving)) }
    };
    context.runtime.block_on(serve::run(options, context.events.clone(), ready))
}
