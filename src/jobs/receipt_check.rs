//! `kk receipt check`: whether a receipt is a site's, and which bundle it is about.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::site::store::read_bounded;
use super::{JobError, Kind, keys};
use crate::digest::Digest;
use crate::fetch::{Cache, exports};
use crate::trust::Namespace;
use crate::trust::receipt::{self, Delivered, NoteError, ReceiptError, SignedReceipt};

/// What a receipt says, and who says it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub site: String,
    pub digest: Digest,
    /// In seconds since 1970.
    pub seconds: u32,
    pub result: Delivered,
    /// Fingerprint and name of the key that signed it.
    pub signer: String,
    /// Name of the bundle, where it was exported from this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// Checks a receipt, given as text or as the file that holds it, against the keys in these files.
pub fn run(given: &str, key_files: &[PathBuf]) -> Result<Checked, JobError> {
    let trusted = keys::trusted(key_files, Namespace::Receipt)?;
    let signed = read(given)?;
    let Some(signer) = trusted.iter().find(|key| signed.check(key).is_ok()) else {
        let names: Vec<String> = trusted.iter().map(ToString::to_string).collect();
        let message = format!("the receipt was not signed by {}", names.join(" or by "));
        return Err(JobError::new(Kind::File, message)
            .hint(format!("it says that it is from the site {}: is that key this site's?", signed.receipt.site)));
    };
    let found = match Cache::default_root() {
        Some(root) => exports::find(&root, &signed.receipt.digest)
            .map_err(|source| JobError::internal("the records of exports cannot be read", source))?,
        None => None,
    };
    Ok(Checked {
        site: signed.receipt.site.clone(),
        digest: signed.receipt.digest,
        seconds: signed.receipt.seconds,
        result: signed.receipt.result,
        signer: signer.to_string(),
        bundle: found.map(|inventory| inventory.name),
    })
}

/// A receipt in a file, or as it was typed.
pub fn read(given: &str) -> Result<SignedReceipt, JobError> {
    let path = Path::new(given);
    let text = match given.contains('\n') || !path.exists() {
        true => given.to_owned(),
        false => read_bounded(path)
            .map_err(|source| JobError::new(Kind::File, format!("{given} cannot be read")).because(source))?,
    };
    receipt::read(&text).map_err(|error| {
        let failed = JobError::new(Kind::File, "the receipt cannot be read");
        match error {
            ReceiptError::Note(NoteError::Lines(problems)) => failed
                .details(problems.iter().map(ToString::to_string))
                .hint("compare these lines with the receipt; the last two letters of a line check the others"),
            other => failed.because(other),
        }
    })
}
