//! An old key's word for a new one, so that sites need not be told of each new key.
//!
//! As text: an armoured signature for [`Namespace::Key`] over the new key's line and its newline, and after it that
//! line. `ssh-keygen -Y verify -n kk-key` checks it against the new `.pub` file: what follows a signature is ignored.

use super::public_key::{PublicKey, PublicKeyError};
use super::signature::{Namespace, Signature, SignatureError};
use super::signing_key::{SigningKey, SigningKeyError};

/// One key's word for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    key: PublicKey,
    signature: Signature,
}

/// Why an endorsement cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementError {
    #[error("the signature of an endorsement is refused: {0}")]
    Signature(#[from] SignatureError),
    #[error("the key of an endorsement is refused: {0}")]
    Key(#[from] PublicKeyError),
    #[error("the key of an endorsement is not written as kk writes it")]
    Line,
}

impl Endorsement {
    /// The word of `old` for `new`.
    pub fn sign(old: &SigningKey, new: &PublicKey) -> Result<Self, SigningKeyError> {
        let signature = old.sign(Namespace::Key, message(new).as_bytes())?;
        Ok(Self { key: new.clone(), signature })
    }

    /// Reads an armoured signature and the line of the key that follows it.
    pub(super) fn parse(block: &str, line: &str) -> Result<Self, EndorsementError> {
        let signature = Signature::parse(block, Namespace::Key)?;
        let key = PublicKey::parse(line)?;
        // The line is what is signed: no other spelling of the same key.
        if key.line() != line {
            return Err(EndorsementError::Line);
        }
        Ok(Self { key, signature })
    }

    /// The endorsed key. True only once [`Endorsement::check`] said so.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key that endorses.
    pub fn by(&self) -> &PublicKey {
        self.signature.signer()
    }

    /// Whether the old key gave its word for this very line.
    pub fn check(&self) -> Result<(), SignatureError> {
        self.signature.check(message(&self.key).as_bytes())
    }

    /// As it stands in a file.
    pub fn text(&self) -> String {
        format!("{}{}", self.signature.armored(), message(&self.key))
    }
}

/// What is signed: the content of the new key's `.pub` file.
fn message(key: &PublicKey) -> String {
    format!("{}\n", key.line())
}
