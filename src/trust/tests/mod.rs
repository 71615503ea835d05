//! Signatures and keys by ourselves and by stock ssh-keygen, each read by the other; and what attackers would try.

mod attacks;
mod chains;
mod keys;
mod stock;

use super::{PublicKey, SignatureFile, SigningKey, Trust};

const MESSAGE: &[u8] = b"{\n  \"format\": 1\n}\n";

fn key(name: &str) -> SigningKey {
    SigningKey::generate(name).unwrap()
}

/// A signature file by this key over [`MESSAGE`].
fn signed(key: &SigningKey) -> SignatureFile {
    let signature = key.sign(super::Namespace::Bundle, MESSAGE).unwrap();
    SignatureFile { signature, endorsements: Vec::new() }
}

/// Whom a site trusts that lists these keys and knows these endorsements.
fn trust(trusted: &[PublicKey], known: &[super::Endorsement]) -> Trust {
    Trust { trusted: trusted.to_vec(), known: known.to_vec(), revoked: Vec::new() }
}

/// What is said of a `bundle.sig` of these bytes where these keys are trusted.
fn verdict(bytes: &[u8], trusted: &[PublicKey]) -> String {
    let file = match SignatureFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => return format!("unread: {error}"),
    };
    match super::accept(&file, MESSAGE, &trust(trusted, &[])) {
        Ok(accepted) => format!("accepted: {}", accepted.signer.comment()),
        Err(error) => format!("refused: {error}"),
    }
}
