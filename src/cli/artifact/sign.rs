//! `kk artifact sign`

use std::path::PathBuf;

use crate::cli::{ArtifactFlag, Context, OutputFormat, PassphraseFlag};
use crate::jobs::{JobError, sign};
use crate::ui;

/// Sign a bundle
///
/// The signature is over the inventory, from which everything in the bundle is reached by digest. It becomes an entry of
/// the bundle, in the place of one that is there already; nothing else of the bundle changes. A bundle that is to be split
/// is signed before.
///
/// Stock ssh-keygen checks it as well: tar xf BUNDLE bundle.json bundle.sig, then
/// ssh-keygen -Y verify -f ALLOWED_SIGNERS -I NAME -n kk-bundle -s bundle.sig < bundle.json
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Key that signs, made by kk key generate or by ssh-keygen -t ed25519; who endorsed it is told along
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    #[command(flatten)]
    pub passphrase: PassphraseFlag,
    /// Write the signed bundle here and leave the other as it is
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Answer yes to every question: replace the output if it exists
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.format)?;
    let asked = |output: &PathBuf| ui::can_ask() && ui::confirm(&format!("{} exists. Replace it?", output.display()));
    let overwrite = args.yes || args.output.as_ref().is_some_and(|output| output.is_file() && asked(output));
    let signed = sign::run(&sign::Options {
        bundle: args.bundle.artifact,
        signing: sign::Signing { key: args.key, passphrase: args.passphrase.source() },
        output: args.output,
        overwrite,
    })?;
    if context.json() {
        return ui::print_json(&signed);
    }
    let mut text = format!("{} is signed by {}", signed.path.display(), signed.signer);
    signed.endorsed_by.iter().for_each(|by| text += &format!("\n  for which vouches {by}"));
    ui::print_line(&format!("{text}\ndigest {}", signed.digest))
}
