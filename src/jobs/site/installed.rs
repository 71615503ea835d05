//! What the site was installed from or upgraded to last: the inventory of that bundle, kept so that hosts can be held against
//! it when no bundle is at hand.

use std::fs;
use std::io::{self, Read};

use secrecy::SecretString;

use super::{Site, store};
use crate::bundle::{Inventory, MAX_INVENTORY};
use crate::jobs::{JobError, Kind};

const FILE: &str = "installed.json";

impl Site {
    /// Keeps the inventory that the hosts now are as.
    pub(super) fn keep_installed(&self, inventory: &Inventory) -> Result<(), JobError> {
        let json = inventory.whole().to_json();
        let json = json.map_err(|source| JobError::internal("the inventory cannot be written", source))?;
        let path = self.folder.join(FILE);
        let text = SecretString::from(String::from_utf8_lossy(&json).into_owned());
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
        let mut bytes = Vec::new();
        file.take(MAX_INVENTORY + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| JobError::internal(format!("cannot read {}", path.display()), source))?;
        if bytes.len() as u64 > MAX_INVENTORY {
            return Err(damaged());
        }
        let inventory: Inventory = serde_json::from_slice(&bytes).map_err(|source| damaged().because(source))?;
        inventory.check().map_err(|source| damaged().because(source))?;
        Ok(Some(inventory))
    }
}
