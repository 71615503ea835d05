//! `kk key endorse`

use std::path::PathBuf;

use crate::cli::{OutputFormat, PassphraseFlag};
use crate::jobs::{JobError, key_endorse};
use crate::ui;

/// Vouch with a key that sites trust for a new one
///
/// Writes the endorsement beside the new key: NEW.endorsed for NEW.pub. Bundles that the new key signs carry it, and
/// sites that trust the old key accept them.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Key that sites trust
    #[arg(long, value_name = "OLD")]
    pub key: PathBuf,
    #[command(flatten)]
    pub passphrase: PassphraseFlag,
    /// Public half of the new key
    #[arg(value_name = "NEW.pub")]
    pub new: PathBuf,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let options = key_endorse::Options { key: args.key, passphrase: args.passphrase.source(), new: args.new };
    let endorsed = key_endorse::run(&options)?;
    if args.format == OutputFormat::Json {
        return ui::print_json(&endorsed);
    }
    ui::print_line(&format!("{}: {} vouches for {}", endorsed.path.display(), endorsed.by, endorsed.key))
}
