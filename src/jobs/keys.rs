//! Reading the keys that the user names: those that sign, those that are trusted, and who vouches for them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::passphrase::Passphrase;
use super::site::store::read_bounded;
use super::{JobError, Kind};
use crate::trust::{self, Endorsement, Namespace, PublicKey, SignatureFile, SigningKey, SigningKeyError};

/// Reads a key that signs; asks for its passphrase if it has one.
pub fn signing_key(path: &Path, passphrase: &Passphrase) -> Result<SigningKey, JobError> {
    let text = SecretString::from(read(path)?);
    let wrong = |source| JobError::new(Kind::File, format!("{} cannot sign", path.display())).because(source);
    match SigningKey::read(&text, None) {
        Err(SigningKeyError::Encrypted) => {}
        done => return done.map_err(wrong),
    }
    let Some(passphrase) = passphrase.get(&format!("Passphrase of {}: ", path.display()))? else {
        return Err(wrong(SigningKeyError::Encrypted)
            .hint("run the command on a terminal, or give a file or descriptor with --passphrase-file"));
    };
    SigningKey::read(&text, Some(&passphrase)).map_err(wrong)
}

/// The keys in these files: `.pub` files, several lines, or allowed signers.
pub fn trusted(paths: &[PathBuf], namespace: Namespace) -> Result<Vec<PublicKey>, JobError> {
    let mut keys = Vec::new();
    for path in paths {
        let found = trust::key_list(&read(path)?, namespace).map_err(|source| {
            JobError::new(Kind::File, format!("{} names no key that can be trusted", path.display())).because(source)
        })?;
        keys.extend(found);
    }
    Ok(keys)
}

/// The one key in a `.pub` file.
pub fn public_key(path: &Path) -> Result<PublicKey, JobError> {
    let text = read(path)?;
    PublicKey::parse(&text)
        .map_err(|source| JobError::new(Kind::File, format!("{} is no public key", path.display())).because(source))
}

/// Who vouches for this key: what `kk key endorse` wrote beside its `.pub` file, if it is there.
pub fn endorsements(key: &Path) -> Result<Vec<Endorsement>, JobError> {
    let path = beside(key, ".endorsed");
    if !path.exists() {
        return Ok(Vec::new());
    }
    SignatureFile::parse_endorsements(read(&path)?.as_bytes()).map_err(|source| {
        JobError::new(Kind::File, format!("{} is not what kk key endorse writes", path.display())).because(source)
    })
}

/// A file named like another with an ending more: `release-key.pub` beside `release-key`.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<String, JobError> {
    read_bounded(path)
        .map_err(|source| JobError::new(Kind::File, format!("{} cannot be read", path.display())).because(source))
}
