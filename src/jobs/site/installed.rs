//! What the site was installed from or upgraded to last: the inventory of that bundle, kept so that hosts can be held against
//! it when no bundle is at hand.

use std::fs;
use std::io;

use secrecy::SecretString;

use super::{Site, store};
use crate::bundle::{Inventory, read_bounded};
use crate::jobs::{JobError, Kind};

const FILE: &str = "installed.json";

impl Site {
    /// Keeps the inventory that the hosts now are as; `json` is that of a whole one.
    pub(super) fn keep_installed(&self, json: &[u8]) -> Result<(), JobError> {
        let path = self.folder.join(FILE);
        let text = SecretString::from(String::from_utf8_lossy(json).into_owned());
        store::write_private(&path, &text)
            .map_err(|source| JobError::internal(format!("cannot write {}", path.display()), source))
    }

    /// The inventory that the hosts were made to hold last; `None` where no run has recorded one.
    ///
    /// # Errors
    /// The file cannot be read or is no inventory.
    pub fn installed(&self) -> Result<Option<Inventory>, JobError> {
        let path = self.folder.join(FILE);
        let damaged = || {
            JobError::new(Kind::File, format!("{} is damaged", path.display()))
                .hint("the next kk create cluster or kk upgrade writes it anew")
        };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(JobError::internal(format!("cannot read {}", path.display()), source)),
        };
        let bytes = read_bounded(file).map_err(|source| damaged().because(source))?;
        let inventory: Inventory = serde_json::from_slice(&bytes).map_err(|source| damaged().because(source))?;
        inventory.check().map_err(|source| damaged().because(source))?;
        Ok(Some(inventory))
    }
}
