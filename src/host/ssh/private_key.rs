//! Reading the private keys that a cluster file names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::{Error, PrivateKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};

/// No private key is larger than this.
const LARGEST_KEY: u64 = 1 << 20;

/// A key and how messages call it.
#[derive(Clone)]
pub(super) struct LoginKey {
    pub key: Arc<PrivateKey>,
    /// "the key /home/ann/.ssh/id_ed25519".
    pub label: String,
}

/// Why a private key cannot be used. Never carries any of the key.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateKeyError {
    #[error("the private key {} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{label} is encrypted and there is no passphrase for it")]
    Encrypted { label: String },
    #[error("{label} is encrypted and the passphrase does not open it")]
    Passphrase { label: String },
    #[error("{label} is not a private key of a format that kk reads (OpenSSH, PKCS#1, PKCS#8, SEC1, PuTTY)")]
    Format { label: String },
}

impl PrivateKeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "Check privateKeyPath in the cluster file; ~/ is the home of the user who runs kk.",
            Self::Encrypted { .. } => "Set privateKeyPassphrase for the host, or add the key to an SSH agent.",
            Self::Passphrase { .. } => "Check privateKeyPassphrase of the host.",
            Self::Format { .. } => {
                "A public key or a damaged file does not do; `ssh-keygen -y -f FILE` shows if it is whole."
            }
        }
    }
}

/// Reads a key file.
pub(super) fn load(path: &Path, passphrase: Option<&SecretString>) -> Result<LoginKey, PrivateKeyError> {
    let failed = |source| PrivateKeyError::Read { path: path.to_path_buf(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > LARGEST_KEY {
        return Err(failed(std::io::Error::other("it is larger than 1 MiB")));
    }
    let text = SecretString::from(std::fs::read_to_string(path).map_err(failed)?);
    decode(&text, passphrase, format!("the key {}", path.display()))
}

/// Reads a key's text.
pub(super) fn decode(
    text: &SecretString,
    passphrase: Option<&SecretString>,
    label: String,
) -> Result<LoginKey, PrivateKeyError> {
    let passphrase = passphrase.map(ExposeSecret::expose_secret).filter(|passphrase| !passphrase.is_empty());
    match decode_secret_key(text.expose_secret(), passphrase) {
        Ok(key) if key.is_encrypted() => Err(PrivateKeyError::Encrypted { label }),
        Ok(key) => Ok(LoginKey { key: Arc::new(key), label }),
        Err(Error::KeyIsEncrypted) if passphrase.is_none() => Err(PrivateKeyError::Encrypted { label }),
        Err(_) if passphrase.is_some() && is_encrypted(text, &label) => Err(PrivateKeyError::Passphrase { label }),
        Err(_) => Err(PrivateKeyError::Format { label }),
    }
}

/// Whether the text is a key that wants a passphrase.
fn is_encrypted(text: &SecretString, label: &str) -> bool {
    matches!(decode(text, None, label.to_string()), Err(PrivateKeyError::Encrypted { .. }))
}
