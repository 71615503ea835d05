//! What is demanded of a bundle before it is read: by whom it must be signed.

use std::cell::RefCell;
use std::path::PathBuf;

use super::{JobError, Kind, keys};
use crate::bundle::OpenError;
use crate::trust::{self, Accepted, Endorsement, Namespace, PublicKey, Refusal, SignatureFile, SignatureFileError};

/// What is demanded of a bundle. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Keys of which one must have signed; none where no signature is needed.
    trusted: Vec<PublicKey>,
    /// Endorsements that were accepted before.
    known: Vec<Endorsement>,
    /// Who demands it, for messages: `--key`, `cluster.yaml`.
    by: String,
}

/// Why a bundle's signature is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureRefused {
    #[error("it is not signed")]
    Unsigned,
    #[error("its bundle.sig cannot be used: {0}")]
    File(#[from] SignatureFileError),
    #[error(transparent)]
    Signer(#[from] Refusal),
}

impl Demand {
    /// A signature by one of the keys in these files; nothing where there are none.
    pub fn of_key_files(paths: &[PathBuf]) -> Result<Self, JobError> {
        let trusted = keys::trusted(paths, Namespace::Bundle)?;
        Ok(Self { trusted, by: "--key".into(), ..Self::default() })
    }

    /// Opens a bundle by way of this demand: `open` hands the check to [`crate::bundle::Bundle::open_checked`]. Returns
    /// by whom the bundle is signed where that was demanded.
    pub fn opening<T>(
        &self,
        open: impl FnOnce(&crate::bundle::SignatureCheck<'_>) -> Result<T, OpenError>,
    ) -> Result<(T, Option<Accepted>), OpenError> {
        let accepted = RefCell::new(None);
        let check = |inventory: &[u8], signature: Option<&[u8]>| {
            *accepted.borrow_mut() = self.check(inventory, signature)?;
            Ok(())
        };
        let opened = open(&check)?;
        Ok((opened, accepted.into_inner()))
    }

    fn check(&self, inventory: &[u8], signature: Option<&[u8]>) -> Result<Option<Accepted>, SignatureRefused> {
        if self.trusted.is_empty() {
            return Ok(None);
        }
        let file = SignatureFile::parse(signature.ok_or(SignatureRefused::Unsigned)?)?;
        Ok(Some(trust::accept(&file, inventory, &self.trusted, &self.known)?))
    }

    /// The error for a bundle that was refused.
    pub fn refusal(&self, error: OpenError) -> JobError {
        let names: Vec<String> = self.trusted.iter().map(ToString::to_string).collect();
        let wanted = names.join(" or ");
        JobError::new(Kind::Bundle, error.to_string())
            .hint(format!("{} asks for a signature by {wanted}; nothing else of the bundle was read", self.by))
    }
}
