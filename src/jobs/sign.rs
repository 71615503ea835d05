//! `kk artifact sign`: puts a signature into a bundle that is written already.

use std::path::PathBuf;

use serde::Serialize;

use super::demand::Demand;
use super::passphrase::Passphrase;
use super::{JobError, Kind, gather, keys};
use crate::bundle::parts::Source;
use crate::bundle::{self, Spelling};
use crate::digest::Digest;
use crate::event;
use crate::trust::{Endorsement, Namespace, SignatureFile, SigningKey};

/// What the command was asked to do.
pub struct Options {
    pub bundle: Vec<PathBuf>,
    pub signing: Signing,
    /// In place of the bundle itself.
    pub output: Option<PathBuf>,
    /// Replace an output that exists.
    pub overwrite: bool,
}

/// What was signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    pub path: PathBuf,
    /// Digest of the inventory, and so of the whole bundle: what the signature is about.
    pub digest: Digest,
    /// Fingerprint and name of the key.
    pub signer: String,
    /// Fingerprints and names of the keys that vouch for it; their word is carried along.
    pub endorsed_by: Vec<String>,
}

/// The key that signs, as the user names it.
#[derive(Clone, Debug)]
pub struct Signing {
    pub key: PathBuf,
    pub passphrase: Passphrase,
}

/// A key and who vouches for it: what it takes to sign a bundle.
pub struct Signer {
    key: SigningKey,
    endorsements: Vec<Endorsement>,
}

impl Signer {
    /// Reads the key, asks for its passphrase, and takes along the endorsements beside it.
    pub fn read(signing: &Signing) -> Result<Self, JobError> {
        let endorsements = keys::endorsements(&signing.key)?;
        let key = keys::signing_key(&signing.key, &signing.passphrase)?;
        if let Some(first) = endorsements.first().filter(|first| !first.key().is(key.public())) {
            let message = format!("the endorsement beside the key is for another one, {}", first.key());
            return Err(JobError::new(Kind::File, message));
        }
        Ok(Self { key, endorsements })
    }

    /// The content of `bundle.sig` for these bytes of `bundle.json`.
    pub fn sign(&self, inventory: &[u8]) -> Result<Vec<u8>, JobError> {
        let signature = self.key.sign(Namespace::Bundle, inventory);
        let signature = signature.map_err(|source| JobError::internal("the key cannot sign", source))?;
        Ok(SignatureFile { signature, endorsements: self.endorsements.clone() }.to_bytes())
    }
}

/// Signs a bundle. Its first entries are written anew, all others are copied as they are.
pub fn run(options: &Options) -> Result<Signed, JobError> {
    let output = options.output.clone();
    if let Some(output) = output.as_ref().filter(|output| output.exists() && !options.overwrite) {
        return Err(JobError::new(Kind::Declined, format!("{} exists already", output.display()))
            .hint("Give another name with -o, or --yes to replace it."));
    }
    let bundle = match gather::sources(&options.bundle, &event::silent())?.as_slice() {
        [source @ Source::File(_)] => gather::open_source(source, &Demand::default())?.0,
        [Source::Parts(_)] => {
            return Err(JobError::new(Kind::Usage, "a bundle is signed before it is split")
                .hint("kk artifact join makes one file of the parts; sign that one, and split it again"));
        }
        _ => return Err(JobError::new(Kind::Usage, "name one bundle with -a")),
    };
    let spelling = bundle.spelling();
    if let Some(output) = output.as_ref().filter(|output| Spelling::of_name(output) != Ok(spelling)) {
        let message = format!("{} does not end with {}", output.display(), spelling.ending());
        return Err(JobError::new(Kind::Usage, message).hint("signing leaves the bundle's spelling as it is"));
    }
    let signer = Signer::read(&options.signing)?;
    let signature = signer.sign(bundle.inventory_bytes())?;
    let path = output.unwrap_or_else(|| bundle.path().to_owned());
    bundle::sign(&bundle, &signature, &path)
        .map_err(|source| JobError::new(Kind::Internal, "the bundle was not signed").because(source))?;
    Ok(Signed {
        path,
        digest: bundle.digest(),
        signer: signer.key.public().to_string(),
        endorsed_by: signer.endorsements.iter().map(|one| one.by().to_string()).collect(),
    })
}
