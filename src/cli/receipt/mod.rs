//! `kk receipt …`: which bundle a site has.

mod check;

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::{Context, OutputFlag, PassphraseFlag};
use crate::jobs::{JobError, Kind, receipt};
use crate::{quantity, ui};

/// Tell the connected side which bundle a site has
///
/// Prints a signed note about the newest delivery, short enough to be typed on the connected side, where kk receipt check
/// reads it and kk artifact export --base takes it. The site's key is made at the first receipt.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Cluster file
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    filename: Option<PathBuf>,
    /// Sign with this key in place of the site's own
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseFlag,
    /// Show it as a QR code as well
    #[arg(long)]
    qr: bool,
    #[command(flatten)]
    output: OutputFlag,
}

#[derive(Subcommand, Debug)]
enum Command {
    Check(check::Args),
}

pub fn run(args: Args) -> Result<(), JobError> {
    if let Some(Command::Check(args)) = args.command {
        return check::run(args);
    }
    let cluster_file = args.filename.ok_or_else(|| JobError::new(Kind::Usage, "name the cluster file with -f"))?;
    let context = Context::new(args.output.output)?;
    let options = receipt::Options { cluster_file, key: args.key, passphrase: args.passphrase.source() };
    let told = receipt::run(&options, &context.events)?;
    if context.json() {
        return ui::print_json(&told);
    }
    let mut text = format!(
        "site       {}\nbundle     {}\ndigest     {}\n{:<10} {}\n\n{}",
        told.site,
        told.delivery.name,
        told.delivery.digest,
        told.delivery.result.to_string(),
        quantity::moment(told.delivery.seconds.into()),
        told.signed.lines(),
    );
    if let Some(code) = args.qr.then(|| ui::qr(&told.receipt)).flatten() {
        text += &format!("\n{code}");
    }
    ui::print_line(text.trim_end_matches('\n'))
}
