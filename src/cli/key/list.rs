//! `kk key list`

use std::path::PathBuf;

use crate::cli::{OutputFlag, OutputFormat};
use crate::jobs::{JobError, key_list};
use crate::ui;

/// Show whom a site trusts
///
/// The keys of the cluster file, those that they vouched for in bundles which the site accepted, and those that are
/// revoked; and the highest release of each bundle that the site has accepted.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: PathBuf,
    #[command(flatten)]
    pub output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let listed = key_list::run(&args.filename)?;
    if args.output.output == OutputFormat::Json {
        return ui::print_json(&listed);
    }
    if listed.keys.is_empty() {
        return ui::print_line("no keys: bundles need no signature");
    }
    let rows = listed.keys.iter().map(|key| [key.fingerprint.clone(), key.name.clone(), key.standing.clone()]);
    let mut text = ui::table(&["key", "name", "standing"], rows);
    for (name, release) in &listed.releases {
        text += &format!("\nbundle {name}: release {release} was accepted");
    }
    ui::print_line(&text)
}
