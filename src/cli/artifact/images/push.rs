//! `kk artifact images push`

use std::path::PathBuf;

use super::ChosenImages;
use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::JobError;
use crate::jobs::images::push::{self, Destination, Registry};
use crate::ui;

/// Push a bundle's images to a registry
///
/// Straight from the bundle, several blobs at a time; what the registry has is not sent, and what it has in another
/// repository is mounted. An image's source registry becomes a folder: HOST/docker.io/library/nginx. Interrupted, the same
/// command goes on where it was. Logins are those of --username, or of docker login.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("registry").required(true))]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    #[command(flatten)]
    pub chosen: ChosenImages,
    /// Registry to push to, and a folder in it
    #[arg(long, value_name = "HOST[:PORT][/FOLDER]", group = "registry")]
    pub to: Option<String>,
    /// Cluster file whose registry to push to, with the site's account
    #[arg(short = 'f', long = "filename", value_name = "FILE", group = "registry")]
    pub filename: Option<PathBuf>,
    /// Leave out the source registry: HOST/library/nginx
    #[arg(long)]
    pub flat: bool,
    /// User name in the registry
    #[arg(long, value_name = "NAME", requires = "password_file", conflicts_with = "filename")]
    pub username: Option<String>,
    /// File that holds the password and nothing else
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Speak HTTP without TLS
    #[arg(long, conflicts_with_all = ["filename", "ca_cert", "insecure"])]
    pub plain_http: bool,
    /// Certificate of the authority to believe, PEM
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filename", "insecure"])]
    pub ca_cert: Option<PathBuf>,
    /// Believe whatever certificate the registry shows
    #[arg(long, conflicts_with = "filename")]
    pub insecure: bool,
    /// How many blobs to send at once
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub concurrency: usize,
    /// List what the registry lacks, and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let destination = match args.filename {
        Some(path) => Destination::Cluster(path),
        None => Destination::Registry(Registry {
            to: args.to.unwrap_or_default(),
            username: args.username,
            password_file: args.password_file,
            plain_http: args.plain_http,
            ca_cert: args.ca_cert,
            insecure: args.insecure,
        }),
    };
    let options = push::Options {
        bundle: args.bundle.artifact,
        destination,
        images: args.chosen.images,
        flat: args.flat,
        concurrency: args.concurrency,
        dry_run: args.dry_run,
    };
    let outcome = context.runtime.block_on(push::run(options, context.events.clone()))?;
    if context.json() { ui::print_json(&outcome) } else { ui::print_line(&ui::pushed(&outcome)) }
}
