//! Who vouches for a bundle: keys, signatures, endorsements. Pure; jobs read the files and ask for passphrases.
//!
//! Everything is in OpenSSH's formats, so that stock `ssh-keygen` makes the same keys and checks the same signatures:
//! key files (openssh PROTOCOL.key) and detached signatures (openssh PROTOCOL.sshsig) by ed25519 over SHA-512. Nothing
//! else is accepted, so no weaker algorithm can be slipped in.
//!
//! - [`PublicKey`], [`key_list`]: whom somebody trusts. [`SigningKey`]: whoever can sign.
//! - [`Signature`]: one signature for one [`Namespace`]; [`Endorsement`]: an old key's word for a new one.
//! - [`receipt`]: a site's signed word that it has a bundle.
//! - [`SignatureFile`]: the content of `bundle.sig`; [`accept`](fn@accept): whether a site takes it.

mod accept;
mod endorsement;
mod key_list;
mod public_key;
pub mod receipt;
mod signature;
mod signature_file;
mod signing_key;
#[cfg(test)]
mod tests;

pub use accept::{Accepted, LONGEST_CHAIN, Refusal, Trust, accept};
pub use endorsement::{Endorsement, EndorsementError};
pub use key_list::{KeyListError, key_list};
pub use public_key::{PublicKey, PublicKeyError};
pub use signature::{Namespace, Signature, SignatureError};
pub use signature_file::{MOST_ENDORSEMENTS, SignatureFile, SignatureFileError};
pub use signing_key::{SigningKey, SigningKeyError};
