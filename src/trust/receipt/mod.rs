//! A receipt: a site's signed word that it has a bundle, short enough to be typed or scanned.
//!
//! As bytes, big-endian: version (1), result (1), seconds since 1970 (4), digest (32), length of the site's name (1), the
//! name; then 64 bytes of an ed25519 signature over all of that, made as openssh PROTOCOL.sshsig says for the namespace
//! `kk-receipt` and SHA-512. As text, see [`note`].

mod note;
mod symbols;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use note::{LineProblem, NoteError};

use super::public_key::PublicKey;
use super::signature::{Namespace, Signature, SignatureError};
use super::signing_key::{SigningKey, SigningKeyError};
use crate::digest::Digest;

/// The version of receipts that this `kk` writes.
const VERSION: u8 = 1;

/// Bytes of a signature (RFC 8032, section 5.1.6).
const SIGNATURE: usize = 64;

/// Bytes before the site's name.
const FIXED: usize = 1 + 1 + 4 + 32 + 1;

/// No site's name is longer: it is that of the cluster file.
pub const LONGEST_NAME: usize = 63;

/// What became of a bundle at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivered {
    /// Its content is in the site's store.
    Imported,
    /// A cluster was installed from it.
    Installed,
    /// A cluster was upgraded with it.
    Upgraded,
}

impl fmt::Display for Delivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Imported => "imported",
            Self::Installed => "installed",
            Self::Upgraded => "upgraded",
        })
    }
}

/// Which bundle a site has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Name of the cluster file.
    pub site: String,
    /// Digest of the bundle's inventory, made whole: see `Inventory::whole`.
    pub digest: Digest,
    /// When, in seconds since 1970.
    pub seconds: u32,
    pub result: Delivered,
}

/// A receipt and a signature that may be the site's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    pub receipt: Receipt,
    signature: [u8; SIGNATURE],
}

/// Why bytes are not a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("it is a receipt of version {found}; this kk reads version {VERSION}")]
    Version { found: u8 },
    #[error("it is not a receipt")]
    Malformed,
}

impl Receipt {
    /// Signs it with the site's key.
    pub fn sign(self, key: &SigningKey) -> Result<SignedReceipt, SigningKeyError> {
        let made = key.sign(Namespace::Receipt, &self.to_bytes())?;
        let signature = made.bytes().try_into().map_err(|_| SigningKeyError::Failed)?;
        Ok(SignedReceipt { receipt: self, signature })
    }

    /// What is signed.
    fn to_bytes(&self) -> Vec<u8> {
        let result = match self.result {
            Delivered::Imported => 1,
            Delivered::Installed => 2,
            Delivered::Upgraded => 3,
        };
        let name = self.site.as_bytes();
        let name = name.get(..LONGEST_NAME).unwrap_or(name);
        let mut bytes = vec![VERSION, result];
        bytes.extend(self.seconds.to_be_bytes());
        bytes.extend(self.digest.bytes());
        bytes.push(name.len() as u8);
        bytes.extend(name);
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (fixed, name) = bytes.split_at_checked(FIXED)?;
        let result = match fixed.get(1)? {
            1 => Delivered::Imported,
            2 => Delivered::Installed,
            3 => Delivered::Upgraded,
            _ => return None,
        };
        let seconds = u32::from_be_bytes(fixed.get(2..6)?.try_into().ok()?);
        let digest = Digest::from_bytes(fixed.get(6..38)?.try_into().ok()?);
        let ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if usize::from(*fixed.last()?) != name.len() || name.is_empty() || !name.iter().all(ordinary) {
            return None;
        }
        let site = String::from_utf8(name.to_vec()).ok()?;
        Some(Self { site, digest, seconds, result })
    }
}

impl SignedReceipt {
    /// Whether this key, the site's, signed it.
    pub fn check(&self, key: &PublicKey) -> Result<(), SignatureError> {
        Signature::of_bytes(&self.signature, key, Namespace::Receipt)?.check(&self.receipt.to_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.receipt.to_bytes();
        bytes.extend(self.signature);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&found) => return Err(ReceiptError::Version { found }),
            None => return Err(ReceiptError::Malformed),
        }
        let parts = bytes.split_last_chunk::<SIGNATURE>();
        let parsed = parts
            .and_then(|(receipt, signature)| Some(Self { receipt: Receipt::parse(receipt)?, signature: *signature }));
        parsed.ok_or(ReceiptError::Malformed)
    }

    /// Numbered lines for people to type.
    pub fn lines(&self) -> String {
        note::lines(&self.to_bytes())
    }

    /// One run of capital letters, digits and dots: what a QR code holds most of.
    pub fn compact(&self) -> String {
        note::compact(&self.to_bytes())
    }
}

/// Reads a receipt from a text in either form, with whatever else stands around the lines. Whose it is, says
/// [`SignedReceipt::check`].
pub fn read(text: &str) -> Result<SignedReceipt, ReceiptError> {
    SignedReceipt::parse(&note::read(text)?)
}
