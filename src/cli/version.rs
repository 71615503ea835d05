//! `kk version`

use super::{OutputFlag, OutputFormat};
use crate::jobs::JobError;
use crate::ui;

/// Show the version of kk
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let version = env!("CARGO_PKG_VERSION");
    if args.output.output == OutputFormat::Json {
        ui::print_line(
            &serde_json::json!({ "version": version, "bundleFormat": crate::bundle::inventory::FORMAT }).to_string(),
        )
    } else {
        ui::print_line(&format!("kk {version}, bundle format {}", crate::bundle::inventory::FORMAT))
    }
}
