//! `bundle.sig`: a signature, and after it the endorsements that lead to its key.

use super::endorsement::{Endorsement, EndorsementError};
use super::signature::{Namespace, Signature, SignatureError};

/// A file carries at most this many endorsements.
pub const MOST_ENDORSEMENTS: usize = 16;

/// No line of such a file is longer than this many bytes.
const LONGEST_LINE: usize = 4096;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// What `bundle.sig` holds. Its form is right; whether anything of it is true, [`super::accept`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    pub signature: Signature,
    pub endorsements: Vec<Endorsement>,
}

/// Why a signature file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFileError {
    #[error("it is not a text")]
    NotText,
    #[error("it does not begin with a signature and go on with endorsements")]
    Layout,
    #[error("the signature is refused: {0}")]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Endorsement(#[from] EndorsementError),
    #[error("it carries more than {MOST_ENDORSEMENTS} endorsements")]
    TooMany,
}

impl SignatureFile {
    /// Reads the content of `bundle.sig`. Any bytes may come; at most those of a bundle's front are worth giving.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureFileError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SignatureFileError::NotText)?;
        let (block, rest) = take_block(text).ok_or(SignatureFileError::Layout)?;
        let signature = Signature::parse(block, Namespace::Bundle)?;
        Ok(Self { signature, endorsements: parse_endorsements(rest)? })
    }

    /// Reads a file of endorsements alone, as `kk key endorse` writes it.
    pub fn parse_endorsements(bytes: &[u8]) -> Result<Vec<Endorsement>, SignatureFileError> {
        parse_endorsements(std::str::from_utf8(bytes).map_err(|_| SignatureFileError::NotText)?)
    }

    /// The content of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.signature.armored();
        self.endorsements.iter().for_each(|one| text += &one.text());
        text.into_bytes()
    }
}

fn parse_endorsements(mut text: &str) -> Result<Vec<Endorsement>, SignatureFileError> {
    let mut found = Vec::new();
    while !text.is_empty() {
        if found.len() == MOST_ENDORSEMENTS {
            return Err(SignatureFileError::TooMany);
        }
        let (block, rest) = take_block(text).ok_or(SignatureFileError::Layout)?;
        let (line, rest) = rest.split_once('\n').ok_or(SignatureFileError::Layout)?;
        if line.len() > LONGEST_LINE {
            return Err(SignatureFileError::Layout);
        }
        found.push(Endorsement::parse(block, line)?);
        text = rest;
    }
    Ok(found)
}

/// The armoured block that the text begins with, and what follows its newline.
fn take_block(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with(BEGIN) {
        return None;
    }
    let end = text.find(END)? + END.len();
    let (block, rest) = text.split_at_checked(end)?;
    Some((block, rest.strip_prefix('\n')?))
}
