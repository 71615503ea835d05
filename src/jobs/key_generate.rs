//! `kk key generate`: a new key that signs bundles.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::keys::beside;
use super::passphrase::Passphrase;
use super::{JobError, Kind};
use crate::trust::SigningKey;

/// What the command was asked to do.
pub struct Options {
    /// The file of the secret half; the other one ends with `.pub`.
    pub output: PathBuf,
    /// How others will call the key.
    pub comment: String,
    /// `None` leaves the file unprotected.
    pub passphrase: Option<Passphrase>,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub key: PathBuf,
    pub public_key: PathBuf,
    /// The content of the public file.
    pub line: String,
    pub fingerprint: String,
}

/// Makes a key and writes both halves. Neither file is ever replaced.
pub fn run(options: &Options) -> Result<Made, JobError> {
    let public = beside(&options.output, ".pub");
    for path in [&options.output, &public] {
        if path.symlink_metadata().is_ok() {
            return Err(JobError::new(Kind::Declined, format!("{} exists already", path.display()))
                .hint("A key that is replaced is lost, and so is all that trusts it. Give another name with -o."));
        }
    }
    if options.comment.chars().any(char::is_control) || options.comment.len() > 200 {
        return Err(JobError::new(Kind::Usage, "a comment is one short line"));
    }
    let passphrase = options.passphrase.as_ref().map(|from| new_passphrase(from, &options.output)).transpose()?;
    let failed = |source| JobError::internal("no key can be made", source);
    let key = SigningKey::generate(&options.comment).map_err(failed)?;
    let text = key.to_text(passphrase.as_ref()).map_err(failed)?;
    let line = key.public().line();
    write_new(&options.output, text.expose_secret(), 0o600)?;
    write_new(&public, &format!("{line}\n"), 0o644)?;
    Ok(Made { key: options.output.clone(), public_key: public, line, fingerprint: key.public().fingerprint() })
}

/// A passphrase that a person gives twice, or a file once.
fn new_passphrase(from: &Passphrase, output: &Path) -> Result<SecretString, JobError> {
    let Some(first) = from.get(&format!("New passphrase for {}: ", output.display()))? else {
        return Err(JobError::new(Kind::Usage, "nobody can be asked for a passphrase here").hint(
            "give a file or descriptor with --passphrase-file, or leave the key unprotected with --no-passphrase",
        ));
    };
    if first.expose_secret().is_empty() {
        return Err(JobError::new(Kind::Usage, "an empty passphrase protects nothing")
            .hint("--no-passphrase leaves the key unprotected"));
    }
    if from.file.is_none() {
        let second = from.get("The same again: ")?;
        if second.is_none_or(|second| second.expose_secret() != first.expose_secret()) {
            return Err(JobError::new(Kind::Usage, "the two passphrases differ; no key was made"));
        }
    }
    Ok(first)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), JobError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| JobError::internal(format!("{} cannot be written", path.display()), source))
}
