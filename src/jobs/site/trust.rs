//! What a site remembers of the bundles that it accepted: who vouched for whom, and how far releases have come.
//!
//! `trust.json` in the site's folder:
//!
//! ```text
//! required       whether the cluster file has listed keys
//! releases       name of a bundle → the highest release that was accepted
//! endorsements   as in bundle.sig; they count as long as their chain begins at a listed key
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Site, store};
use crate::cluster::Cluster;
use crate::jobs::{JobError, Kind};
use crate::trust::{Endorsement, SignatureFile};

const FILE: &str = "trust.json";

/// What a site remembers of the bundles that it accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustRecord {
    pub required: bool,
    pub releases: BTreeMap<String, u64>,
    endorsements: Vec<String>,
}

impl TrustRecord {
    /// The record of a site whose folder may not be there yet.
    pub fn of(cluster: &Cluster) -> Result<Self, JobError> {
        Self::read(Site::folder_of(cluster)?.join(FILE))
    }

    fn read(path: PathBuf) -> Result<Self, JobError> {
        let text = match store::read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(JobError::internal(format!("cannot read the site's {}", path.display()), source));
            }
        };
        serde_json::from_str(&text).map_err(|source| {
            JobError::new(Kind::File, format!("{} is damaged: it says what this site trusts", path.display()))
                .because(source)
                .hint("bring it back from a backup; without it, old bundles and keys are not told from new ones")
        })
    }

    /// The endorsements that were accepted. One that cannot be read any more is none.
    pub fn endorsements(&self) -> Vec<Endorsement> {
        self.endorsements
            .iter()
            .filter_map(|text| SignatureFile::parse_endorsements(text.as_bytes()).ok())
            .flatten()
            .collect()
    }

    /// Remembers an endorsement; the same one once.
    pub fn remember(&mut self, word: &Endorsement) {
        let text = word.text();
        if !self.endorsements.contains(&text) {
            self.endorsements.push(text);
        }
    }
}

impl Site {
    /// Changes what the site remembers.
    pub fn remember(&self, change: impl FnOnce(&mut TrustRecord)) -> Result<(), JobError> {
        let path = self.folder.join(FILE);
        let before = TrustRecord::read(path.clone())?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&after)
            .map_err(|source| JobError::internal("what the site trusts cannot be written", source))?;
        store::write_private(&path, &SecretString::from(text + "\n"))
            .map_err(|source| JobError::internal(format!("cannot write {}", path.display()), source))
    }
}
