//! The secret half of a key, in a file as ssh-keygen makes it (openssh PROTOCOL.key).

use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{Cipher, HashAlg, Kdf, LineEnding, PrivateKey, SshSig};
use secrecy::{ExposeSecret, SecretString};

use super::public_key::{PublicKey, PublicKeyError};
use super::signature::{Namespace, Signature};

/// Whoever has it can sign.
pub struct SigningKey {
    key: PrivateKey,
    public: PublicKey,
}

/// Why a key cannot be made or used. Never carries any of it.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    #[error("it is not a private key as ssh-keygen writes it")]
    Malformed,
    #[error("it is a key of type {found}; only ssh-ed25519 signs bundles")]
    Algorithm { found: String },
    #[error("it is a public key; what signs is the file without .pub")]
    Public,
    #[error("it is encrypted, and there is no passphrase for it")]
    Encrypted,
    #[error("the passphrase does not open it")]
    Passphrase,
    #[error("this machine gives no random numbers")]
    Random,
    #[error("the key cannot be written or used to sign")]
    Failed,
}

/// Rounds of bcrypt that turn a passphrase into a key, as ssh-keygen has them since OpenSSH 9.4.
const ROUNDS: u32 = 24;

/// More rounds than this are not waited for: a key file may say any number, and each takes some milliseconds.
const MOST_ROUNDS: u32 = 2048;

impl SigningKey {
    /// A new key. The comment is how others will call it.
    pub fn generate(comment: &str) -> Result<Self, SigningKeyError> {
        let seed = random::<32>()?;
        let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        let key = PrivateKey::new(data, comment).map_err(|_| SigningKeyError::Failed)?;
        Self::of(key)
    }

    /// Reads a key file. Without a passphrase an encrypted one is [`SigningKeyError::Encrypted`].
    pub fn read(text: &SecretString, passphrase: Option<&SecretString>) -> Result<Self, SigningKeyError> {
        let text = text.expose_secret();
        if PublicKey::parse(text).is_ok() {
            return Err(SigningKeyError::Public);
        }
        let mut key = PrivateKey::from_openssh(text).map_err(|_| SigningKeyError::Malformed)?;
        // An encrypted file of another type is not worth a passphrase.
        PublicKey::of(key.public_key().key_data()).map_err(algorithm)?;
        if key.is_encrypted() {
            if matches!(key.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds > MOST_ROUNDS) {
                return Err(SigningKeyError::Malformed);
            }
            let passphrase = passphrase.ok_or(SigningKeyError::Encrypted)?;
            key = key.decrypt(passphrase.expose_secret()).map_err(|_| SigningKeyError::Passphrase)?;
        }
        Self::of(key)
    }

    fn of(key: PrivateKey) -> Result<Self, SigningKeyError> {
        let public = PublicKey::of(key.public_key().key_data()).map_err(algorithm)?;
        let comment: String = key.comment().as_str_lossy().chars().filter(|letter| !letter.is_control()).collect();
        Ok(Self { public: public.called(&comment), key })
    }

    /// The file's text, encrypted where there is a passphrase.
    pub fn to_text(&self, passphrase: Option<&SecretString>) -> Result<SecretString, SigningKeyError> {
        let failed = |_| SigningKeyError::Failed;
        let text = match passphrase {
            None => self.key.to_openssh(LineEnding::LF),
            Some(passphrase) => {
                let kdf = Kdf::Bcrypt { salt: random::<16>()?.to_vec(), rounds: ROUNDS };
                let check = u32::from_le_bytes(random::<4>()?);
                let passphrase = passphrase.expose_secret();
                self.key
                    .encrypt_with(Cipher::Aes256Ctr, kdf, check, passphrase)
                    .map_err(failed)?
                    .to_openssh(LineEnding::LF)
            }
        };
        Ok(SecretString::from(text.map_err(failed)?.to_string()))
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message. The same message gives the same signature: ed25519 draws no random numbers.
    pub fn sign(&self, namespace: Namespace, message: &[u8]) -> Result<Signature, SigningKeyError> {
        let signed = SshSig::sign(&self.key, namespace.name(), HashAlg::Sha512, message);
        Ok(Signature::of(signed.map_err(|_| SigningKeyError::Failed)?, self.public.clone(), namespace))
    }
}

fn algorithm(error: PublicKeyError) -> SigningKeyError {
    match error {
        PublicKeyError::Algorithm { found } => SigningKeyError::Algorithm { found },
        _ => SigningKeyError::Malformed,
    }
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], SigningKeyError> {
    let mut bytes = [0u8; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SigningKeyError::Random)?;
    Ok(bytes)
}
