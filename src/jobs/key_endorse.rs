//! `kk key endorse`: the word of a key that sites trust for one that they do not know yet.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::passphrase::Passphrase;
use super::{JobError, Kind, keys};
use crate::trust::Endorsement;

/// What the command was asked to do.
pub struct Options {
    /// The key that sites trust.
    pub key: PathBuf,
    pub passphrase: Passphrase,
    /// The `.pub` file of the new key.
    pub new: PathBuf,
}

/// What was endorsed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endorsed {
    pub path: PathBuf,
    /// Fingerprint of the new key.
    pub key: String,
    /// Fingerprint of the key that endorses it.
    pub by: String,
}

/// Writes the endorsement beside the new key, where `kk artifact sign` finds it, together with those that the old key
/// has itself: so a site that trusts any key of the chain follows it.
pub fn run(options: &Options) -> Result<Endorsed, JobError> {
    let new = keys::public_key(&options.new)?;
    let path = endorsed_path(&options.new)?;
    let old = keys::signing_key(&options.key, &options.passphrase)?;
    if old.public().is(&new) {
        return Err(JobError::new(Kind::Usage, "a key cannot vouch for itself"));
    }
    let word = Endorsement::sign(&old, &new).map_err(|source| JobError::internal("the key cannot sign", source))?;
    let mut text: String = keys::endorsements(&options.key)?.iter().map(Endorsement::text).collect();
    text.insert_str(0, &word.text());
    std::fs::write(&path, text)
        .map_err(|source| JobError::internal(format!("{} cannot be written", path.display()), source))?;
    Ok(Endorsed { path, key: new.to_string(), by: old.public().to_string() })
}

/// `release-key.endorsed` for `release-key.pub`.
fn endorsed_path(public: &Path) -> Result<PathBuf, JobError> {
    match public.extension() {
        Some(ending) if ending == "pub" => Ok(keys::beside(&public.with_extension(""), ".endorsed")),
        _ => Err(JobError::new(Kind::Usage, format!("{} should end with .pub", public.display()))
            .hint("the endorsement is written beside the key: release-key.endorsed for release-key.pub")),
    }
}
