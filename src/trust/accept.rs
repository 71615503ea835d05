//! Whether a signature is by somebody who is trusted, or whom somebody trusted vouched for.

use super::endorsement::Endorsement;
use super::public_key::PublicKey;
use super::signature::SignatureError;
use super::signature_file::SignatureFile;

/// More endorsements than this between a trusted key and the signer are not followed.
pub const LONGEST_CHAIN: usize = 8;

/// A signature that fits and is by an accepted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The key that signed, under the name by which it is trusted or endorsed.
    pub signer: PublicKey,
    /// From a trusted key to the signer; empty where the signer is trusted itself.
    pub chain: Vec<Endorsement>,
    /// The trusted key from which the chain begins.
    pub trusted: PublicKey,
}

impl Accepted {
    /// The keys that lead to the signer, the trusted one first; none where the signer is trusted itself.
    pub fn vouchers(&self) -> Vec<PublicKey> {
        let Some((_, before)) = self.chain.split_last() else { return Vec::new() };
        std::iter::once(&self.trusted).chain(before.iter().map(Endorsement::key)).cloned().collect()
    }
}

/// Whom somebody trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys that may sign.
    pub trusted: Vec<PublicKey>,
    /// Endorsements that were accepted before.
    pub known: Vec<Endorsement>,
    /// Keys that may neither sign nor vouch, whoever vouches for them.
    pub revoked: Vec<PublicKey>,
}

/// A key that is reached from a trusted one.
struct Reached {
    key: PublicKey,
    chain: Vec<Endorsement>,
    trusted: PublicKey,
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is signed by {signer}, which is not a trusted key, and no trusted key vouches for it")]
    Unknown { signer: PublicKey },
    #[error("it is signed by {signer}, a key that was revoked")]
    Revoked { signer: PublicKey },
    #[error("it is signed by {signer}, for which the word of the trusted key {by} is forged: {source}")]
    Forged { signer: PublicKey, by: PublicKey, source: Box<SignatureError> },
    #[error("the signature is refused: {0}")]
    Signature(#[from] SignatureError),
}

/// Accepts a signature over `message` by one of the trusted keys, or by one that they vouch for through the
/// endorsements of the file and those that are known already, at most [`LONGEST_CHAIN`] in a row.
///
/// Only endorsements that begin at a trusted key are looked at, so those of strangers cost nothing.
pub fn accept(file: &SignatureFile, message: &[u8], trust: &Trust) -> Result<Accepted, Refusal> {
    let signer = file.signature.signer();
    let start = |key: &PublicKey| Reached { key: key.clone(), chain: Vec::new(), trusted: key.clone() };
    let is_revoked = |key: &PublicKey| trust.revoked.iter().any(|revoked| revoked.is(key));
    if is_revoked(signer) {
        return Err(Refusal::Revoked { signer: signer.clone() });
    }
    let mut reached: Vec<Reached> = trust.trusted.iter().filter(|key| !is_revoked(key)).map(start).collect();
    let mut forged = None;
    let mut from = 0;
    for _ in 0..=LONGEST_CHAIN {
        let newest = reached.get(from..).unwrap_or_default();
        if let Some(found) = newest.iter().find(|one| one.key.is(signer)) {
            file.signature.check(message)?;
            let Reached { key, chain, trusted } = found;
            return Ok(Accepted { signer: key.clone(), chain: chain.clone(), trusted: trusted.clone() });
        }
        let mut next: Vec<Reached> = Vec::new();
        for one in newest {
            for word in trust.known.iter().chain(&file.endorsements).filter(|word| word.by().is(&one.key)) {
                if is_revoked(word.key()) || reached.iter().chain(&next).any(|seen| seen.key.is(word.key())) {
                    continue;
                }
                match word.check() {
                    Ok(()) => {
                        let mut chain = one.chain.clone();
                        chain.push(word.clone());
                        next.push(Reached { key: word.key().clone(), chain, trusted: one.trusted.clone() });
                    }
                    Err(source) => forged = forged.or(Some((one.key.clone(), Box::new(source)))),
                }
            }
        }
        from = reached.len();
        reached.extend(next);
    }
    let signer = signer.clone();
    Err(match forged {
        Some((by, source)) => Refusal::Forged { signer, by, source },
        None => Refusal::Unknown { signer },
    })
}
