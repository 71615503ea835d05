//! `kk key generate`

use std::path::PathBuf;

use crate::cli::{OutputFormat, PassphraseFlag};
use crate::jobs::{JobError, key_generate};
use crate::ui;

/// Make a key that signs bundles
///
/// Writes the secret half, readable by you alone, and beside it the public half, which sites trust. Both are OpenSSH files
/// of type ed25519: keys that ssh-keygen made do as well. Neither file is ever replaced.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// File of the secret half; the public half is written to FILE.pub
    #[arg(short = 'o', long, value_name = "FILE", default_value = "release-key")]
    pub output: PathBuf,
    /// How others will call the key; the file's name by default
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Leave the key unprotected: whoever reads the file can sign
    #[arg(long, conflicts_with = "passphrase_file")]
    pub no_passphrase: bool,
    #[command(flatten)]
    pub passphrase: PassphraseFlag,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let name = args.output.file_name().map(|name| name.to_string_lossy().into_owned());
    let made = key_generate::run(&key_generate::Options {
        comment: args.comment.or(name).unwrap_or_default(),
        output: args.output,
        passphrase: (!args.no_passphrase).then(|| args.passphrase.source()),
    })?;
    if args.format == OutputFormat::Json {
        return ui::print_json(&made);
    }
    ui::print_line(&format!(
        "{} signs; keep it secret, and a copy of it in a safe place\n{} is for sites:\n{}",
        made.key.display(),
        made.public_key.display(),
        made.line,
    ))
}
