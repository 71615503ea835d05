//! One file per command: flags in, one job called. Only here does clap exist.

mod add;
mod artifact;
mod artifact_flag;
mod cache;
mod certs;
mod config;
mod create;
mod delete;
mod etcd;
mod history;
mod host;
mod hosts;
mod init;
mod key;
mod kubeconfig;
mod manifest;
mod passphrase_flag;
mod plan;
mod receipt;
mod status;
mod support_bundle;
mod upgrade;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use artifact_flag::ArtifactFlag;
pub use passphrase_flag::PassphraseFlag;

use crate::event::Events;
use crate::jobs::JobError;
use crate::ui;

/// Delivers Kubernetes platforms across an air gap.
///
/// On a connected machine `kk artifact export` packs everything into one file. Inside, `kk create cluster` installs
/// from that file over SSH, and talks to nothing but the hosts and the registry of the cluster file.
#[derive(Parser, Debug)]
#[command(name = "kk", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(subcommand)]
    Add(add::Command),
    #[command(subcommand)]
    Artifact(artifact::Command),
    #[command(subcommand)]
    Cache(cache::Command),
    #[command(subcommand)]
    Certs(certs::Command),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Create(create::Command),
    #[command(subcommand)]
    Delete(delete::Command),
    #[command(subcommand)]
    Etcd(etcd::Command),
    History(history::Args),
    #[command(subcommand, hide = true)]
    Host(host::Command),
    #[command(subcommand)]
    Init(init::Command),
    #[command(subcommand)]
    Key(key::Command),
    Kubeconfig(kubeconfig::Args),
    #[command(subcommand)]
    Manifest(manifest::Command),
    Plan(plan::Args),
    Receipt(receipt::Args),
    Status(status::Args),
    SupportBundle(support_bundle::Args),
    Upgrade(upgrade::Args),
    Version(version::Args),
}

/// The flag for the form of results and events; `artifact export`, whose `--output` is a file as KubeKey's is, takes
/// the environment variable alone.
#[derive(clap::Args, Clone, Debug)]
pub struct OutputFlag {
    /// Write text for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, env = "KK_OUTPUT")]
    pub output: OutputFormat,
}

/// How results and events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
}

/// What every command works with besides its own flags.
pub struct Context {
    pub output: OutputFormat,
    pub events: Events,
    /// Runs the asynchronous parts of jobs.
    pub runtime: tokio::runtime::Runtime,
}

impl Context {
    /// Starts the worker threads and the sink for events.
    pub fn new(output: OutputFormat) -> Result<Self, JobError> {
        // Fails only where a provider is installed already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| JobError::internal("cannot start worker threads", source))?;
        Ok(Self { output, events: ui::events(output == OutputFormat::Json), runtime })
    }

    /// Whether results are wanted as JSON.
    pub fn json(&self) -> bool {
        self.output == OutputFormat::Json
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Add(command) => add::run(command),
        Command::Artifact(command) => artifact::run(command),
        Command::Cache(command) => cache::run(command),
        Command::Certs(command) => certs::run(command),
        Command::Config(command) => config::run(command),
        Command::Create(command) => create::run(command),
        Command::Delete(command) => delete::run(command),
        Command::Etcd(command) => etcd::run(command),
        Command::History(args) => history::run(args),
        Command::Host(command) => host::run(command),
        Command::Init(command) => init::run(command),
        Command::Key(command) => key::run(command),
        Command::Kubeconfig(args) => kubeconfig::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Receipt(args) => receipt::run(args),
        Command::Status(args) => status::run(args),
        Command::SupportBundle(args) => support_bundle::run(args),
        Command::Manifest(command) => manifest::run(command),
        Command::Upgrade(args) => upgrade::run(args),
        Command::Version(args) => version::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
