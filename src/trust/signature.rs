//! One detached signature (openssh PROTOCOL.sshsig).

use russh::keys::ssh_key::{self, Algorithm, HashAlg, LineEnding, SshSig};

use super::public_key::{PublicKey, PublicKeyError};

/// What a signature is meant for; one that was made for something else never fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The bytes of `bundle.json`.
    Bundle,
    /// The line of a new public key, with its newline.
    Key,
    /// What a site says of a delivery.
    Receipt,
}

impl Namespace {
    /// As `ssh-keygen -Y verify -n` wants it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundle => "kk-bundle",
            Self::Key => "kk-key",
            Self::Receipt => "kk-receipt",
        }
    }
}

/// A signature whose form is right: ed25519 over SHA-512, for one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    inner: SshSig,
    signer: PublicKey,
    namespace: Namespace,
}

/// Why a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("it is not a signature as ssh-keygen writes it")]
    Malformed,
    #[error("it is made with a key of type {found}; only ssh-ed25519 is accepted")]
    Algorithm { found: String },
    #[error("it signs a digest by {found}; only sha512 is accepted")]
    Hash { found: String },
    #[error("it is made for {found:?}, not for {}", expected.name())]
    Namespace { expected: Namespace, found: String },
    #[error("it does not fit: it was made over something else, or by another key than {signer}")]
    Wrong { signer: PublicKey },
}

impl Signature {
    /// Reads one armoured block. Says nothing yet of whom it is by, or whether it fits anything.
    pub fn parse(block: &str, namespace: Namespace) -> Result<Self, SignatureError> {
        let inner = SshSig::from_pem(block).map_err(|_| SignatureError::Malformed)?;
        if inner.version() != SshSig::VERSION || !inner.reserved().is_empty() {
            return Err(SignatureError::Malformed);
        }
        let signer = PublicKey::of(inner.public_key()).map_err(|error| match error {
            PublicKeyError::Algorithm { found } => SignatureError::Algorithm { found },
            _ => SignatureError::Malformed,
        })?;
        if inner.algorithm() != Algorithm::Ed25519 {
            return Err(SignatureError::Algorithm { found: inner.algorithm().to_string() });
        }
        if inner.hash_alg() != HashAlg::Sha512 {
            return Err(SignatureError::Hash { found: inner.hash_alg().to_string() });
        }
        if inner.namespace() != namespace.name() {
            let found = inner.namespace().chars().filter(|letter| !letter.is_control()).take(40).collect();
            return Err(SignatureError::Namespace { expected: namespace, found });
        }
        Ok(Self { inner, signer, namespace })
    }

    pub(super) fn of(inner: SshSig, signer: PublicKey, namespace: Namespace) -> Self {
        Self { inner, signer, namespace }
    }

    /// A signature of which only the 64 bytes crossed.
    pub(super) fn of_bytes(bytes: &[u8], signer: &PublicKey, namespace: Namespace) -> Result<Self, SignatureError> {
        let malformed = |_| SignatureError::Malformed;
        let bytes = ssh_key::Signature::new(Algorithm::Ed25519, bytes.to_vec()).map_err(malformed)?;
        let inner = SshSig::new(signer.data(), namespace.name(), HashAlg::Sha512, bytes).map_err(malformed)?;
        Ok(Self { inner, signer: signer.clone(), namespace })
    }

    /// The key that it says it is by. True only once [`Signature::check`] said so.
    pub fn signer(&self) -> &PublicKey {
        &self.signer
    }

    /// Whether the signer made it over this message, for its namespace.
    pub fn check(&self, message: &[u8]) -> Result<(), SignatureError> {
        let key = ssh_key::PublicKey::new(self.signer.data(), "");
        key.verify(self.namespace.name(), message, &self.inner)
            .map_err(|_| SignatureError::Wrong { signer: self.signer.clone() })
    }

    /// The armoured block, with a newline at its end.
    pub fn armored(&self) -> String {
        // Encoding a few hundred bytes into memory cannot fail.
        let mut text = self.inner.to_pem(LineEnding::LF).unwrap_or_default();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// The bare 64 bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.inner.signature_bytes()
    }
}
