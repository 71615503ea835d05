//! `kk artifact import`

use crate::cli::artifact::store::StoreFlags;
use crate::cli::{ArtifactFlag, Context, OutputFlag};
use crate::jobs::{JobError, import};
use crate::{quantity, ui};

/// Put what a bundle holds into a site's store
///
/// A store keeps each content once, whatever number of bundles share it, as an OCI image layout that skopeo and oras read. A
/// delta bundle is made whole by what the store has. Reads the bundle once, and checks every byte while it is written; an
/// import that was interrupted is continued by the next one.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    #[command(flatten)]
    pub store: StoreFlags,
    /// Take a bundle of a lower release than the site has
    #[arg(long)]
    pub allow_downgrade: bool,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.output.output)?;
    let options = import::Options {
        bundle: args.bundle.artifact,
        place: args.store.into_place(),
        allow_downgrade: args.allow_downgrade,
    };
    let imported = import::run(&options, &context.events)?;
    if context.json() {
        return ui::print_json(&imported);
    }
    ui::print_line(&format!(
        "{} is in {}: {} contents written ({}), {} were there, in {}\ndigest {}",
        imported.name,
        imported.store.display(),
        imported.written,
        quantity::bytes(imported.bytes),
        imported.found,
        quantity::seconds(imported.seconds),
        imported.digest,
    ))
}
