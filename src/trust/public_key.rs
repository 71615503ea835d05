//! The public half of a key, as a line that ssh-keygen writes.

use std::fmt;

use russh::keys::ssh_key::public::{Ed25519PublicKey, KeyData};
use russh::keys::ssh_key::{self, HashAlg};

/// An ed25519 key that signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; 32],
    comment: String,
}

/// No line with a key is longer than this many bytes.
const LONGEST_LINE: usize = 4096;

/// Why a line is not a key to trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    #[error("it is not a public key: expected ssh-ed25519, the key in base64, and a name for it")]
    Malformed,
    #[error("it is a key of type {found}; only ssh-ed25519 is accepted")]
    Algorithm { found: String },
    #[error("it is a private key; what is wanted here is the line in the file that ends with .pub")]
    Private,
}

impl PublicKey {
    /// Reads a line such as `ssh-ed25519 AAAA… release key of example.org`.
    pub fn parse(line: &str) -> Result<Self, PublicKeyError> {
        if line.contains("PRIVATE KEY-----") {
            return Err(PublicKeyError::Private);
        }
        let line = line.trim();
        if line.len() > LONGEST_LINE || line.chars().any(char::is_control) {
            return Err(PublicKeyError::Malformed);
        }
        let key = ssh_key::PublicKey::from_openssh(line).map_err(|_| PublicKeyError::Malformed)?;
        let comment = line.splitn(3, ' ').nth(2).unwrap_or_default().trim();
        Ok(Self::of(key.key_data())?.called(comment))
    }

    /// The key in a document of OpenSSH's.
    pub(super) fn of(data: &KeyData) -> Result<Self, PublicKeyError> {
        match data {
            KeyData::Ed25519(key) => Ok(Self { point: key.0, comment: String::new() }),
            other => Err(PublicKeyError::Algorithm { found: other.algorithm().to_string() }),
        }
    }

    /// The same key under another name.
    pub fn called(mut self, comment: &str) -> Self {
        self.comment = comment.to_owned();
        self
    }

    /// What its maker calls it; empty where it has no name.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether it is the same key, whatever it is called.
    pub fn is(&self, other: &Self) -> bool {
        self.point == other.point
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.data().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The line of the file that ends with `.pub`, without the newline.
    pub fn line(&self) -> String {
        // Encoding 32 bytes into memory cannot fail.
        let key = ssh_key::PublicKey::new(self.data(), "").to_openssh().unwrap_or_default();
        if self.comment.is_empty() { key } else { format!("{key} {}", self.comment) }
    }

    pub(super) fn data(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.point))
    }
}

impl fmt::Display for PublicKey {
    /// The fingerprint, and the name where there is one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())?;
        if self.comment.is_empty() { Ok(()) } else { write!(formatter, " ({})", self.comment) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
