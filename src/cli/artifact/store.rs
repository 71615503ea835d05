//! `kk artifact store …`

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::{Context, OutputFlag};
use crate::jobs::import::Place;
use crate::jobs::{JobError, store};
use crate::{quantity, ui};

/// See and prune what kk artifact import keeps
#[derive(Subcommand, Debug)]
pub enum Command {
    List(ListArgs),
    Prune(PruneArgs),
}

/// Which store is meant.
#[derive(clap::Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct StoreFlags {
    /// Cluster file: its site's store, .kk/<cluster>/store
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// A store in this folder
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
}

impl StoreFlags {
    pub fn into_place(self) -> Place {
        match (self.filename, self.store) {
            (Some(file), _) => Place::Site(file),
            (None, folder) => Place::Folder(folder.unwrap_or_default()),
        }
    }
}

/// List the bundles in a store, the one that was imported last at the end
#[derive(clap::Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub output: OutputFlag,
}

/// Remove all bundles but the newest, and what no other bundle needs
#[derive(clap::Args, Debug)]
pub struct PruneArgs {
    #[command(flatten)]
    pub store: StoreFlags,
    /// How many of the bundles that were imported last to keep
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub keep: usize,
    /// Answer yes to every question
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(command: Command) -> Result<(), JobError> {
    match command {
        Command::List(args) => list(args),
        Command::Prune(args) => prune(args),
    }
}

fn list(args: ListArgs) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let kept = store::list(&args.store.into_place())?;
    if context.json() {
        return ui::print_json(&kept);
    }
    let rows = kept.iter().map(|one| {
        let counts = [one.components, one.images].map(|count| count.to_string());
        let [components, images] = counts;
        [one.name.clone(), components, images, quantity::bytes(one.size), one.digest.to_string()]
    });
    ui::print_line(ui::table(&["bundle", "components", "images", "size", "digest"], rows).trim_end())
}

fn prune(args: PruneArgs) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let removed = store::prune(&args.store.into_place(), args.keep, &ui::confirmation(args.yes))?;
    if context.json() {
        return ui::print_json(&removed);
    }
    let bundles = removed.bundles.len();
    let bytes = quantity::bytes(removed.bytes);
    ui::print_line(&format!("removed {bundles} bundles and {} contents ({bytes})", removed.contents))
}
