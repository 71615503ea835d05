//! `kk receipt check`

use std::path::PathBuf;

use crate::cli::OutputFlag;
use crate::cli::OutputFormat;
use crate::jobs::{JobError, receipt_check};
use crate::{quantity, ui};

/// Check a receipt that came out of a site
///
/// Reads it as it was typed or scanned; every line with a mistake is named. Then the site's key must have signed it.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// File with the receipt, or the receipt itself
    #[arg(value_name = "RECEIPT")]
    receipt: String,
    /// Public key of the site; may be repeated
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputFlag,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let checked = receipt_check::run(&args.receipt, &args.keys)?;
    if args.output.output == OutputFormat::Json {
        return ui::print_json(&checked);
    }
    ui::print_line(&format!(
        "site       {}\nbundle     {}\ndigest     {}\n{:<10} {}\nsigned by  {}",
        checked.site,
        checked.bundle.as_deref().unwrap_or("not exported from this machine"),
        checked.digest,
        checked.result.to_string(),
        quantity::moment(checked.seconds.into()),
        checked.signer,
    ))
}
