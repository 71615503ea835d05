//! The flag of every command that opens a key.

use std::path::PathBuf;
use std::sync::Arc;

use crate::jobs::passphrase::Passphrase;
use crate::ui;

/// Where the passphrase of a key comes from.
#[derive(clap::Args, Clone, Debug)]
pub struct PassphraseFlag {
    /// File whose first line is the key's passphrase, such as /dev/fd/3; without it, the terminal asks
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl PassphraseFlag {
    pub fn source(self) -> Passphrase {
        Passphrase { file: self.passphrase_file, ask: Arc::new(ui::passphrase) }
    }
}
